"""The pages on kcat and on a consumer in Python: their text, on the stream itself."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.integration.analytics_snippets.conftest import tell
from tests.support import told
from tests.support.snippets import names, snippet
from tests.support.waiting import until

FOLLOW = Path(__file__).parents[3] / "deploy" / "event_docs" / "snippets" / "follow.py"
ON_TICKETS = [event for event in told.events() if told.topic_of(event) == "careline.tickets"]
DEADLINES = [event for event in told.events() if ".deadline." in event["type"]]


@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
def test_kcat_counts_types_and_finds_a_ticket(kafka: str) -> None:
    """The pipes of the page give each type's number, and one ticket's records in order."""
    assert names("kcat.md") == {"types", "ticket"}
    counted = [line.split() for line in _shell("types", kafka).splitlines()]
    assert {said.partition(":")[2].strip('"'): int(number) for number, said in counted} == (
        Counter(event["type"] for event in ON_TICKETS)
    )
    ticket = ON_TICKETS[0]["subject"]
    lines = [line.split(" ", 4) for line in _shell("ticket", kafka, TICKET=ticket).splitlines()]
    of_it = [event for event in ON_TICKETS if event["subject"] == ticket]
    assert [told.written(event).decode() for event in of_it] == [line[4] for line in lines]
    assert {line[3] for line in lines} == {ticket}
    assert len({line[0] for line in lines}) == 1


def test_the_documented_reader_reads_it(kafka: str) -> None:
    """What the events' own page shows as a first program follows the tickets as it is."""
    created = [event for event in ON_TICKETS if event["type"] == "careline.ticket.created.v1"]
    assert len(created) > 1
    with subprocess.Popen(  # noqa: S603 - a program of ours
        [sys.executable, "-u", str(FOLLOW), kafka], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in created]
        program.terminate()
    assert all(re.match(r"\d{4}-\S+Z [0-9a-f-]{36} ", line) for line in lines), lines


def _shell(block: str, kafka: str, **more: str) -> str:
    environ = os.environ | {"CARELINE_KAFKA": kafka} | more
    command = ["/bin/sh", "-ec", snippet("kcat.md", block)]
    return subprocess.run(  # noqa: S603 - the page's own words
        command, env=environ, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.long
async def test_a_consumer_that_is_killed_counts_each_event_once(kafka: str, tmp_path: Path) -> None:
    """Killed, it reads much again; what it has in the end is what became of each promise."""
    assert names("python.md") == {"consumer", "attainment"}
    (tmp_path / "consumer.py").write_text(snippet("python.md", "consumer"), encoding="utf-8")
    news = told.news("while the consumer was away")
    everything = {event["id"] for event in (*DEADLINES, news)}
    async with _running(tmp_path, kafka) as process:
        await until(lambda: _seen(tmp_path), what="it has begun")
        process.kill()  # before it has told Kafka how far it came
    await tell(kafka, [news])
    async with _running(tmp_path, kafka) as process:
        await until(lambda: _seen(tmp_path) >= everything, within=90, what="all is read")
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None, what="it has stopped")
        assert process.returncode == 0
    with closing(sqlite3.connect(tmp_path / "deadlines.sqlite")) as database:
        found = database.execute(snippet("python.md", "attainment")).fetchall()
    assert {plan: (met, breached) for plan, met, breached in found} == told.attainment()


@asynccontextmanager
async def _running(folder: Path, kafka: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    environ = os.environ | {"CARELINE_KAFKA": kafka}
    command = [sys.executable, "consumer.py"]
    process = subprocess.Popen(command, cwd=folder, env=environ)  # noqa: ASYNC220, S603 - ours
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _seen(folder: Path) -> set[str]:
    """The ids that the consumer has handled so far."""
    path = folder / "deadlines.sqlite"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as database:
        try:
            return {row[0] for row in database.execute("SELECT id FROM seen")}
        except sqlite3.OperationalError:  # it is just being made
            return set()
