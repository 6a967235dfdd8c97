"""What is said of accounts' plans, and what that tells whoever hears it. Pure.

The topic of accounts may keep the last record of each alone: it tells all that the directory has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.sla.accounts import SOURCE, PlanChange
from shared.envelope import Cause
from shared.events import PlanChanged, PlanChangedData, PlanEntry

MOST_PLANS = 100
"""Changes of one account that one record tells of."""
MOST_ANSWERED = 20
"""Requests of one account that one record says are answered."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the directory has of an account."""

    changes: Sequence[PlanChange]
    """Of its plan, in order of precedence."""
    left_out: int = 0
    """How many there are before those."""
    answered: Sequence[UUID] = ()
    """Requests of agents for what it was on already."""


def plan_changed(change: PlanChange, schedule: Schedule | None = None) -> PlanChanged:
    """What is said of a change; its key is the account.

    Args:
        change: That is made, or that is in force.
        schedule: With all of the account's changes, if this is the last that is said of it.
    """
    data = PlanChangedData(
        account=change.account,
        plan=change.plan,
        previous=change.previous,
        since=change.since,
        changed_by=change.changed_by,
        change=change.id,
        plans=None if schedule is None else tuple(map(_entry, schedule.changes)),
        plans_left_out=schedule.left_out if schedule else 0,
        answered=tuple(schedule.answered) if schedule else (),
    )
    cause = Cause(change.id, change.account, event_id=change.led_by)
    return PlanChanged.say(data, cause=cause, source=SOURCE, time=change.changed_at)


def plans_changed(
    changes: Sequence[PlanChange], schedules: Mapping[str, Schedule]
) -> list[PlanChanged]:
    """What is said of changes that are made together.

    Accounts are kept by their last record: the last one of each says all of its plans.
    """
    last = {change.account: change.id for change in changes}
    return [
        plan_changed(each, schedules[each.account] if last[each.account] == each.id else None)
        for each in changes
    ]


def _entry(change: PlanChange) -> PlanEntry:
    return PlanEntry(
        change=change.id,
        plan=change.plan,
        previous=change.previous,
        since=change.since,
        changed_by=change.changed_by,
        changed=change.changed_at,
        request=change.led_by,
    )


def changes_told(event: PlanChanged) -> list[PlanChange]:
    """The changes of which a record tells: its own, and the account's others if it has them."""
    data = event.data
    if data.plans is None:
        return [] if data.change is None else [_own_change(event, data.change)]
    return [
        PlanChange(
            id=entry.change,
            account=data.account,
            plan=entry.plan,
            previous=entry.previous,
            since=entry.since,
            changed_by=entry.changed_by,
            changed_at=entry.changed,
            led_by=entry.request,
        )
        for entry in data.plans
    ]


def _own_change(event: PlanChanged, change: UUID) -> PlanChange:
    data = event.data
    return PlanChange(
        id=change,
        account=data.account,
        plan=data.plan,
        previous=data.previous,
        since=data.since,
        changed_by=data.changed_by,
        changed_at=event.time,
        led_by=event.causationid,
    )
