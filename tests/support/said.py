"""Events as the services would say them, for tests that feed one service by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from services.intake import domain as intake
from services.messaging import domain as messaging
from services.sla import domain as sla
from shared import plans
from shared.events import (
    Channel,
    DeadlineBreached,
    MessagePosted,
    NotificationKind,
    NotificationSent,
    NotificationSentData,
    TicketCreated,
    Visibility,
)
from shared.identity import Caller, Role
from shared.plans import Priority

CATALOGUE = plans.load_catalogue(Path(__file__).parents[2] / "deploy" / "plans-demo.toml")
ADDRESS = "customer@customer.example"
REQUESTER = "r-0123456789abcdef"
AGENT = Caller("a-agent", None, "An Agent", frozenset({Role.AGENT}))


def now() -> datetime:
    """The present; events of the past would be overdue at once."""
    return datetime.now(UTC)  # noqa: TID251 - tests of running services live in real time


def ticket_created(
    key: str = "one", *, account: str | None = None, at: datetime | None = None, text: str = "Help!"
) -> TicketCreated:
    """What intake says of a request."""
    submission = intake.Submission(
        address=ADDRESS,
        name="A Customer",
        account=account,
        account_verified=False,
        subject="It does not work",
        text=text,
        channel=Channel.WEB,
        priority=Priority.NORMAL,
        locale="en",
        time_zone="Europe/Berlin",
    )
    ticket = intake.ticket_id(sender=REQUESTER, key=key)
    return intake.open_ticket(
        submission, ticket=ticket, requester=REQUESTER, now=at or now(), traceparent=None
    )


def slot(created: TicketCreated, plan: str = "centurion") -> sla.Slot:
    """What sla makes of a ticket."""
    return sla.slot(created, 0, plans.plan(CATALOGUE, plan), CATALOGUE)


def breach(slotted: sla.Slot) -> DeadlineBreached:
    """What sla says when nobody answers."""
    (deadline,) = slotted.deadlines
    event = sla.breach(deadline, said_at=deadline.due_at + timedelta(seconds=0.3)).event
    assert isinstance(event, DeadlineBreached)
    return event


def message_posted(
    created: TicketCreated,
    *,
    caller: Caller = AGENT,
    visibility: Visibility = Visibility.PUBLIC,
    at: datetime | None = None,
) -> MessagePosted:
    """What messaging says of an answer."""
    thread, _ = messaging.open_thread(created)
    id_ = messaging.message_id(ticket=thread.ticket, author=caller.subject, key="an answer")
    return messaging.write(thread, caller, "It works now.", visibility, id_=id_, now=at or now())[1]


def acknowledged(created: TicketCreated) -> NotificationSent:
    """What notifier says when the acknowledgement has gone out."""
    data = NotificationSentData(
        kind=NotificationKind.ACKNOWLEDGEMENT,
        channel="email",
        template="acknowledgement",
        attempt=1,
        latency_seconds=0.1,
        second_copy_possible=False,
    )
    return NotificationSent.say(
        data, cause=created.as_cause, source="/services/notifier", time=created.time
    )


def ticket_of(created: TicketCreated) -> UUID:
    """A ticket's id."""
    return UUID(created.subject)
