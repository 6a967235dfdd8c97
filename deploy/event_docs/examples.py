"""One example per event type: two tickets and an account, told through the models.

Ids are derived from their causes as the services derive them, so that the examples hang together.
The first ticket is answered in time, waits for its customer, goes on, becomes urgent and is closed.
The second is answered in time too, but sla hears of it late: a breach is said, and taken back. It
was taken for the first one come in twice, for a minute.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from deploy.event_docs import catalogue_examples as catalogues
from deploy.event_docs import deadline_examples as deadlines
from deploy.event_docs import handling_examples as handling
from deploy.event_docs import privacy_examples as privacy
from deploy.event_docs.deadline_examples import (
    ASKED,
    CALENDAR,
    CATALOGUE,
    DUE,
    PLAN,
    SLA,
    TARGET,
)
from deploy.event_docs.example_keys import SECRET, on_the_stream
from deploy.event_docs.mail_examples import attachment, bounced, reply
from shared import events, messages, notifications
from shared.deadlines import DeadlineBreached, DeadlineBreachRetracted
from shared.envelope import NAMESPACE, STAFF, Cause, derive_id
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

PLAN_CHANGE = derive_id(NAMESPACE, "plan-change", ACCOUNT, PLAN, "example-4")
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
    breached, retracted = _breached(second), _retracted(second)
    clocks = _clocks(first, second)
    return (
        first,
        _pending(first),
        _priority(first, 7),
        handling.assigned(first),
        handling.tagged(first),
        handling.merged(second, first),
        handling.unmerged(second, first),
        handling.plan_requested(first),
        handling.plan_declined(handling.plan_requested(first, handling.UNKNOWN)),
        handling.wish_dismissed(first),
        handling.links_revoked(second),
        _slotted(first),
        catalogues.catalogue_moved(first),
        *clocks,
        _answer(first, ANSWERED),
        reply(first),
        attachment(first),
        bounced(first),
        _plan_changed(),
        catalogues.catalogue_adopted(),
        _sent(first),
        _failed(breached),
        _suppressed(breached, retracted),
        privacy.made(REQUESTER, ASKED),
        privacy.erasure_requested(REQUESTER, ASKED),
        privacy.erased(privacy.erasure_requested(REQUESTER, ASKED)),
    )


def _clocks(first: events.TicketCreated, second: events.TicketCreated) -> tuple[events.Event, ...]:
    """What sla says of their deadlines, in the same order."""
    scheduled, answer = deadlines.scheduled(first), _answer(first, ANSWERED)
    paused = deadlines.paused(_pending(first))
    resumed = deadlines.resumed(paused, _reopened(first))
    moved = deadlines.moved(resumed, _priority(first, 7))
    closed = _status(first, 8, TicketStatus.CLOSED, TicketStatus.OPEN)
    return (
        scheduled,
        moved,
        paused,
        resumed,
        deadlines.at_risk(deadlines.scheduled(second)),
        deadlines.met(answer),
        _breached(second),
        deadlines.cancelled(moved, closed),
        _retracted(second),
    )


def _breached(created: events.TicketCreated) -> DeadlineBreached:
    return deadlines.breached(deadlines.at_risk(deadlines.scheduled(created)))


def _retracted(created: events.TicketCreated) -> DeadlineBreachRetracted:
    return deadlines.retracted(_breached(created), _answer(created, JUST_IN_TIME))


def _pending(created: events.TicketCreated) -> events.TicketStatusChanged:
    return _status(created, 5, TicketStatus.PENDING, TicketStatus.OPEN)


def example_keys() -> dict[str, Any]:
    """What opens the examples: the secret, and what the topic of keys has of their keys."""
    made = [privacy.made(person, ASKED) for person in (REQUESTER, STAFF)]
    return {"secret": SECRET, "keys": [on_the_stream(each) for each in made]}


def further() -> tuple[events.Event, ...]:
    """More, of fields that the others leave out: only what stands in those is shown."""
    first, second = _created("example-1"), _created("example-2")
    breached, retracted = _breached(first), _retracted(first)
    asked = handling.plan_requested(first)
    digest = derive_id(first.id, "digest")
    carried = (derive_id(first.id, "message"),)
    return (
        _with(_created("example-8"), continues=UUID(first.subject)),
        _with(_answer(first, ANSWERED), asks_for_plan=handling.UPGRADE),
        _with(_answer(first, ANSWERED), came_to=UUID(second.subject)),
        _with(_sent(first), digest=digest, messages=carried),
        _with(_failed(breached), digest=digest, messages=carried),
        _with(_suppressed(breached, retracted), messages=carried),
        _with(_plan_changed(), answered=(asked.id,)),
    )


def _with(example: events.Event, **more: object) -> events.Event:
    data = example.data.model_copy(update=more)
    return example.model_copy(update={"data": data})


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
            person=REQUESTER,
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
        change=number, status=status, previous=previous, by_kind=AuthorKind.AGENT, by=AGENT
    )
    at = PENDING if status is TicketStatus.PENDING else CLOSED
    cause = _change(created, number)
    return events.TicketStatusChanged.say(data, cause=cause, source=MESSAGING, time=at)


def _priority(created: events.TicketCreated, number: int) -> events.TicketPriorityChanged:
    data = events.TicketPriorityChangedData(
        change=number,
        priority=Priority.HIGH,
        previous=Priority.NORMAL,
        by_kind=AuthorKind.AGENT,
        by=AGENT,
    )
    cause = _change(created, number)
    return events.TicketPriorityChanged.say(data, cause=cause, source=MESSAGING, time=RAISED)


def _change(created: events.TicketCreated, number: int) -> Cause:
    change = derive_id(UUID(created.subject), "change", str(number))
    return Cause(change, created.subject, created.id, created.id, TRACE)


def _reopened(created: events.TicketCreated) -> events.TicketStatusChanged:
    """What the customer wrote opens the ticket that waited for it."""
    data = events.TicketStatusChangedData(
        change=6,
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
        plan_change=PLAN_CHANGE,
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
            person=REQUESTER,
            author_name="Example Agent",
            text="Please choose All pages in the export's settings. We have set it for March.",
        ),
    )
    cause = Cause(message, created.subject, created.id, created.id, TRACE)
    return messages.MessagePosted.say(data, cause=cause, source=MESSAGING, time=at)


def _plan_changed() -> events.PlanChanged:
    entry = events.PlanEntry(
        change=PLAN_CHANGE,
        plan=PLAN,
        previous="starter",
        since=ASKED - timedelta(days=21),
        changed_by="admin-1",
        changed=ASKED - timedelta(days=21),
    )
    data = events.PlanChangedData(
        account=ACCOUNT, plans=(entry,), **entry.model_dump(exclude={"changed", "request"})
    )
    cause = Cause(PLAN_CHANGE, ACCOUNT)
    return events.PlanChanged.say(data, cause=cause, source=SLA, time=ASKED - timedelta(days=21))


def _sent(created: events.TicketCreated) -> notifications.NotificationSent:
    kind = NotificationKind.ACKNOWLEDGEMENT
    delivery = derive_id(created.id, kind)
    data = notifications.NotificationSentData(
        delivery=delivery,
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        latency_seconds=0.731902,
        second_copy_possible=False,
        link=_link("mail", str(delivery)),
        private=notifications.NotificationPrivate(person=REQUESTER, address=ADDRESS),
    )
    cause = Cause(delivery, created.subject, created.id, created.id, TRACE)
    sent = ASKED + timedelta(seconds=0.731902)
    return notifications.NotificationSent.say(data, cause=cause, source=NOTIFIER, time=sent)


def _failed(breached: DeadlineBreached) -> notifications.NotificationFailed:
    """One of two people to alert has no mailbox any more."""
    kind, address = NotificationKind.BREACH_ALERT, "former-lead@careline.example"
    cause = _alert(breached, address, breached.id)
    data = notifications.NotificationFailedData(
        delivery=cause.id,
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        reason="refused",
        code=550,
        private=notifications.NotificationPrivate(
            person=STAFF, address=address, detail=f"5.1.1 <{address}>: no such mailbox"
        ),
    )
    failed = DUE + timedelta(seconds=1)
    return notifications.NotificationFailed.say(data, cause=cause, source=NOTIFIER, time=failed)


def _suppressed(
    breached: DeadlineBreached, retracted: DeadlineBreachRetracted
) -> notifications.NotificationSuppressed:
    """The other's had not gone out when the breach was taken back."""
    kind = NotificationKind.BREACH_ALERT
    cause = _alert(breached, LEADS, retracted.id)
    data = notifications.NotificationSuppressedData(
        delivery=cause.id,
        kind=kind,
        channel="email",
        template=kind.value,
        reason="breach_retracted",
        private=notifications.NotificationPrivate(person=STAFF, address=LEADS),
    )
    return notifications.NotificationSuppressed.say(data, cause=cause, source=NOTIFIER, time=HEARD)


def _alert(breached: DeadlineBreached, address: str, led_by: UUID) -> Cause:
    delivery = derive_id(breached.id, NotificationKind.BREACH_ALERT, address)
    return Cause(delivery, breached.subject, breached.correlationid, led_by, TRACE)
