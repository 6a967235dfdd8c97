"""Breaches that don't hold, over real rows: whoever may know of them is told, and nobody else."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.notifier import planning
from services.notifier.deliveries import Accepted, Answer, Delivery, Lost, Refused
from services.notifier.planning import AlertRules
from shared.database import Database
from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.notifications import NotificationFailed, NotificationSent, NotificationSuppressed
from tests.support import said
from tests.support.alert_rows import (
    ONE_BY_ONE,
    RULES,
    breaches,
    claim,
    conclude,
    counted,
    plan_alone,
    rows,
    said_so_far,
    send,
    thicken,
)
from tests.support.alert_steps import LEAD, ON_CALL, naming, step

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
FIRST, SECOND_ONE, THIRD = breaches(3, at=NOON)
STEPS = (step(LEAD, "chat", "pager"), step(ON_CALL, after=HOUR))


async def take_back(
    database: Database, *breached: DeadlineBreached, at: datetime, rules: AlertRules = RULES
) -> None:
    """One batch, in which these are retracted."""
    retracted = [_retraction(each) for each in breached]
    async with database.transaction() as connection:
        await planning.take_back(connection, retracted, now=at, rules=rules)


def _retraction(breached: DeadlineBreached) -> DeadlineBreachRetracted:
    return said.retraction(breached)


async def told(database: Database) -> dict[str, str]:
    """Who is told that a breach does not hold, and on which lane."""
    return {row["address"]: row["lane"] for row in await rows(database, "breach_retraction")}


async def into_digest(database: Database, *slips: DeadlineBreached) -> Delivery:
    """Breaches of which the lead is told by one digest, taken by a sender a minute later."""
    await plan_alone(database, list(slips), NOON, rules=ONE_BY_ONE)
    (digest,) = await claim(database, NOON + MINUTE)
    return digest


async def test_every_step_and_channel_that_went_out_is_taken_back_the_same_way(
    database: Database,
) -> None:
    """On-call was to be told in an hour, and hears of neither."""
    await plan_alone(database, [FIRST], NOON, *STEPS)
    await send(database, NOON)
    await take_back(database, FIRST, at=NOON + MINUTE)
    assert await told(database) == {LEAD: "email", "chat": "chat", "pager": "pager"}
    (later,) = (row for row in await rows(database, "breach_alert") if row["step"])
    assert (later["state"], later["reason"]) == ("suppressed", "breach_retracted")
    sent = await send(database, NOON + MINUTE)
    assert len(sent) == 3
    assert {each.facts["breach"] for each in sent} == {str(FIRST.id)}


async def test_what_was_not_let_go_yet_reaches_nobody(database: Database) -> None:
    """Breach and retraction in one batch, and a destination that nobody knows: nothing goes out."""
    await plan_alone(database, [FIRST], NOON, step(LEAD, "caht"), step(ON_CALL, after=HOUR))
    await take_back(database, FIRST, at=NOON)
    assert await claim(database, NOON + 2 * HOUR) == []
    assert await told(database) == {}
    kinds = Counter(type(event) for event in await said_so_far(database))
    assert kinds == {NotificationSuppressed: 2, NotificationFailed: 1}


async def test_what_waits_in_a_digest_leaves_it(database: Database) -> None:
    """The digest tells of the others; one that has nothing left to tell is not sent."""
    await plan_alone(database, [FIRST, SECOND_ONE], NOON, rules=ONE_BY_ONE)
    await take_back(database, FIRST, at=NOON + SECOND, rules=ONE_BY_ONE)
    assert await told(database) == {}
    assert await counted(database) == {
        ("breach_alert", "suppressed"): 1,
        ("breach_alert", "planned"): 1,
        ("digest", "planned"): 1,
    }
    await take_back(database, SECOND_ONE, at=NOON + SECOND, rules=ONE_BY_ONE)
    assert await counted(database) == {
        ("breach_alert", "suppressed"): 2,
        ("digest", "suppressed"): 1,
    }
    assert await claim(database, NOON + HOUR) == []


async def test_whoever_was_told_by_a_digest_is_told_that_it_does_not_hold(
    database: Database,
) -> None:
    """Under the same limits as alerts: here in another digest."""
    digest = await into_digest(database, FIRST, SECOND_ONE, THIRD)
    await conclude(database, [digest], NOON + MINUTE)
    at = NOON + 2 * MINUTE
    await take_back(database, FIRST, THIRD, at=at, rules=ONE_BY_ONE)
    assert await told(database) == {LEAD: "email"}
    retractions = await rows(database, "breach_retraction")
    (carrier,) = {row["digest"] for row in retractions}
    assert carrier not in {None, digest.id}
    (sent,) = await send(database, at + 2 * MINUTE)
    assert sent.id == carrier
    assert await counted(database) == {
        ("breach_alert", "sent"): 3,
        ("breach_retraction", "sent"): 2,
        ("digest", "sent"): 2,
    }


@pytest.mark.parametrize(
    ("answer", "state", "kind"),
    [
        (Accepted(), "sent", NotificationSent),
        (Refused(550, "no", for_good=True), "failed", NotificationFailed),
    ],
)
async def test_what_a_digest_carries_ends_with_the_try_that_had_it(
    database: Database, answer: Answer, state: str, kind: type
) -> None:
    """Retracted while the digest is sent: its reader is told, and of the alert is said what was."""
    digest = await into_digest(database, FIRST, SECOND_ONE)
    await take_back(database, FIRST, at=NOON + MINUTE)
    assert await told(database) == {LEAD: "email"}
    assert await said_so_far(database) == []
    await conclude(database, [digest], NOON + MINUTE, answer)
    assert {row["state"] for row in await rows(database, "breach_alert")} == {state}
    assert [type(event) for event in await said_so_far(database)] == [kind] * 2


@pytest.mark.parametrize("answer", [Refused(451, "later", for_good=False), Lost(after_data=True)])
async def test_a_digest_that_is_tried_again_comes_without_what_was_retracted(
    database: Database, answer: Answer
) -> None:
    """A false alarm must not come behind its own retraction; with nothing left it is not tried."""
    digest = await into_digest(database, FIRST, SECOND_ONE)
    await take_back(database, FIRST, at=NOON + MINUTE)
    await conclude(database, [digest], NOON + MINUTE, answer)
    await thicken(database, NOON + MINUTE)
    assert await _by_cause(database) == {FIRST.id: "suppressed", SECOND_ONE.id: "planned"}
    (event,) = await said_so_far(database)
    assert isinstance(event, NotificationSuppressed)
    assert event.data.reason == "breach_retracted"
    assert event.causationid == _retraction(FIRST).id
    # While it waits for its next try, the rest is retracted as well.
    await take_back(database, SECOND_ONE, at=NOON + MINUTE)
    (row,) = await rows(database, "digest")
    assert (row["state"], row["reason"]) == ("suppressed", "breach_retracted")
    assert len(await rows(database, "breach_retraction")) == 2
    sent = await send(database, NOON + HOUR)
    assert {each.kind for each in sent} == {"breach_retraction"}


@pytest.mark.parametrize("rules", [RULES, ONE_BY_ONE], ids=["alone", "in digests"])
async def test_a_replay_changes_nothing(database: Database, rules: AlertRules) -> None:
    """Everything comes again, in whatever batches: the same rows, and nothing more is said."""
    slips = [FIRST, SECOND_ONE, THIRD]
    catalogue = naming(*STEPS)
    await plan_alone(database, slips, NOON, catalogue=catalogue, rules=rules)
    await thicken(database, NOON + MINUTE, rules=rules)
    await send(database, NOON + MINUTE)
    await take_back(database, FIRST, THIRD, at=NOON + 2 * MINUTE, rules=rules)
    await thicken(database, NOON + 10 * MINUTE, rules=rules)
    await send(database, NOON + 10 * MINUTE)
    before = await rows(database), await said_so_far(database)
    assert len(before[1]) == 3 * 3 + 2 * 3 + 2
    for batch in _batches(slips):
        await plan_alone(database, batch, NOON + 11 * MINUTE, catalogue=catalogue, rules=rules)
        gone = [each for each in batch if each in (FIRST, THIRD)]
        await take_back(database, *gone, *gone, at=NOON + 11 * MINUTE, rules=rules)
        await thicken(database, NOON + 30 * MINUTE, rules=rules)
    assert await claim(database, NOON + 30 * MINUTE) == []
    assert (await rows(database), await said_so_far(database)) == before


def _batches(slips: Sequence[DeadlineBreached]) -> Sequence[Sequence[DeadlineBreached]]:
    return [slips, slips[:1], slips[1:], list(reversed(slips))]


async def _by_cause(database: Database) -> dict[asyncpg.Record, str]:
    return {row["caused_by"]: row["state"] for row in await rows(database, "breach_alert")}
