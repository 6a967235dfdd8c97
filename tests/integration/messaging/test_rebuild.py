"""messaging's database is lost: the stream has its conversations, and nothing is said twice.

One history is told; each test loses what messaging kept of it, and has it rebuilt in another way.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest

from shared.envelope import Topic
from shared.messages import MessagePosted
from tests.support import said, said_mails
from tests.support.desk import Desk, running_desk
from tests.support.lost_database import (
    Record,
    has_heard_all,
    lose_database,
    new_since,
    records_on,
)
from tests.support.messaging_history import FORGOTTEN, History
from tests.support.messaging_kept import (
    HEARD,
    NOT_REBUILT,
    REBUILT,
    SAID_ON,
    Dump,
    dump,
    tables,
)
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(360)  # more than all waits of a test together


@dataclass
class Told:
    """What messaging kept, and what was on the stream, before its database was lost."""

    kept: Dump = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for all tests of this module."""
    with running_desk(stack, tmp_path_factory.mktemp("rebuild")) as made:
        yield made


@pytest.fixture(scope="module")
def history(desk: Desk) -> History:
    """What is told, once."""
    return History(desk)


@pytest.fixture(scope="module")
def told() -> Told:
    """Filled once it was told."""
    return Told()


@pytest.fixture
async def before(desk: Desk, history: History, told: Told) -> AsyncIterator[Told]:
    """All was told, nobody runs, and messaging's database is gone."""
    if not told.records:
        for service in ("messaging", "sla", "notifier"):
            desk.start(service)
            await desk.ready(service)
        await history.tell()
        desk.stop("sla")
        desk.stop("notifier")
        heard = partial(has_heard_all, desk, "messaging", HEARD)
        await until(heard, within=60, what="messaging has heard all")
        desk.stop("messaging")
        assert await tables(desk) == REBUILT.keys() | NOT_REBUILT.keys()
        told.kept, told.records = await dump(desk), await _records(desk)
        forgotten = [row for row in told.kept["threads"] if row["subject"] is None]
        assert [row["requester"] for row in forgotten] == [FORGOTTEN]
        _lose_words(told.kept, history)
    await lose_database(desk, "messaging")
    yield told
    for name in list(desk.processes):
        desk.stop(name)


async def _records(desk: Desk) -> list[Record]:
    """Whatever messaging can have said, its dead letters included."""
    return await records_on(desk, *SAID_ON, dead_of="messaging")


def _lose_words(kept: Dump, history: History) -> None:
    """Of what a lost key had sealed the words don't come back; the places do."""
    ticket = said.ticket_of(history.tickets["lost"])
    (thread,) = [row for row in kept["threads"] if row["ticket"] == ticket]
    thread |= dict.fromkeys(("requester_name", "subject", "address", "fingerprint"))
    messages = [row for row in kept["messages"] if row["ticket"] == ticket]
    assert len(messages) == 2
    for row in messages:  # the answer is written to whoever asked, and sealed for them
        row |= {"author_name": None, "text": "", "words": ""}


async def _rebuilt(desk: Desk) -> Dump:
    """What messaging keeps, once nobody is left to be forgotten again."""
    sql = "SELECT 1 WHERE NOT EXISTS (SELECT FROM erasures WHERE state <> 'erased')"
    await until(partial(desk.query, "messaging", sql), what="who is forgotten is forgotten again")
    return await dump(desk)


async def _assert_as_before(desk: Desk, before: Told) -> None:
    """Row by row the same, and not one record more."""
    rebuilt = await _rebuilt(desk)
    for table, rows in before.kept.items():
        assert rows or table == "erasure_reports", f"nothing was told that {table} could lose"
        assert rebuilt[table] == sorted(rows, key=str), table
    (row,) = await desk.query("messaging", "SELECT count(*) FROM remembered")
    assert row["count"] == 0
    (row,) = await desk.query("messaging", "SELECT count(*) FROM outbox")
    assert row["count"] == 0
    assert new_since(before.records, await _records(desk)) == []


async def test_a_lost_database_is_rebuilt_as_it_was(desk: Desk, before: Told) -> None:
    """Threads with all that was written and set, files, clocks, plans, links; nothing is said."""
    desk.start("messaging")
    await desk.ready("messaging")
    await _assert_as_before(desk, before)
    assert not [line for line in desk.log("messaging") if line["event"] == "dead_letter"]


# The others go with `make long`: every service passes them the same way.
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("rebuilding.drawn", marks=pytest.mark.long),
        pytest.param("messaging.before_commit", marks=pytest.mark.long),
        pytest.param("messaging.committed", marks=pytest.mark.long),
        "messaging.put_together",
        pytest.param("rebuilding.finished", marks=pytest.mark.long),
    ],
)
async def test_whoever_dies_on_the_way_goes_on(desk: Desk, before: Told, place: str) -> None:
    """Killed in the middle and started anew, it comes to the same."""
    desk.start("messaging", CARELINE_FAILPOINT=place)
    await desk.died("messaging")
    desk.start("messaging")
    await desk.ready("messaging")
    await _assert_as_before(desk, before)


async def test_replicas_rebuild_together(desk: Desk, before: Told) -> None:
    """Each hears its partitions; one puts together what both have heard."""
    desk.start("messaging")
    desk.start("messaging", name="another", CARELINE_HTTP_PORT=str(desk.ports.intake))
    await desk.ready("messaging")

    async def is_ready() -> bool:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{desk.url('intake')}/health/ready")
        return answer.status_code == httpx.codes.OK

    await until(is_ready, within=60, what="the other replica is ready")
    await _assert_as_before(desk, before)


async def test_a_mail_that_nobody_had_posted_is_posted_at_the_end(
    desk: Desk, before: Told, history: History
) -> None:
    """It came while messaging was down: it is the next message of its thread, and said once."""
    created = history.tickets["mailed"]
    mail = said_mails.message_received(created, "late", text="One more thing")
    await history.say(mail)
    last = max(
        row["sequence"]
        for row in before.kept["messages"]
        if row["ticket"] == said.ticket_of(created)
    )
    desk.start("messaging")
    await desk.ready("messaging")
    sql = "SELECT sequence, text FROM messages WHERE id = $1"
    (row,) = await desk.query("messaging", sql, mail.data.message)
    assert tuple(row) == (last + 1, "One more thing")

    async def said_of_it() -> list[MessagePosted]:
        servers = desk.stack.bootstrap_servers
        found = await read_events(servers, desk.namespace, Topic.MESSAGES)
        posted = [event for event in found if isinstance(event, MessagePosted)]
        return [event for event in posted if event.data.message == mail.data.message]

    (posted,) = await until(said_of_it, what="it is said")
    assert posted.data.sequence == last + 1
