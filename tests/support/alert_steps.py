"""Catalogues that name whom a test wants told, and the alerts that follow."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from services.notifier import alerting
from services.notifier.alerting import Slip
from services.notifier.deliveries import Delivery, Ticket
from shared.calendars import Calendar
from shared.deadlines import DeadlineAtRisk
from shared.notifications import NotificationChannel
from shared.plans import AlertStep, Catalogue
from tests.support import said

LEAD = "Lead@careline.example"
ON_CALL = "on-call@careline.example"
KNOWN = {
    "chat": NotificationChannel.SLACK,
    "pager": NotificationChannel.PAGERDUTY,
    "hook": NotificationChannel.WEBHOOK,
}
"""Destinations that tests know."""
TICKET = Ticket(requester=said.REQUESTER)
WEEK: Any = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "17:00"),))
BUSINESS = Calendar(tz="Europe/Berlin", hours=WEEK)


def step(*tell: str, after: timedelta | None = None, **only: Any) -> AlertStep:  # noqa: ANN401 - clocks or queues
    """A step of the catalogue."""
    return AlertStep(tell=tell, after=after, **only)


def naming(
    *steps: AlertStep,
    when: Literal["at_risk", "breached"] = "breached",
    calendar: Calendar | None = None,
    base: Catalogue = said.CATALOGUE,
) -> Catalogue:
    """The demo's catalogue with these steps, and another calendar, for every plan."""
    plans = tuple(
        plan.model_copy(update={"alerts": {**plan.alerts, when: steps}}) for plan in base.plans
    )
    calendars = base.calendars if calendar is None else {"always": calendar}
    return base.model_copy(update={"plans": plans, "calendars": calendars})


def alerts(
    slip: Slip,
    steps: Sequence[AlertStep] = (step(LEAD),),
    *,
    now: datetime | None = None,
    ticket: Ticket = TICKET,
    calendar: Calendar | None = None,
) -> list[Delivery]:
    """What is planned where the catalogue has these steps."""
    when: Literal["at_risk", "breached"] = "breached"
    if isinstance(slip, DeadlineAtRisk):
        when = "at_risk"
    catalogue = naming(*steps, when=when, calendar=calendar)
    outcomes = alerting.alert(slip, catalogue, ticket, now=now or slip.time, channel_of=KNOWN.get)
    return [outcome.delivery for outcome in outcomes]
