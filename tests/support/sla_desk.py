"""sla as a real process, fed by hand: what its tests do to it and ask of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import httpx
from aiokafka.admin import AIOKafkaAdminClient

from shared.deadlines import (
    DeadlineBreached,
    DeadlineMet,
    DeadlineScheduled,
)
from shared.envelope import Topic
from shared.events import Event, TicketSlotted
from shared.topic_survey import ends
from shared.topics import topic_name
from tests.support.desk import Desk
from tests.support.stream import publish, read_events
from tests.support.waiting import until

ANSWERED = [TicketSlotted, DeadlineScheduled, DeadlineMet]
OVERTAKEN = [TicketSlotted, DeadlineScheduled, DeadlineBreached]
"""Nobody was there to warn in time: a warning that is overtaken by its breach is dropped."""


async def put_plan(desk: Desk, account: str, plan: str, *, since: str | None = None) -> None:
    """Put an account onto a plan, from now or from an instant on."""
    async with httpx.AsyncClient() as client:
        answer = await client.put(
            f"{desk.url('sla')}/v1/accounts/{account}/plan",
            json={"plan": plan} | ({"since": since} if since else {}),
            headers=desk.bearer("admin"),
        )
    assert answer.status_code == 200, answer.text


async def tell(desk: Desk, *events: Event) -> None:
    """Put events on the stream, in order."""
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def own_words_heard(desk: Desk) -> None:
    """Wait until sla has passed over everything that it said itself so far."""
    names = {topic_name(desk.namespace, topic): 4 for topic in (Topic.SLA, Topic.ACCOUNTS)}
    admin = AIOKafkaAdminClient(bootstrap_servers=desk.stack.bootstrap_servers)
    await admin.start()
    try:

        async def heard() -> bool:
            (row,) = await desk.query("sla", "SELECT count(*) FROM outbox")
            held = await ends(desk.stack.bootstrap_servers, names)
            reached = await admin.list_consumer_group_offsets(f"{desk.namespace}.sla")
            return row["count"] == 0 and all(
                part in reached and reached[part].offset >= offsets.stop
                for part, offsets in held.items()
                if offsets.stop
            )

        await until(heard, within=30, what="sla has heard what it said")
    finally:
        await admin.close()


async def deadlines_kept(desk: Desk, wanted: int) -> None:
    """Wait until sla keeps so many deadlines."""

    async def kept() -> bool:
        (row,) = await desk.query("sla", "SELECT count(*) FROM deadlines")
        return bool(row["count"] == wanted)

    await until(kept, within=60, what=f"{wanted} deadlines are kept")


async def said_of(
    desk: Desk, created: Sequence[Event], *, until_each: type[Event], within: float = 60
) -> dict[str, list[type[Event]]]:
    """What sla said of these tickets, each in order, repeats of one id left out.

    Waits until an event of the given type was said of each.
    """
    subjects = {event.subject for event in created}

    async def complete() -> dict[str, list[type[Event]]] | None:
        known: dict[object, Event] = {}
        for event in await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA):
            known.setdefault(event.id, event)
        ours = [event for event in known.values() if event.subject in subjects]
        ended = Counter(event.subject for event in ours if isinstance(event, until_each))
        if len(ended) < len(subjects):
            return None
        said: dict[str, list[type[Event]]] = defaultdict(list)
        for event in ours:
            said[event.subject].append(type(event))
        return said

    return await until(complete, within=within, what=f"{until_each.__name__} of each")
