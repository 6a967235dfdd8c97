"""In whatever order, batches and repetition a ticket is heard of, its mails are the same."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database import Database
from shared.events import Event, TicketStatus
from shared.identity import Caller, Role
from shared.messages import MessagePosted
from tests.support import said, said_mails
from tests.support.notifier_rows import hear, query

SECOND = timedelta(seconds=1)
CREATED = said.ticket_created()
NOW = CREATED.time + timedelta(minutes=1)
CUSTOMER = Caller("c-customer", "an-account", "A Customer", frozenset({Role.CUSTOMER}))


def _posted(number: int, caller: Caller = said.AGENT) -> MessagePosted:
    return said.message_posted(
        CREATED,
        caller=caller,
        key=str(number),
        sequence=number + 1,
        at=CREATED.time + number * SECOND,
    )


ANSWERS = [_posted(1), _posted(3), _posted(4)]
TICKETS: Sequence[Event] = [
    CREATED,
    said.status_changed(CREATED, TicketStatus.RESOLVED, at=CREATED.time + 5 * SECOND),
]
MESSAGES: Sequence[Event] = [
    ANSWERS[0],
    said_mails.message_received(CREATED, at=CREATED.time + 2 * SECOND),
    _posted(2, CUSTOMER),
    *ANSWERS[1:],
]
SLA: Sequence[Event] = [said.slot(CREATED).slotted]
EVERYTHING: Sequence[Event] = [*TICKETS, *MESSAGES, *SLA]


@st.composite
def interleaved(draw: st.DrawFn) -> list[list[Event]]:
    """The three topics, each in its order and with jumps back, cut into batches."""
    left = {n: list(topic) for n, topic in enumerate((TICKETS, MESSAGES, SLA))}
    heard: list[Event] = []
    while any(left.values()):
        topic = draw(st.sampled_from([n for n, events in left.items() if events]))
        heard.append(left[topic].pop(0))
        if draw(st.integers(0, 4)) == 0:
            heard += heard[draw(st.integers(0, len(heard) - 1)) :]
    return _cut(heard, draw(st.lists(st.integers(0, len(heard)), max_size=4)))


@st.composite
def shuffled(draw: st.DrawFn) -> list[list[Event]]:
    """Everything in any order at all, some of it twice, cut into batches."""
    again = draw(st.lists(st.sampled_from(EVERYTHING), max_size=6))
    heard = draw(st.permutations([*EVERYTHING, *again]))
    return _cut(heard, draw(st.lists(st.integers(0, len(heard)), max_size=4)))


def _cut(heard: Sequence[Event], at: Sequence[int]) -> list[list[Event]]:
    ends = [0, *sorted(at), len(heard)]
    return [list(heard[a:b]) for a, b in pairwise(ends)]


async def told(database: Database, batches: Sequence[Sequence[Event]]) -> list[list[Any]]:
    """What a fresh notifier keeps after these batches: tickets, deliveries and messages."""
    for table in ("deliveries", "messages", "tickets", "received", "bounces", "outbox"):
        await query(database, f"DELETE FROM {table}")  # noqa: S608 - names of our own
    for batch in batches:
        await hear(database, *batch, now=NOW)
    return [
        await query(database, "SELECT * FROM tickets"),
        await query(database, "SELECT * FROM deliveries ORDER BY id"),
        await query(database, "SELECT * FROM messages ORDER BY message"),
    ]


RARELY = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@RARELY
@given(batches=interleaved())
async def test_topics_may_be_interleaved_and_read_again(
    database: Database, batches: list[list[Event]]
) -> None:
    """Each topic in its order: the very same rows as when all comes at once."""
    expected = await told(database, [EVERYTHING])
    assert await told(database, batches) == expected


@RARELY
@given(batches=shuffled())
async def test_each_answer_is_carried_by_one_mail_in_any_order(
    database: Database, batches: list[list[Event]]
) -> None:
    """One acknowledgement; one reply for all, since none was tried; the same facts."""
    (expected,), _, _ = await told(database, [EVERYTHING])
    (row,), deliveries, messages = await told(database, batches)
    assert row == expected
    kinds = {delivery["id"]: delivery["kind"] for delivery in deliveries}
    assert sorted(kinds.values()) == ["acknowledgement", "reply"]
    carried = [each for each in messages if each["author_kind"] == "agent"]
    assert {each["message"] for each in carried} == {each.data.message for each in ANSWERS}
    assert {kinds[each["delivery"]] for each in carried} == {"reply"}
    assert all(each["delivery"] is None for each in messages if each not in carried)
