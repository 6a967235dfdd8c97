"""What is news once a lost database was rebuilt: what fell due, was asked or answered meanwhile."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineMet,
)
from shared.envelope import Topic
from shared.events import PlanChanged, TicketSlotted
from shared.topic_survey import ends
from shared.topics import topic_name
from tests.support.desk import Desk
from tests.support.lost_database import lose_database, new_since, records_on
from tests.support.said_handling import plan_change_requested
from tests.support.sla_desk import put_plan, said_of, tell
from tests.support.sla_history import SAID_ON, History, dump, events_of_sla, quiet
from tests.support.stream import read_events

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

A_MINUTE = 1 / 60


async def test_what_fell_due_meanwhile_is_said_once_and_what_was_answered_in_time_is_not(
    desk: Desk,
) -> None:
    """Two promises fall due while nobody is there; the answer to one lies in the log."""
    history = History(desk)
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "basic", "basic", since="2026-01-01T00:00:00Z")
    late, answered = (
        history.opened("late", 8 - A_MINUTE / 4),
        history.opened("answered", 8 - A_MINUTE / 4),
    )
    await tell(desk, late, answered)
    await said_of(desk, [late, answered], until_each=DeadlineAtRisk)
    desk.stop("sla")
    unheard = history.opened("unheard", 9)
    asked = plan_change_requested(late, "advanced")
    await tell(desk, history.answer(answered, 1), unheard, asked)
    await lose_database(desk, "sla")
    desk.start("sla")
    await desk.ready("sla")
    told = await said_of(desk, [late, unheard], until_each=DeadlineBreached)
    await quiet(desk)
    of_both = await said_of(desk, [late, answered, unheard], until_each=TicketSlotted)
    assert of_both[late.subject].count(DeadlineBreached) == 1
    assert of_both[unheard.subject].count(DeadlineBreached) == 1
    assert told[unheard.subject].count(TicketSlotted) == 1
    kinds = of_both[answered.subject]
    assert (kinds.count(DeadlineMet), DeadlineBreached in kinds) == (2, False)
    events = await events_of_sla(desk)
    assert len({event.id for event in events}) == len(events)
    accounts = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.ACCOUNTS)
    answers = [e for e in accounts if isinstance(e, PlanChanged) and e.causationid == asked.id]
    assert [answer.data.plan for answer in answers] == ["advanced"]


async def test_a_ticket_whose_beginning_is_gone_stands_as_it_was_said(desk: Desk) -> None:
    """What happened to tickets is kept for a month, what sla said of them for a year."""
    history = History(desk)
    desk.start("sla")
    await desk.ready("sla")
    await put_plan(desk, "basic", "basic", since="2026-01-01T00:00:00Z")
    old = history.opened("old", 8 - A_MINUTE / 4)
    await tell(desk, old)
    await said_of(desk, [old], until_each=DeadlineAtRisk)
    desk.stop("sla")
    kept, records = await dump(desk), await records_on(desk, *SAID_ON)
    await _forget(desk, Topic.TICKETS, Topic.MESSAGES)
    await lose_database(desk, "sla")
    desk.start("sla")
    await desk.ready("sla")
    rebuilt = await dump(desk)
    (ticket,), (was,) = rebuilt["tickets"], kept["tickets"]
    assert ticket == was | {"stands_as_said": True}
    assert [_said(row) for row in rebuilt["deadlines"]] == [_said(row) for row in kept["deadlines"]]
    # Whoever answers now, and whatever falls due: nothing can be counted, so nothing is said.
    await quiet(desk, history.answer(old, 0))
    assert not [line for line in desk.log("sla") if line["event"] == "dead_letter"]
    new = new_since(records, await records_on(desk, *SAID_ON))
    assert not [value for _, _, value in new if value and old.subject.encode() in value]


def _said(row: dict[str, object]) -> dict[str, object]:
    """A deadline but for what the timer keeps for itself."""
    return {key: value for key, value in row.items() if key not in {"fires_at", "warn_at"}}


async def _forget(desk: Desk, *topics: Topic) -> None:
    """Let the broker delete what the topics hold, as it does with what is too old."""
    names = {topic_name(desk.namespace, topic): 4 for topic in topics}
    held = await ends(desk.stack.bootstrap_servers, names)
    admin = AIOKafkaAdminClient(bootstrap_servers=desk.stack.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records(
            {p: RecordsToDelete(before_offset=h.stop) for p, h in held.items()}
        )
    finally:
        await admin.close()
