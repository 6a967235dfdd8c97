"""One example per event type: two tickets and an account, told through the models.

Ids are derived from their causes as the services derive them, so that the examples hang together.
The first ticket is answered in time, waits for its customer, goes on, becomes urgent and is closed.
The second is answered in time too, but sla hears of it late: a breach is said, and taken back. It
was taken for the first one come in twice, for a minute.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from deploy.event_docs import deadline_examples as deadlines
from deploy.event_docs import handling_examples as handling
from deploy.event_docs.deadline_examples import (
    ASKED,
    CALENDAR,
    CATALOGUE,
    DUE,
    PLAN,
    SLA,
    TARGET,
)
from deploy.event_docs.mail_examples import attachment, bounced, reply
from shared import events, messages, notifications
from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.events import TicketStatus
from shared.identity import requester_id
from shared.links import Link, make_link
from shared.messages import AuthorKind
from shared.notifications import NotificationKind
from shared.plans import Clock, Priority

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ACCOUNT = "example-account"
ADDRESS, LEADS = "requester@customer.example", "support-leads@careline.example"
REQUESTER = requester_id(ADDRESS, secret="the secret of the examples")  # noqa: S106 - it is no one's
AGENT, CUSTOMER = "agent-7", "customer-3"
SUBJECT = "Export stops after the first page"
TEXT = "The export of our March data stops after the first page. What can we do?"
INTAKE, MESSAGING, NOTIFIER = "/services/intake", "/services/messaging", "/services/notifier"

ANSWERED = ASKED + timedelta(hours=1, minutes=12)
PENDING = ASKED + timedelta(hours=1, minutes=15)
WRITTEN_AGAIN = PENDING + timedelta(hours=4)
RAISED, CLOSED = (WRITTEN_AGAIN + timedelta(minutes=minutes) for minutes in (15, 25))
JUST_IN_TIME = DUE - timedelta(minutes=10)
HEARD = DUE + timedelta(minutes=1)
"""When sla, and then notifier, hears of that."""


def examples() -> tuple[events.Event, ...]:
    """Every event type once, in the order of `EVENT_TYPES`."""
    first, second = _created("example-1"), _created("example-2")
    scheduled, answer = deadlines.scheduled(first), _answer(first, ANSWERED)
    pending = _status(first, 1, TicketStatus.PENDING, TicketStatus.OPEN)
    raised = _priority(first, 2)
    closed = _status(first, 3, TicketStatus.CLOSED, TicketStatus.OPEN)
    paused = deadlines.paused(pending)
    resumed = deadlines.resumed(paused, _reopened(first))
    moved = deadlines.moved(resumed, raised)
    at_risk = deadlines.at_risk(deadlines.scheduled(second))
    breached = deadlines.breached(at_risk)
    retracted = deadlines.retracted(breached, _answer(second, JUST_IN_TIME))
    return (
        first,
        pending,
        raised,
        handling.assigned(first),
        handling.tagged(first),
        handling.merged(second, first),
        handling.unmerged(second, first),
        handling.plan_requested(first),
        handling.plan_declined(handling.plan_requested(first, handling.UNKNOWN)),
        _slotted(first),
        scheduled,
        moved,
        paused,
        resumed,
        at_risk,
        deadlines.met(answer),
        breached,
        deadlines.cancelled(moved, closed),
        retracted,
        answer,
        reply(first),
        attachment(first),
        bounced(first),
        _plan_changed(),
        _sent(first),
        _failed(breached),
        _suppressed(breached, retracted),
    )


def _created(key: str) -> events.TicketCreated:
    ticket = derive_id(NAMESPACE, "ticket", f"requester:{REQUESTER}", key)
    content = (ADDRESS, ACCOUNT, SUBJECT, TEXT, Priority.NORMAL)
    data = events.TicketCreatedData(
        account=ACCOUNT,
        account_verified=True,
        requester=REQUESTER,
        channel=messages.Channel.WEB,
        priority=Priority.NORMAL,
        locale="de-AT",
        time_zone="Europe/Vienna",
        link=_link("form", str(ticket)),
        private=events.TicketCreatedPrivate(
            name="Example Requester",
            address=ADDRESS,
            subject=SUBJECT,
            text=TEXT,
            fingerprint=sha256("\x1f".join(content).encode()).hexdigest(),
        ),
    )
    cause = Cause(ticket, str(ticket), traceparent=TRACE)
    return events.TicketCreated.say(data, cause=cause, source=INTAKE, time=ASKED)


def _link(*what_for: str) -> Link:
    expires = ASKED + timedelta(days=30)
    return make_link("the secret of the examples", *what_for, expires=expires).link


def _status(
    created: events.TicketCreated, number: int, status: TicketStatus, previous: TicketStatus
) -> events.TicketStatusChanged:
    data = events.TicketStatusChangedData(
        status=status, previous=previous, by_kind=AuthorKind.AGENT, by=AGENT
    )
    at = PENDING if status is TicketStatus.PENDING else CLOSED
    cause = _change(created, number)
    return events.TicketStatusChanged.say(data, cause=cause, source=MESSAGING, time=at)


def _priority(created: events.TicketCreated, number: int) -> events.TicketPriorityChanged:
    data = events.TicketPriorityChangedData(
        priority=Priority.HIGH, previous=Priority.NORMAL, by_kind=AuthorKind.AGENT, by=AGENT
    )
    cause = _change(created, number)
    return events.TicketPriorityChanged.say(data, cause=cause, source=MESSAGING, time=RAISED)


def _change(created: events.TicketCreated, number: int) -> Cause:
    change = derive_id(UUID(created.subject), "change", str(number))
    return Cause(change, created.subject, created.id, created.id, TRACE)


def _reopened(created: events.TicketCreated) -> events.TicketStatusChanged:
    """What the customer wrote opens the ticket that waited for it."""
    data = events.TicketStatusChangedData(
        status=TicketStatus.OPEN,
        previous=TicketStatus.PENDING,
        by_kind=AuthorKind.CUSTOMER,
        by=CUSTOMER,
    )
    message = derive_id(UUID(created.subject), "message", CUSTOMER, "example-5")
    posted = derive_id(message, "careline.message.posted.v1", "")
    cause = Cause(posted, created.subject, created.id, posted, TRACE)
    return events.TicketStatusChanged.say(data, cause=cause, source=MESSAGING, time=WRITTEN_AGAIN)


def _slotted(created: events.TicketCreated) -> events.TicketSlotted:
    target = events.SlotTarget(
        clock=Clock.FIRST_RESPONSE, target_seconds=int(TARGET.total_seconds()), due=DUE
    )
    data = events.TicketSlottedData(
        account=ACCOUNT,
        plan=PLAN,
        service_level="Gold Service & Support",
        calendar=CALENDAR,
        catalogue_version=CATALOGUE,
        priority=Priority.NORMAL,
        targets=(target,),
    )
    return events.TicketSlotted.say(data, cause=created.as_cause, source=SLA, time=ASKED)


def _answer(created: events.TicketCreated, at: datetime) -> messages.MessagePosted:
    message = derive_id(UUID(created.subject), "message", AGENT, "example-3")
    data = messages.MessagePostedData(
        message=message,
        sequence=2,
        author_kind=AuthorKind.AGENT,
        author=AGENT,
        visibility=messages.Visibility.PUBLIC,
        in_reply_to=derive_id(created.id, "message"),
        private=messages.MessagePostedPrivate(
            author_name="Example Agent",
            text="Please choose All pages in the export's settings. We have set it for March.",
        ),
    )
    cause = Cause(message, created.subject, created.id, created.id, TRACE)
    return messages.MessagePosted.say(data, cause=cause, source=MESSAGING, time=at)


def _plan_changed() -> events.PlanChanged:
    data = events.PlanChangedData(
        account=ACCOUNT,
        plan=PLAN,
        previous="starter",
        since=ASKED - timedelta(days=21),
        changed_by="admin-1",
    )
    change = derive_id(NAMESPACE, "plan-change", ACCOUNT, PLAN, "example-4")
    cause = Cause(change, ACCOUNT)
    return events.PlanChanged.say(data, cause=cause, source=SLA, time=ASKED - timedelta(days=21))


def _sent(created: events.TicketCreated) -> notifications.NotificationSent:
    kind = NotificationKind.ACKNOWLEDGEMENT
    delivery = derive_id(created.id, kind)
    data = notifications.NotificationSentData(
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        latency_seconds=0.731902,
        second_copy_possible=False,
        link=_link("mail", str(delivery)),
        private=notifications.NotificationPrivate(address=ADDRESS),
    )
    cause = Cause(delivery, created.subject, created.id, created.id, TRACE)
    sent = ASKED + timedelta(seconds=0.731902)
    return notifications.NotificationSent.say(data, cause=cause, source=NOTIFIER, time=sent)


def _failed(breached: DeadlineBreached) -> notifications.NotificationFailed:
    """One of two people to alert has no mailbox any more."""
    kind, address = NotificationKind.BREACH_ALERT, "former-lead@careline.example"
    data = notifications.NotificationFailedData(
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        reason="refused",
        code=550,
        private=notifications.NotificationPrivate(
            address=address, detail=f"5.1.1 <{address}>: no such mailbox"
        ),
    )
    cause = _alert(breached, address, breached.id)
    failed = DUE + timedelta(seconds=1)
    return notifications.NotificationFailed.say(data, cause=cause, source=NOTIFIER, time=failed)


def _suppressed(
    breached: DeadlineBreached, retracted: DeadlineBreachRetracted
) -> notifications.NotificationSuppressed:
    """The other's had not gone out when the breach was taken back."""
    kind = NotificationKind.BREACH_ALERT
    data = notifications.NotificationSuppressedData(
        kind=kind,
        channel="email",
        template=kind.value,
        reason="breach_retracted",
        private=notifications.NotificationPrivate(address=LEADS),
    )
    cause = _alert(breached, LEADS, retracted.id)
    return notifications.NotificationSuppressed.say(data, cause=cause, source=NOTIFIER, time=HEARD)


def _alert(breached: DeadlineBreached, address: str, led_by: UUID) -> Cause:
    delivery = derive_id(breached.id, NotificationKind.BREACH_ALERT, address)
    return Cause(delivery, breached.subject, breached.correlationid, led_by, TRACE)
