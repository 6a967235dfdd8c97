"""Digests whose alerts were taken back on the way: sent again, taken over, or left with nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from services.notifier import concluding, planning, retracting, store
from services.notifier.concluding import Try
from services.notifier.deliveries import Accepted, Delivery
from shared.database import Database
from shared.deadlines import DeadlineBreached
from shared.notifications import NotificationSent, NotificationSuppressed, SuppressionReason
from tests.support import said
from tests.support.alert_rows import (
    GIVE_UP_AFTER,
    HOLD,
    ONE_BY_ONE,
    breaches,
    claim,
    conclude,
    plan,
    plan_alone,
    rows,
    said_so_far,
    thicken,
)
from tests.support.locks import somebody_waits
from tests.support.register import Operated
from tests.support.waiting import until

NOON = datetime(2026, 11, 14, 8, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
FIRST, SECOND_ONE = breaches(2, at=NOON)


async def under_way(database: Database, *slips: DeadlineBreached) -> Delivery:
    """A digest of these that a sender has taken."""
    await plan_alone(database, list(slips), NOON, rules=ONE_BY_ONE)
    (digest,) = await claim(database, NOON + MINUTE)
    return digest


async def take_back(database: Database, breached: DeadlineBreached, at: datetime) -> None:
    """It is retracted."""
    async with database.transaction() as connection:
        await planning.take_back(connection, [said.retraction(breached)], now=at, rules=ONE_BY_ONE)


async def send_again(database: Database, digest: Delivery, at: datetime) -> httpx.Response:
    """An operator wants it once more."""
    operated = Operated(database)
    operated.now = at
    async with operated.client("lead") as lead:
        path = f"/v1/deliveries/{digest.id}/again"
        return await lead.post(path, json={"even_if_sent": True})


async def states(database: Database) -> dict[UUID, str]:
    """How the alerts of each breach stand."""
    return {row["caused_by"]: row["state"] for row in await rows(database, "breach_alert")}


async def test_what_was_withdrawn_in_an_earlier_round_troubles_no_later_one(
    database: Database,
) -> None:
    """Sent again, the digest leaves once more and ends; storm control goes on for everybody."""
    digest = await under_way(database, FIRST)
    async with database.transaction() as connection:
        digests = await store.lock_digests(connection, [UUID(FIRST.subject)])
        (alert,) = await store.lock_alerts(connection, {FIRST.id: UUID(FIRST.subject)})
        assert alert.digest in digests
        # Somebody reacted: that is not kept anywhere else.
        marked = retracting.withdraw(
            alert,
            digests[digest.id],
            by=FIRST.id,
            reason=SuppressionReason.DEALT_WITH,
            now=NOON + MINUTE,
        )
        await store.save(connection, [marked.delivery])
    await conclude(database, [digest], NOON + MINUTE)
    (row,) = await rows(database, "breach_alert")
    assert (row["state"], row["withdrawn_by"]) == ("sent", None)
    later = NOON + 10 * MINUTE
    assert (await send_again(database, digest, later)).status_code == httpx.codes.ACCEPTED
    await thicken(database, later)
    (again,) = await claim(database, later)
    assert again.id == digest.id
    async with database.transaction() as connection:
        about = (await store.read_about(connection, [again]))[again.id]
    assert [each.caused_by for each in about.carried] == [FIRST.id]
    await conclude(database, [again], later)
    assert await states(database) == {FIRST.id: "sent"}


async def test_what_a_taken_over_digest_left_out_is_not_said_to_be_sent(
    database: Database,
) -> None:
    """Its first sender died; what was taken back then was not in the second one's mail."""
    await under_way(database, FIRST, SECOND_ONE)
    await take_back(database, FIRST, NOON + MINUTE)
    (over,) = [
        each
        for each in await claim(database, NOON + MINUTE + HOLD)
        if each.state == "sending" and each.attempts > 1
    ]
    await conclude(database, [over], NOON + MINUTE + HOLD)
    assert await states(database) == {FIRST.id: "suppressed", SECOND_ONE.id: "sent"}
    kinds = {type(event) for event in await said_so_far(database)}
    assert kinds == {NotificationSent, NotificationSuppressed}
    assert len(await rows(database, "breach_retraction")) == 1


async def test_a_digest_with_only_withdrawn_alerts_ends_and_can_be_looked_at(
    database: Database,
) -> None:
    """Taken over with nothing left: no mail, no second look, and its page says why."""
    await under_way(database, FIRST)
    await take_back(database, FIRST, NOON + MINUTE)
    taken = await claim(database, NOON + MINUTE + HOLD)
    (over,) = [each for each in taken if each.attempts > 1]
    async with database.transaction() as connection:
        assert (await store.read_about(connection, [over]))[over.id].carried == ()
        await concluding.conclude(
            connection, Try(over, None, None), now=NOON + 3 * MINUTE, give_up_after=GIVE_UP_AFTER
        )
    assert await states(database) == {FIRST.id: "suppressed"}
    operated = Operated(database)
    async with operated.client("agent") as agent:
        answer = await agent.get(f"/v1/deliveries/{over.id}")
        assert answer.status_code == httpx.codes.OK
        shown = answer.json()
        assert (shown["state"], shown["reason"]) == ("suppressed", "nothing_left")
        assert shown["not_again"]["reason"] == "empty"
        listed = await agent.get("/v1/deliveries?reason=nothing_left")
    assert [each["id"] for each in listed.json()["deliveries"]] == [str(over.id)]


async def test_a_sender_waits_for_nobody_who_plans(database: Database) -> None:
    """A batch opens the next digest, then takes back an alert of the one that is being kept."""
    digest = await under_way(database, FIRST)
    at = NOON + 2 * MINUTE
    async with database.transaction() as sending:
        assert await store.lock_tried(sending, digest) is not None
        planned = asyncio.create_task(_plan_and_take_back(database, at))
        await until(lambda: somebody_waits(database), what="the batch waits for the sender")
        await concluding.conclude(
            sending,
            Try(digest, Accepted(), None),
            now=at,
            give_up_after=GIVE_UP_AFTER,
        )
    await planned
    assert (await states(database))[FIRST.id] == "sent"
    assert len(await rows(database, "breach_retraction")) == 1


async def _plan_and_take_back(database: Database, at: datetime) -> None:
    async with database.transaction() as connection:
        await plan(connection, [SECOND_ONE], at, rules=ONE_BY_ONE)
        retracted = [said.retraction(FIRST)]
        await planning.take_back(connection, retracted, now=at, rules=ONE_BY_ONE)
