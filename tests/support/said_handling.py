"""What messaging says when agents give tickets to one another, or ask for another plan.

Made from the models alone, as messaging would say it.
"""

from datetime import datetime
from uuid import UUID

from shared.envelope import STAFF, Cause, derive_id
from shared.events import TicketCreated
from shared.handling import (
    PlanChangeRequested,
    PlanChangeRequestedData,
    TicketAssigned,
    TicketAssignedData,
    TicketAssignedPrivate,
)
from shared.messages import AuthorKind
from tests.support.said import now

MESSAGING = "/services/messaging"
LEAD, AGENT, COLLEAGUE = "a-lead", "a-agent", "a-colleague"


def address_of(subject: str) -> str:
    """Where an agent of these tests is told of a ticket."""
    return f"{subject}@careline.example"


def ticket_assigned(  # noqa: PLR0913 - what tests tell apart
    created: TicketCreated,
    assignee: str | None,
    *,
    previous: str | None = None,
    by: str = LEAD,
    at: datetime | None = None,
    change: int = 1,
    queue: str = "support",
    address: str | None = None,
) -> TicketAssigned:
    """A ticket is given to somebody, or back; `change` tells it from others of the ticket."""
    private = TicketAssignedPrivate(
        person=STAFF,
        assignee_name="An Assignee",
        assignee_address=address or address_of(assignee or ""),
    )
    data = TicketAssignedData(
        change=change,
        assignee=assignee,
        previous_assignee=previous,
        queue=queue,
        previous_queue="support",
        by_kind=AuthorKind.AGENT,
        by=by,
        private=private if assignee else None,
    )
    cause = _change(created, f"change {change}")
    return TicketAssigned.say(data, cause=cause, source=MESSAGING, time=at or now())


def plan_change_requested(
    created: TicketCreated, plan: str, *, account: str | None = None, key: str = "one"
) -> PlanChangeRequested:
    """An agent asks for another plan for the ticket's account, or for another one."""
    data = PlanChangeRequestedData(
        change=1,
        account=account or created.data.account,
        plan=plan,
        by_kind=AuthorKind.AGENT,
        by=AGENT,
    )
    cause = _change(created, f"plan {key}")
    return PlanChangeRequested.say(data, cause=cause, source=MESSAGING, time=now())


def _change(created: TicketCreated, name: str) -> Cause:
    id_ = derive_id(UUID(created.subject), name)
    return Cause(id_, created.subject, created.correlationid, created.id, created.traceparent)
