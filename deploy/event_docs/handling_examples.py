"""Examples of what agents make of a ticket: whose it is, its tags, a merge, another plan."""

from datetime import datetime, timedelta
from uuid import UUID

from shared import handling
from shared.envelope import STAFF, Cause, derive_id
from shared.events import TicketCreated
from shared.messages import AuthorKind

MESSAGING, SLA = "/services/messaging", "/services/sla"
AGENT, COLLEAGUE = "agent-7", "agent-9"
COLLEAGUE_NAME, COLLEAGUE_ADDRESS = "Example Colleague", "colleague@careline.example"
QUEUE = "support"
UPGRADE, UNKNOWN = "professional", "platinum"


def assigned(created: TicketCreated) -> handling.TicketAssigned:
    """An agent gives the ticket to a colleague."""
    data = handling.TicketAssignedData(
        change=1,
        assignee=COLLEAGUE,
        previous_assignee=AGENT,
        queue=QUEUE,
        previous_queue=QUEUE,
        by_kind=AuthorKind.AGENT,
        by=AGENT,
        private=handling.TicketAssignedPrivate(
            person=STAFF, assignee_name=COLLEAGUE_NAME, assignee_address=COLLEAGUE_ADDRESS
        ),
    )
    return handling.TicketAssigned.say(
        data, cause=_change(created, 1), source=MESSAGING, time=_at(created, 5)
    )


def tagged(created: TicketCreated) -> handling.TicketTagsChanged:
    """It is about exports, and no longer about a mere question."""
    data = handling.TicketTagsChangedData(
        change=2,
        tags=("export", "reports"),
        added=("export",),
        removed=("question",),
        by_kind=AuthorKind.AGENT,
        by=AGENT,
    )
    return handling.TicketTagsChanged.say(
        data, cause=_change(created, 2), source=MESSAGING, time=_at(created, 6)
    )


def merged(created: TicketCreated, into: TicketCreated) -> handling.TicketMerged:
    """The same request had come in twice."""
    data = handling.TicketMergedData(
        change=1, into=UUID(into.subject), by_kind=AuthorKind.AGENT, by=AGENT
    )
    return handling.TicketMerged.say(
        data, cause=_change(created, 1), source=MESSAGING, time=_at(created, 7)
    )


def unmerged(created: TicketCreated, previous: TicketCreated) -> handling.TicketUnmerged:
    """It was another one after all."""
    data = handling.TicketUnmergedData(
        change=2, previous=UUID(previous.subject), by_kind=AuthorKind.AGENT, by=AGENT
    )
    return handling.TicketUnmerged.say(
        data, cause=_change(created, 2), source=MESSAGING, time=_at(created, 8)
    )


def plan_requested(created: TicketCreated, plan: str = UPGRADE) -> handling.PlanChangeRequested:
    """The customer asked in the chat to be put on a higher plan."""
    data = handling.PlanChangeRequestedData(
        change=3, account=created.data.account, plan=plan, by_kind=AuthorKind.AGENT, by=AGENT
    )
    change = derive_id(UUID(created.subject), "plan request", plan)
    cause = Cause(change, created.subject, created.id, created.id, created.traceparent)
    return handling.PlanChangeRequested.say(
        data, cause=cause, source=MESSAGING, time=_at(created, 30)
    )


def wish_dismissed(created: TicketCreated) -> handling.PlanWishDismissed:
    """The customer had asked for a plan, and thought better of it on the phone."""
    data = handling.PlanWishDismissedData(
        change=4, plan=UPGRADE, by_kind=AuthorKind.AGENT, by=AGENT
    )
    return handling.PlanWishDismissed.say(
        data, cause=_change(created, 4), source=MESSAGING, time=_at(created, 40)
    )


def links_revoked(created: TicketCreated) -> handling.LinksRevoked:
    """The customer had sent the link on by mistake."""
    assert created.data.link is not None  # noqa: S101 - the example came by the form
    links = (created.data.link.sha256,)
    data = handling.LinksRevokedData(links=links, by_kind=AuthorKind.AGENT, by=AGENT)
    revoked = derive_id(UUID(created.subject), "links revoked", *links)
    cause = Cause(revoked, created.subject, created.id, created.id, created.traceparent)
    return handling.LinksRevoked.say(data, cause=cause, source=MESSAGING, time=_at(created, 50))


def plan_declined(requested: handling.PlanChangeRequested) -> handling.PlanChangeDeclined:
    """The catalogue in force has no such plan."""
    data = handling.PlanChangeDeclinedData(
        request=requested.id,
        account=requested.data.account,
        plan=requested.data.plan,
        reason=handling.DeclineReason.UNKNOWN_PLAN,
    )
    return handling.PlanChangeDeclined.say(
        data, cause=requested.as_cause, source=SLA, time=requested.time
    )


def _change(created: TicketCreated, number: int) -> Cause:
    change = derive_id(UUID(created.subject), "change", str(number))
    return Cause(change, created.subject, created.id, created.id, created.traceparent)


def _at(created: TicketCreated, minutes: int) -> datetime:
    return created.time + timedelta(minutes=minutes)
