"""Many breaches at once, over real rows: few mails, and nothing lost from the list."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from services.notifier import store
from services.notifier.deliveries import Delivery, DeliveryKind
from shared.database import Database
from shared.deadlines import DeadlineBreached
from shared.notifications import NotificationSent
from tests.support.alert_rows import (
    breaches,
    claim,
    conclude,
    counted,
    plan,
    plan_alone,
    rows,
    said_so_far,
    send,
    thicken,
)
from tests.support.alert_steps import BUSINESS, LEAD, ON_CALL, naming, step

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MANY = 10_000
BATCH = 500


async def go_on(database: Database, since: datetime, length: timedelta) -> list[Delivery]:
    """What goes out while worker and sender look every ten seconds, from one instant to another."""
    sent, now = [], since
    while now <= since + length:
        await thicken(database, now)
        sent += await send(database, now)
        now += 10 * SECOND
    return sent


def kinds(sent: list[Delivery]) -> Counter[str]:
    """How many mails of each kind."""
    return Counter(delivery.kind.value for delivery in sent)


async def assert_told(database: Database, slips: list[DeadlineBreached]) -> None:
    """Of each breach there is one alert, it was sent, and that is said once."""
    alerts = await rows(database, "breach_alert")
    assert Counter(row["caused_by"] for row in alerts) == Counter(slip.id for slip in slips)
    assert {row["state"] for row in alerts} == {"sent"}
    said_sent = [e for e in await said_so_far(database) if isinstance(e, NotificationSent)]
    assert len({event.id for event in said_sent}) == len(said_sent) == len(slips)


async def test_ten_thousand_breaches_in_a_minute_are_a_handful_of_mails(
    database: Database,
) -> None:
    """Four handlers hear them in batches: five mails, a digest of the rest, and each is said."""
    slips = list(breaches(MANY, at=NOW))
    batches = [slips[at : at + BATCH] for at in range(0, MANY, BATCH)]

    async def handler(mine: list[tuple[int, list[DeadlineBreached]]]) -> None:
        for number, batch in mine:
            await plan_alone(database, batch, NOW + number * 3 * SECOND)

    numbered = list(enumerate(batches))
    await asyncio.gather(*(handler(numbered[first::4]) for first in range(4)))
    sent = await go_on(database, NOW + MINUTE, HOUR)
    assert kinds(sent) == {"breach_alert": 5, "digest": 1}
    (digest,) = (each for each in sent if each.kind is DeliveryKind.DIGEST)
    carried = [row for row in await rows(database, "breach_alert") if row["digest"]]
    assert {row["digest"] for row in carried} == {digest.id}
    assert len(carried) == MANY - 5
    await assert_told(database, slips)


async def test_a_storm_that_lasts_is_told_less_and_less_often(database: Database) -> None:
    """Sixty a minute for half an hour: twenty mails, and digests further and further apart."""
    slips = []
    sent = []
    for minute in range(30):
        now = NOW + minute * MINUTE
        batch = list(breaches(60, at=now, series=str(minute)))
        slips += batch
        await plan_alone(database, batch, now)
        sent += await go_on(database, now, 50 * SECOND)
    sent += await go_on(database, NOW + 30 * MINUTE, 20 * MINUTE)
    assert kinds(sent) == {"breach_alert": 20, "digest": 5}
    gathered = [d.admitted_at for d in sent if d.kind is DeliveryKind.DIGEST]
    assert [at and (at - NOW) / MINUTE for at in gathered] == [0, 2, 5, 10, 19]
    await assert_told(database, slips)


async def test_one_handler_at_a_time_decides_what_goes_by_itself(database: Database) -> None:
    """Eight at once, each with three for the same person: five go, and nineteen are one digest."""
    slips = [list(breaches(3, at=NOW, series=str(n))) for n in range(8)]
    await asyncio.gather(*(plan_alone(database, batch, NOW) for batch in slips))
    alerts = await rows(database, "breach_alert")
    assert sum(row["digest"] is None for row in alerts) == 5
    (digest,) = await rows(database, "digest")
    assert {row["digest"] for row in alerts} == {None, digest["id"]}
    assert digest["not_before"] == NOW + MINUTE


async def test_limits_are_each_recipients_own_however_they_are_written(
    database: Database,
) -> None:
    """One person's storm delays nobody else's alert."""
    lower, other = step(LEAD.lower()), step(ON_CALL)
    await plan_alone(database, list(breaches(4, at=NOW, series="a")), NOW)
    await plan_alone(database, list(breaches(2, at=NOW, series="b")), NOW, lower, other)
    alerts = await rows(database, "breach_alert")
    assert Counter(row["address"] for row in alerts if not row["digest"]) == {
        LEAD: 4,
        LEAD.lower(): 1,
        ON_CALL: 2,
    }
    (digest,) = await rows(database, "digest")
    assert digest["address"] == LEAD.lower()


async def test_what_waits_through_the_night_does_not_come_as_a_flood(database: Database) -> None:
    """An outage ends in quiet hours: at the next opening there are five mails and a digest.

    A sender that is quicker than the worker finds nothing to take: what is held is let go first.
    """
    night, opening = NOW + 10 * HOUR, datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    slips = list(breaches(5000, at=NOW))
    await plan_alone(database, slips, night, catalogue=naming(step(LEAD), calendar=BUSINESS))
    assert await go_on(database, opening - MINUTE, 50 * SECOND) == []
    assert await claim(database, opening + HOUR) == []
    sent = await go_on(database, opening, 2 * MINUTE)
    assert kinds(sent) == {"breach_alert": 5, "digest": 1}
    await assert_told(database, slips)


async def test_later_steps_count_when_their_time_comes(database: Database) -> None:
    """On-call, who is told after an hour, has limits of that hour and not of the breaches'."""
    steps = (step(LEAD), step(ON_CALL, after=HOUR))
    for number in range(10):
        slips = list(breaches(1, at=NOW + number * MINUTE, series=str(number)))
        await plan_alone(database, slips, NOW + number * MINUTE, *steps)
    together = NOW + 2 * HOUR
    await thicken(database, together)
    alerts = [row for row in await rows(database) if row["address"] == ON_CALL]
    assert Counter(row["kind"] for row in alerts if row["digest"] is None) == {
        "breach_alert": 5,
        "digest": 1,
    }
    assert [row["not_before"] for row in alerts if row["kind"] == "digest"] == [together + MINUTE]


async def test_pagers_and_webhooks_get_each_one(database: Database) -> None:
    """An incident that is folded into another is one that nobody works on."""
    slips = list(breaches(40, at=NOW))
    await plan_alone(database, slips, NOW, step("pager", "hook", "chat"))
    sent = await send(database, NOW)
    assert Counter(delivery.address for delivery in sent) == {"pager": 40, "hook": 40, "chat": 5}
    (digest,) = await rows(database, "digest")
    assert (digest["channel"], digest["lane"]) == ("slack", "chat")


async def test_a_digest_that_a_sender_has_taken_takes_nothing_more(database: Database) -> None:
    """What comes meanwhile, or while it waits to be tried again, goes into the next one."""
    await plan_alone(database, list(breaches(10, at=NOW, series="a")), NOW)
    await send(database, NOW)
    later = NOW + MINUTE + SECOND
    (taken,) = await claim(database, later)
    assert taken.kind is DeliveryKind.DIGEST
    await plan_alone(database, list(breaches(10, at=later, series="b")), later)
    await send(database, later)
    digests = await rows(database, "digest")
    assert [row["state"] for row in digests] == ["sending", "planned"]
    assert digests[1]["not_before"] == later + 2 * MINUTE
    await conclude(database, [taken], later)
    last = list(breaches(10, at=later, series="c"))
    await plan_alone(database, last, later)
    alerts = await rows(database, "breach_alert")
    assert Counter(row["digest"] for row in alerts) == {
        None: 10,
        taken.id: 5,
        digests[1]["id"]: 15,
    }
    assert all(row["state"] == "sent" for row in alerts if row["digest"] == taken.id)


async def test_a_sender_that_takes_a_digest_is_waited_for(database: Database) -> None:
    """It is decided before: either the alert is in what is sent, or in the next digest."""
    await plan_alone(database, list(breaches(6, at=NOW, series="a")), NOW)
    await send(database, NOW)
    later = NOW + 50 * SECOND
    async with database.transaction() as planning:
        await plan(planning, list(breaches(2, at=later, series="b")), later)
        free = {"email": 10}
        async with database.transaction() as sending:
            due = await store.claim(sending, now=NOW + HOUR, held_until=NOW + 2 * HOUR, free=free)
            assert due == []
    (digest,) = await claim(database, NOW + HOUR)
    alerts = await rows(database, "breach_alert")
    assert sum(row["digest"] == digest.id for row in alerts) == 3


async def test_hearing_it_all_again_changes_nothing(database: Database) -> None:
    """Neither new alerts nor another digest, also once whom to tell has changed."""
    slips = list(breaches(50, at=NOW))
    await plan_alone(database, slips, NOW)
    await go_on(database, NOW, MINUTE)
    before = await rows(database), await said_so_far(database)
    others = (step(LEAD), step(ON_CALL), step("chat", after=HOUR))
    await plan_alone(database, slips, NOW + HOUR, *others)
    await go_on(database, NOW + HOUR, 2 * HOUR)
    assert (await rows(database), await said_so_far(database)) == before
    assert await counted(database) == {("breach_alert", "sent"): 50, ("digest", "sent"): 1}
