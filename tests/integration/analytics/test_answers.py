"""The answers of three weeks of history on real Kafka, against figures counted by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deploy.analytics import answers
from tests.integration.analytics import history
from tests.integration.analytics.kafka import TOPICS, Written
from tests.integration.analytics.running import run
from tests.support.schemas import complaints
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def folder(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the whole history."""
    written = Written(stack.bootstrap_servers, "test-answers")
    written.make(*TOPICS)
    written.say(history.everything())
    written.put("tickets", b"{nonsense")
    written.put("messages", None)
    written.put("sla", b'["no", "object"]')
    written.flush()
    folder = tmp_path_factory.mktemp("analytics") / "files"
    outcome = run(written, folder)
    assert outcome.returncode == 0, outcome.stderr
    assert "3 records are no events" in outcome.stdout
    return folder


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views over them, as of a Wednesday noon, in UTC."""
    with answers.opened(folder, "UTC", history.AS_OF) as opened:
        yield opened


def rows(database: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    """The rows of an answer."""
    return list(answers.answer(database, name).rows)


def test_the_history_is_what_the_contract_allows() -> None:
    """Every record but the one of an unknown type passes its documented schema."""
    said = [complaint for record in history.everything() for complaint in complaints(record)]
    assert said == ["there is no schema of 'careline.ticket.praised.v3'"]


def test_attainment(database: duckdb.DuckDBPyConnection) -> None:
    """By week, plan and clock; the retracted breach of A2 counts as met, A4's pause as running."""
    assert rows(database, "attainment") == [
        ("advanced", "first_response", "2026-W46", 2, 0, 0, 0, 100.0),
        ("advanced", "resolution", "2026-W46", 1, 0, 0, 0, 100.0),
        ("advanced", "first_response", "2026-W47", 2, 1, 0, 0, 66.7),
        ("advanced", "resolution", "2026-W47", 0, 0, 0, 1, None),
        ("starter", "first_response", "2026-W47", 1, 0, 0, 0, 100.0),
        ("starter", "first_response", "2026-W48", 0, 0, 1, 2, None),
    ]


def test_weeks_begin_in_the_zone_that_is_asked_for(folder: Path) -> None:
    """S4 came on Sunday at 23:30 UTC, which is Monday in Berlin."""
    with answers.opened(folder, "Europe/Berlin", history.AS_OF) as database:
        starter = [row for row in rows(database, "attainment") if row[0] == "starter"]
    assert starter == [("starter", "first_response", "2026-W48", 1, 0, 1, 2, 100.0)]


def test_first_response(database: duckdb.DuckDBPyConnection) -> None:
    """Of 1,800, 3,600, 14,340 and a breach at 14,400; A5 does not say its working time."""
    assert rows(database, "first_response") == [
        ("advanced", 4, 1, 1, 3_600, 14_340, 14_400, 14_400, "p90, p99"),
        ("starter", 1, 0, 0, 60, 60, 60, 60, ""),
    ]


def test_backlog_now(database: duckdb.DuckDBPyConnection) -> None:
    """A2 and A4 for weeks, S3 since this night, S4 since Sunday; S1 in another queue."""
    assert rows(database, "backlog_now") == [
        ("support", "advanced", 2, 0, 0, 0, 0, 0, 2, 361.0),
        ("support", "starter", 2, 0, 0, 1, 1, 0, 0, 60.5),
        ("billing", "starter", 1, 0, 0, 0, 1, 0, 0, 51.0),
    ]


def test_backlog_by_day(database: duckdb.DuckDBPyConnection) -> None:
    """At each midnight: A1 goes, comes back and goes; the last line is Wednesday noon."""
    found = {row[0]: row[1:] for row in rows(database, "backlog_by_day")}
    assert len(found) == 17
    assert [found[f"2026-11-{day:02d}"][0] for day in range(9, 26)] == [
        *(1, 1, 2, 1, 1, 1, 1),
        *(1, 3, 2, 2, 2, 2, 3),
        *(4, 5, 5),
    ]
    assert found["2026-11-11"] == (2, 0, 2, 0, 0, 62.0)
    assert found["2026-11-16"] == (1, 0, 0, 1, 0, 157.0)
    assert found["2026-11-25"] == (5, 1, 2, 0, 2, 361.0)


def test_volumes(database: duckdb.DuckDBPyConnection) -> None:
    """Tickets by the channel they came by; a note is no message, a repeat no ticket."""
    assert rows(database, "volumes") == [
        ("2026-11-09", "api", 0, 0, 1),
        ("2026-11-09", "web", 1, 0, 0),
        ("2026-11-10", "mail", 1, 0, 0),
        ("2026-11-11", "mail", 0, 1, 0),
        ("2026-11-16", "web", 1, 0, 0),
        ("2026-11-17", "api", 1, 0, 0),
        ("2026-11-17", "web", 1, 0, 0),
        ("2026-11-22", "web", 1, 0, 0),
        ("2026-11-23", "chat", 1, 0, 0),
        ("2026-11-23", "web", 1, 0, 0),
        ("2026-11-24", "web", 1, 0, 0),
    ]


def test_reopened(database: duckdb.DuckDBPyConnection) -> None:
    """A1 was over twice and reopened once."""
    assert rows(database, "reopened") == [
        ("2026-W46", 2, 1, 1),
        ("2026-W47", 2, 0, 0),
        ("2026-W48", 1, 0, 0),
    ]


def test_notifications(database: duckdb.DuckDBPyConnection) -> None:
    """Three of five were taken, after 0.5, 1.5 and 2.5 s."""
    assert rows(database, "notifications") == [
        ("acknowledgement", "email", 3, 1, 1, 1, 1.5, 2.5, 2.5)
    ]


def test_plan_changes(database: duckdb.DuckDBPyConnection) -> None:
    """The account's first plan is new, and its next one is up: it promises 4 hours and not 16."""
    assert rows(database, "plan_changes") == [
        ("2026-W46", "none before", "starter", "new", 1),
        ("2026-W47", "starter", "advanced", "up", 1),
    ]


def test_what_was_read(database: duckdb.DuckDBPyConnection) -> None:
    """Per topic: rows, the one repeat, and what was no event; `privacy` is empty."""
    counted = {row[0]: row[1:4] for row in rows(database, "stream")}
    assert counted == {
        "accounts": (2, 0, 0),
        "messages": (3, 0, 1),
        "notifications": (5, 0, 0),
        "sla": (34, 0, 1),
        "tickets": (19, 1, 1),
    }


def test_rejects_say_where_and_why(database: duckdb.DuckDBPyConnection) -> None:
    """And nothing of what they held."""
    found = database.execute("SELECT topic, reason, size_bytes FROM rejects ORDER BY topic")
    assert found.fetchall() == [
        ("messages", "no value: a tombstone", 0),
        ("sla", "no JSON object", 16),
        ("tickets", "not JSON", 9),
    ]


def test_unknown_types_and_fields_are_kept(database: duckdb.DuckDBPyConnection) -> None:
    """As JSON text, but for the personal part."""
    kept = database.execute(
        "SELECT data, attributes->>'$.mood' FROM events WHERE type = 'careline.ticket.praised.v3'"
    )
    assert kept.fetchall() == [('{"stars":5,"by":{"kind":"customer"}}', "sunny")]


def test_nothing_personal_is_in_the_files(database: duckdb.DuckDBPyConnection) -> None:
    """No row of any type has a `private` part."""
    counted = database.execute(
        "SELECT count(*), count(*) FILTER (data LIKE '%sealed%' OR data LIKE '%private%') "
        "FROM records"
    )
    assert counted.fetchall() == [(63, 0)]


def test_every_type_has_a_view_with_its_fields(database: duckdb.DuckDBPyConnection) -> None:
    """Typed by the schemas in docs/events: instants are instants, numbers are numbers."""
    found = database.execute(
        "SELECT clock, revision, typeof(met), elapsed_seconds, pauses FROM deadline_met "
        "WHERE elapsed_seconds = 60"
    )
    ((clock, revision, kind, elapsed, pauses),) = found.fetchall()
    assert (clock, revision, kind) == ("first_response", 2, "TIMESTAMP WITH TIME ZONE")
    assert (elapsed, pauses) == (60.0, "[]")
