"""Views that follow from JSON Schemas, and answers of nothing."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from deploy.analytics import answers, charts, report, views, wording
from deploy.analytics.answers import Answer
from deploy.analytics.layout import EVENTS

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCHEMA = {
    "properties": {"data": {"$ref": "#/$defs/Data"}},
    "$defs": {
        "Kind": {"type": "string", "enum": ["a", "b"]},
        "Data": {
            "properties": {
                "kind": {"$ref": "#/$defs/Kind"},
                "count": {"type": "integer"},
                "share": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "sure": {"type": "boolean"},
                "since": {"type": "string", "format": "date-time"},
                "parts": {"type": "array"},
                "offset": {"type": "integer"},
                "private": {"type": "object"},
            }
        },
    },
}


def test_columns_have_the_types_of_the_schema() -> None:
    """References and optional fields are followed, `private` is left out, names don't collide."""
    with duckdb.connect() as database:
        database.execute(views.source("records", EVENTS, Path("/nowhere")))
        for sql in views.of_types({"careline.thing.done.v2": SCHEMA}):
            database.execute(sql)
        found = database.execute("DESCRIBE thing_done_v2").fetchall()
    assert {row[0]: row[1] for row in found[len(views.ENVELOPE) :]} == {
        "kind": "VARCHAR",
        "count": "BIGINT",
        "share": "DOUBLE",
        "sure": "BOOLEAN",
        "since": "TIMESTAMP WITH TIME ZONE",
        "parts": "JSON",
        "data_offset": "BIGINT",
    }


def test_every_documented_type_has_a_view(tmp_path: Path) -> None:
    """All schemas of `docs/events` are understood, also while there is no file."""
    with answers.opened(tmp_path, "UTC", NOW) as database:
        for path in views.SCHEMAS.glob("*.json"):
            name = views.view_name(path.stem)
            assert database.execute(f"SELECT count(*) FROM {name}").fetchall() == [(0,)]  # noqa: S608 - our own names


def test_views_work_in_any_duckdb(tmp_path: Path) -> None:
    """`views.sql` needs nothing set before: weeks are then those of UTC."""
    with duckdb.connect() as database:
        database.execute(views.script(tmp_path))
        week = database.execute("SELECT week_of(TIMESTAMPTZ '2026-11-22T23:30:00Z')")
        assert week.fetchall() == [("2026-W47",)]


def test_a_folder_with_a_quote_in_its_name_is_read(tmp_path: Path) -> None:
    """Its name is quoted where it stands in SQL."""
    folder = tmp_path / "agents' files"
    (folder / "stream" / "sla" / "0000").mkdir(parents=True)
    path = folder / "stream" / "sla" / "0000" / "0.parquet"
    duckdb.execute("COPY (SELECT 'one' AS id, 'x' AS type) TO $path", {"path": str(path)})
    with duckdb.connect() as database:
        database.execute(views.source("records", EVENTS, folder / "stream"))
        assert database.execute("SELECT id FROM records").fetchall() == [("one",)]


@pytest.mark.parametrize("name", answers.QUESTIONS)
def test_every_question_says_what_it_answers(name: str) -> None:
    """Its file opens with a title and a sentence."""
    lines = (answers.FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("-- ")
    assert lines[1].startswith("-- ")


def test_every_file_of_sql_is_asked() -> None:
    """None is forgotten."""
    assert {path.stem for path in answers.FOLDER.glob("*.sql")} == {*answers.QUESTIONS, "model"}


def test_of_nothing_every_answer_is_empty_and_the_page_says_so(tmp_path: Path) -> None:
    """A desk that has just begun is no error."""
    found = answers.ask(tmp_path, "UTC", NOW)
    assert {name: len(answer.rows) for name, answer in found.items()} == dict.fromkeys(found, 0)
    page = report.rendered(found, zone="UTC", as_of=NOW)
    assert page.count("Nothing yet.") == len(answers.QUESTIONS)
    assert "<svg" not in page


PROMISES = Answer(
    "attainment",
    "Promises kept",
    "Of `each` plan.",
    ("plan", "clock", "week", "met", "breached", "cancelled", "still_running", "met_percent"),
    (("<advanced>", "update", "2026-W47", 3, 1, 0, 2, 75.0),),
)


class Outside(HTMLParser):
    """Collects what a page would fetch or run, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        for name, value in attrs:
            if name in {"src", "href", "xlink:href"} and not str(value).startswith("#"):
                self.found.append(f"{tag} {value}")
            if name == "id":
                self.ids.append(str(value))
        if tag in {"script", "link", "iframe", "img"}:
            self.found.append(tag)


def test_the_page_stands_alone(tmp_path: Path) -> None:
    """It fetches nothing and runs nothing; ids are unique; charts are told in words."""
    found = answers.ask(tmp_path, "UTC", NOW) | {"attainment": PROMISES}
    page = report.rendered(found, zone="UTC", as_of=NOW)
    seen = Outside()
    seen.feed(page)
    assert seen.found == []
    assert len(seen.ids) == len(set(seen.ids))
    assert "3 met, 1 breached, so 75 % met." in page
    assert "<advanced>" not in page
    assert "Of <code>each</code> plan." in page


def test_the_same_answer_is_drawn_the_same() -> None:
    """No date and no random id is in a chart, and its colours are the page's."""
    first, second = charts.of(PROMISES), charts.of(PROMISES)
    assert first == second
    assert "var(--series-1)" in first[0].wide
    assert "#0a0001" not in first[0].wide


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.73, "0.7 s"),
        (12, "12 s"),
        (61, "1 min 1 s"),
        (2_760, "46 min"),
        (14_400, "4 h"),
        (200_000, "55 h 33 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """Hours of work are not made into days, which nobody works through."""
    assert wording.duration(seconds) == said


def test_schemas_are_read_from_the_contract() -> None:
    """What `docs/events` documents, and nothing else, makes the views."""
    documented = json.loads((views.SCHEMAS / "careline.deadline.met.v1.json").read_text("utf-8"))
    (sql,) = views.of_types({"careline.deadline.met.v1": documented})
    assert '"elapsed_seconds"' in sql
