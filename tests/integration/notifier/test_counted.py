"""What the metrics count of deliveries: each that has ended, once, whoever ended it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier import concluding, store
from services.notifier.concluding import Try
from services.notifier.deliveries import MAIL_LANE, Accepted, Delivery, DeliveryKind
from services.notifier.lookout import Lookout
from shared import metrics
from shared.database import Database
from shared.envelope import derive_id
from tests.support import alerts, said
from tests.support.notifier_rows import hear

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    metrics.DELIVERIES.clear()


def counted() -> dict[tuple[str, str], float]:
    """By kind and outcome."""
    return {
        (sample.labels["kind"], sample.labels["outcome"]): sample.value
        for metric in metrics.DELIVERIES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


async def claimed(database: Database, *, late: timedelta = timedelta(0)) -> Delivery:
    """The one mail that is to go out, taken."""
    now = said.now() + late
    async with database.transaction() as connection:
        (taken,) = await store.claim(
            connection, now=now, held_until=now + MINUTE, free={MAIL_LANE: 1}
        )
    return taken


async def conclude(database: Database, taken: Delivery) -> bool:
    """It was taken; says whether that counts."""
    async with database.transaction() as connection:
        outcome = await concluding.conclude(
            connection, Try(taken, Accepted(), None), now=said.now(), give_up_after=MINUTE
        )
    return outcome is not None


async def test_what_is_held_back_as_it_is_planned_counts_once(database: Database) -> None:
    """A machine wrote: no acknowledgement. A replay holds nothing back anew."""
    created = said.ticket_created()
    data = created.data.model_copy(update={"automatic": True})
    by_machine = created.model_copy(update={"data": data})
    await hear(database, by_machine)
    await hear(database, by_machine)
    assert counted() == {("acknowledgement", "suppressed"): 1}


async def test_what_a_digest_carries_counts_as_it_does(database: Database) -> None:
    """Each by its own kind, and the digest as one more."""
    alert = alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL)
    digest = alerts.digest(alert)
    carried = [
        replace(alert, id=derive_id(alert.id, str(number)), digest=digest.id) for number in range(3)
    ]
    async with database.transaction() as connection:
        await store.plan_deliveries(connection, [digest, *carried])
    assert counted() == {}
    assert await conclude(database, await claimed(database))
    assert counted() == {("digest", "sent"): 1, (DeliveryKind.BREACH_ALERT, "sent"): 3}


async def test_of_two_senders_only_the_one_that_has_it_counts(database: Database) -> None:
    """The first was away for longer than its hold: what it says of the delivery is not kept."""
    alert = alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL)
    async with database.transaction() as connection:
        await store.plan_deliveries(connection, [alert])
    first = await claimed(database)
    second = await claimed(database, late=2 * MINUTE)
    assert not await conclude(database, first)
    assert await conclude(database, second)
    assert counted() == {("breach_alert", "sent"): 1}


def test_a_first_failed_try_is_seen_as_one(database: Database) -> None:
    """The series of a way out are there at 0 before anything was tried."""
    Lookout(database, ["a-new-way"], patience=MINUTE, clock=said.now)
    counted_tries = {
        sample.labels["outcome"]: sample.value
        for metric in metrics.TRIES.collect()
        for sample in metric.samples
        if sample.labels.get("lane") == "a-new-way" and sample.labels["kind"] == "breach_alert"
    }
    assert counted_tries == {"accepted": 0, "refused": 0, "lost": 0}
