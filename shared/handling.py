"""What becomes of a ticket in the hands of agents: whose it is, what it is about, which plan.

Names and addresses of people stand in `private`, as everywhere; tags are the organisation's words.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.deadlines import PlanId
from shared.envelope import Envelope, Fact, Private, Topic
from shared.messages import AuthorKind

ChangeNumber = Annotated[
    int,
    Field(
        description=(
            "Counts what was set about the ticket, from 1, whatever it was: of two of its events"
            " with this number the higher one came later."
        )
    ),
]


class TicketAssignedPrivate(Private):
    """The personal part of an assignment."""

    assignee_name: str | None = None
    """The agent's name, as their sign-in has it."""
    assignee_address: str | None = None
    """Where the agent is told of it, if their sign-in says so."""


class TicketAssignedData(Fact):
    """A ticket was given to an agent, to another queue, or back to its queue."""

    change: ChangeNumber
    assignee: str | None = None
    """Id of the agent: the subject of their sign-in; none if it waits for whoever takes it."""
    previous_assignee: str | None = None
    """Whose it was before."""
    queue: str
    """Which team's it is."""
    previous_queue: str
    """Which team's it was before."""
    by_kind: AuthorKind
    """Whether an agent or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""
    private: TicketAssignedPrivate | None = None


class TicketTagsChangedData(Fact):
    """A ticket got other tags."""

    change: ChangeNumber
    tags: tuple[str, ...]
    """All that it has now, in order of the alphabet."""
    added: tuple[str, ...] = ()
    """Those of them that are new."""
    removed: tuple[str, ...] = ()
    """Those that it has no longer."""
    by_kind: AuthorKind
    """Whether an agent or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class TicketMergedData(Fact):
    """A ticket was closed since another one is about the same: what is written to it goes there."""

    change: ChangeNumber
    into: UUID
    """The ticket that goes on."""
    by_kind: AuthorKind
    """Whether an agent or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class TicketUnmergedData(Fact):
    """A merge was undone: the ticket has a conversation of its own again."""

    change: ChangeNumber
    previous: UUID
    """The ticket that it had gone into."""
    by_kind: AuthorKind
    """Whether an agent or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class PlanChangeRequestedData(Fact):
    """An agent turned a customer's wish into a change of plan; sla does it, or says why not."""

    change: ChangeNumber
    account: str
    """Whose plan it is."""
    plan: PlanId
    by_kind: AuthorKind
    """Whether an agent or the desk itself asked for it."""
    by: str
    """Id of who asked for it: the subject of their token."""


class PlanWishDismissedData(Fact):
    """An agent is done with the plan that a customer had asked for, without a change of plan."""

    change: ChangeNumber
    plan: PlanId
    by_kind: AuthorKind
    """Whether an agent or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class LinksRevokedData(Fact):
    """Links that opened the ticket without a sign-in do so no longer."""

    links: tuple[Annotated[str, Field(description="SHA-256 of a link's token, in hex.")], ...]
    """All that held until now, as the events that told of them have them (`link.sha256`)."""
    by_kind: AuthorKind
    """Whether an agent or the desk itself did it."""
    by: str
    """Id of who did it: the subject of their token."""


class DeclineReason(StrEnum):
    """Why a change of plan is not made."""

    UNKNOWN_PLAN = "unknown_plan"
    """The catalogue in force has no such plan."""
    ANOTHER_ACCOUNT = "another_account"
    """The ticket is slotted for another account, or for none that counts."""


class PlanChangeDeclinedData(Fact):
    """A change of plan was asked for and is not made."""

    request: UUID
    """Id of the `PlanChangeRequested`."""
    account: str
    """Whose plan it is."""
    plan: PlanId
    reason: DeclineReason


class TicketAssigned(Envelope[TicketAssignedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.assigned.v1"] = "careline.ticket.assigned.v1"


class TicketTagsChanged(Envelope[TicketTagsChangedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.tags_changed.v1"] = "careline.ticket.tags_changed.v1"


class TicketMerged(Envelope[TicketMergedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.merged.v1"] = "careline.ticket.merged.v1"


class TicketUnmerged(Envelope[TicketUnmergedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.unmerged.v1"] = "careline.ticket.unmerged.v1"


class PlanChangeRequested(Envelope[PlanChangeRequestedData]):
    """Said by messaging; not among accounts, of which that topic keeps the last record alone."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.plan_change_requested.v1"] = (
        "careline.ticket.plan_change_requested.v1"
    )


class PlanWishDismissed(Envelope[PlanWishDismissedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.plan_wish_dismissed.v1"] = (
        "careline.ticket.plan_wish_dismissed.v1"
    )


class LinksRevoked(Envelope[LinksRevokedData]):
    """Said by messaging."""

    TOPIC: ClassVar[Topic] = Topic.TICKETS
    type: Literal["careline.ticket.links_revoked.v1"] = "careline.ticket.links_revoked.v1"


class PlanChangeDeclined(Envelope[PlanChangeDeclinedData]):
    """Said by sla."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.ticket.plan_change_declined.v1"] = (
        "careline.ticket.plan_change_declined.v1"
    )
