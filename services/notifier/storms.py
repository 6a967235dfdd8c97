"""Too many alerts at once: how many reach somebody by themselves, and when the rest comes as one.

Pure decisions. Alerts that may go by now are let go one by one up to two limits; what is more goes
into the recipient's one open digest, which leaves a little later. The more digests somebody had in
the last hour, the longer the next one gathers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.notifier.deliveries import Delivery, DeliveryKind, DeliveryState
from shared.envelope import derive_id

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one recipient is told."""

    burst: int = 5
    """Alerts by themselves within `burst_window`."""
    burst_window: timedelta = timedelta(seconds=60)
    hourly: int = 20
    """Alerts by themselves within an hour."""
    first_pause: timedelta = timedelta(seconds=60)
    """For how long the first digest of an hour gathers; each later one twice as long."""
    longest_pause: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Lately:
    """What somebody had in the last hour."""

    alone: Sequence[datetime] = ()
    """When alerts were let go by themselves."""
    digests: int = 0
    """How many digests were opened."""


def places(lately: Lately, limits: Limits, *, now: datetime) -> int:
    """How many more may go by themselves now."""
    in_window = sum(now - at < limits.burst_window for at in lately.alone)
    in_hour = sum(now - at < HOUR for at in lately.alone)
    return max(0, min(limits.burst - in_window, limits.hourly - in_hour))


def sort_out(
    due: Mapping[str, Sequence[UUID]],
    lately: Mapping[str, Lately],
    limits: Limits,
    *,
    now: datetime,
) -> tuple[list[UUID], dict[str, Sequence[UUID]]]:
    """What goes by itself, and what is too much, by recipient.

    Args:
        due: Alerts that may go by now, by recipient, in the order in which they are let go.
        lately: What each recipient had.
        limits: How much one recipient is told.
        now: The present.
    """
    alone: list[UUID] = []
    too_many: dict[str, Sequence[UUID]] = {}
    for recipient, alerts in due.items():
        free = places(lately.get(recipient, Lately()), limits, now=now)
        alone += alerts[:free]
        if alerts[free:]:
            too_many[recipient] = alerts[free:]
    return alone, too_many


def pause(lately: Lately, limits: Limits) -> timedelta:
    """For how long the next digest gathers."""
    # The shift is bounded: a pause has to fit into a timedelta.
    return min(limits.first_pause * (1 << min(lately.digests, 20)), limits.longest_pause)


def open_digest(first: Delivery, recipient: str, *, now: datetime, leaves: datetime) -> Delivery:
    """A digest that carries an alert and takes what comes after it."""
    id_ = derive_id(first.id, DeliveryKind.DIGEST, recipient)
    return Delivery(
        id=id_,
        ticket=None,
        kind=DeliveryKind.DIGEST,
        channel=first.channel,
        lane=first.lane,
        address=first.address,
        person=first.person,
        state=DeliveryState.PLANNED,
        not_before=leaves,
        attempts=0,
        uncertain=False,
        caused_at=now,
        ended_at=None,
        caused_by=first.caused_by,
        correlation=id_,
        traceparent=None,
        facts={},
        admitted_at=now,
    )
