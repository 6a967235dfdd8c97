"""One event of every type, bare and with all that it may hold."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from shared import adopted, deadlines, events, handling, messages, notifications, privacy
from shared.deadlines import DeadlineEvent, DeadlineState
from shared.envelope import NAMESPACE, STAFF, Cause
from shared.events import Event
from shared.links import Link
from shared.plans import Clock, Priority

AT = datetime(2026, 3, 2, 9, 30, 15, 250_001, tzinfo=UTC)
DUE = AT + timedelta(hours=4)
MESSAGE = UUID("11111111-2222-5333-8444-555555555555")
REQUESTER = "r-0123456789abcdef"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def cause(name: str = "one") -> Cause:
    """A request from outside that leads to a ticket; the name tells tickets apart."""
    ticket = uuid5(NAMESPACE, name)
    return Cause(ticket, str(ticket))


def ticket_created(name: str = "one", *, text: str = "Help!") -> events.TicketCreated:
    """A ticket of somebody who left their address."""
    private = events.TicketCreatedPrivate(
        person=REQUESTER,
        address="customer@customer.example",
        subject="It does not work",
        text=text,
        fingerprint="f0",
    )
    data = events.TicketCreatedData(
        account="an-account",
        requester=REQUESTER,
        channel=messages.Channel.API,
        priority=Priority.NORMAL,
        locale="en",
        time_zone="Europe/Berlin",
        private=private,
    )
    return events.TicketCreated.say(data, cause=cause(name), source="/services/intake", time=AT)


def tickets(count: int) -> list[Event]:
    """Tickets with subjects of their own."""
    return [ticket_created(f"ticket {number}") for number in range(count)]


def message_posted(name: str = "one", *, sequence: int = 1) -> messages.MessagePosted:
    """An agent's answer in the thread of the same ticket."""
    data = messages.MessagePostedData(
        message=uuid5(MESSAGE, f"{name} {sequence}"),
        sequence=sequence,
        author_kind=messages.AuthorKind.AGENT,
        author="an-agent",
        visibility=messages.Visibility.PUBLIC,
    )
    return messages.MessagePosted.say(
        data, cause=cause(name), source="/services/messaging", time=AT, part=str(sequence)
    )


CLOCKED = {
    "clock": Clock.FIRST_RESPONSE,
    "cycle": 1,
    "revision": 2,
    "state": DeadlineState.RUNNING,
    "plan": "gold",
    "catalogue_version": "1",
    "calendar": "business-hours",
    "started": AT,
    "target_seconds": 14_400,
}
CHANGED = {"change": 1, "by_kind": messages.AuthorKind.AGENT, "by": "an-agent"}
NOTIFIED = {
    "delivery": MESSAGE,
    "kind": notifications.NotificationKind.ACKNOWLEDGEMENT,
    "channel": "email",
    "template": "acknowledgement",
}

_REQUIRED: dict[type[Event], dict[str, object]] = {
    events.TicketCreated: {
        "account": "an-account",
        "requester": "r-0123456789abcdef",
        "channel": messages.Channel.MAIL,
        "priority": Priority.URGENT,
        "locale": "de-AT",
        "time_zone": "Europe/Vienna",
    },
    events.TicketSlotted: {
        "account": "an-account",
        "plan": "self-service",
        "service_level": "Self Support",
        "catalogue_version": "1",
        "priority": Priority.LOW,
        "targets": (),
    },
    events.TicketStatusChanged: {
        **CHANGED,
        "status": events.TicketStatus.ON_HOLD,
        "previous": events.TicketStatus.OPEN,
    },
    events.TicketPriorityChanged: {
        **CHANGED,
        "priority": Priority.HIGH,
        "previous": Priority.NORMAL,
    },
    handling.TicketAssigned: {**CHANGED, "queue": "support", "previous_queue": "support"},
    handling.TicketTagsChanged: {**CHANGED, "tags": ("export",)},
    handling.TicketMerged: {**CHANGED, "into": MESSAGE},
    handling.TicketUnmerged: {**CHANGED, "previous": MESSAGE},
    handling.PlanChangeRequested: {**CHANGED, "account": "an-account", "plan": "gold"},
    handling.PlanWishDismissed: {**CHANGED, "plan": "gold"},
    handling.LinksRevoked: {"links": ("f0" * 32,), "by_kind": messages.AuthorKind.AGENT, "by": "a"},
    handling.PlanChangeDeclined: {
        "request": MESSAGE,
        "account": "an-account",
        "plan": "gold",
        "reason": handling.DeclineReason.UNKNOWN_PLAN,
    },
    deadlines.DeadlineScheduled: CLOCKED,
    deadlines.DeadlineMoved: CLOCKED,
    deadlines.DeadlinePaused: {**CLOCKED, "left_seconds": 7_200.5},
    deadlines.DeadlineResumed: CLOCKED,
    deadlines.DeadlineAtRisk: {**CLOCKED, "due": DUE, "warned": AT},
    deadlines.DeadlineMet: {**CLOCKED, "due": DUE, "met": AT},
    deadlines.DeadlineBreached: {**CLOCKED, "due": DUE, "overdue_seconds": 0.25},
    deadlines.DeadlineCancelled: {**CLOCKED, "cancelled": AT},
    deadlines.DeadlineBreachRetracted: {**CLOCKED, "breach": MESSAGE, "breached_due": DUE},
    messages.MessagePosted: {
        "message": MESSAGE,
        "sequence": 1,
        "author_kind": messages.AuthorKind.CUSTOMER,
        "author": "r-0123456789abcdef",
        "visibility": messages.Visibility.PUBLIC,
    },
    messages.MessageReceived: {
        "message": MESSAGE,
        "channel": messages.Channel.MAIL,
        "requester": "r-0123456789abcdef",
        "proof": "reply_address",
    },
    messages.AttachmentReceived: {
        "attachment": MESSAGE,
        "message": MESSAGE,
        "part": 1,
        "parts": 2,
    },
    messages.MailBounced: {"permanent": True},
    adopted.CatalogueAdopted: {"catalogue_version": "1", "catalogue": 'version = "1"'},
    adopted.CatalogueMoved: {"catalogue_version": "2", "move": MESSAGE},
    events.PlanChanged: {
        "account": "an-account",
        "plan": "gold",
        "since": AT,
        "changed_by": "import",
    },
    notifications.NotificationSent: {
        **NOTIFIED,
        "attempt": 2,
        "latency_seconds": 1.5,
        "second_copy_possible": False,
    },
    notifications.NotificationFailed: {**NOTIFIED, "attempt": 2, "reason": "refused"},
    notifications.NotificationSuppressed: {**NOTIFIED, "reason": "breach_retracted"},
    privacy.KeyMade: {"person": REQUESTER, "wrapped": "YWJj"},
    privacy.ErasureRequested: {
        "erasure": MESSAGE,
        "persons": (REQUESTER,),
        "keys": (MESSAGE,),
        "by": "an-admin",
    },
    privacy.PersonErased: {
        "erasure": MESSAGE,
        "service": "notifier",
        "removed": (privacy.Removed(what="messages", count=3),),
    },
}

_PAUSES = (
    deadlines.Pause(since=AT, until=AT + timedelta(hours=1)),
    deadlines.Pause(since=AT + timedelta(hours=2)),
)
_TO_WHOM = notifications.NotificationPrivate(
    person=REQUESTER, address="customer@customer.example", detail="no such user"
)
_CARRIED = {"round": 1, "messages": (MESSAGE,)}
_FILE = messages.Attachment(
    id=MESSAGE, name="a b.png", content_type="image/png", size_bytes=3, sha256="f0"
)
_LINK = Link(sha256="f0" * 32, expires=DUE)
_ENTRY = events.PlanEntry(
    change=MESSAGE,
    plan="gold",
    previous="bronze",
    since=AT,
    changed_by="import",
    changed=AT,
    request=MESSAGE,
)
_OPTIONAL: dict[type[Event], dict[str, object]] = {
    **{kind: {"pauses": _PAUSES, "due": DUE} for kind in DeadlineEvent.__args__},
    deadlines.DeadlineMoved: {"pauses": _PAUSES, "due": DUE, "previous_due": AT},
    deadlines.DeadlineAtRisk: {"pauses": _PAUSES, "passed": 1},
    deadlines.DeadlineMet: {"pauses": _PAUSES, "elapsed_seconds": 7_200.5},
    deadlines.DeadlineBreached: {"pauses": _PAUSES, "elapsed_seconds": 14_400.0},
    events.TicketCreated: {
        "account_verified": True,
        "queue": "billing",
        "automatic": True,
        "continues": MESSAGE,
        "opened_by": messages.AuthorKind.AGENT,
        "link": _LINK,
        "private": events.TicketCreatedPrivate(
            person=REQUESTER,
            name="A Customer",
            address="customer@customer.example",
            subject="Grüße, 東京 🙂",
            text='two lines,\n"quotes" and \\',
            quoted="> earlier",
            message_id="<one@customer.example>",
            attachments=(_FILE,),
            fingerprint="f0",
        ),
    },
    handling.TicketAssigned: {
        "assignee": "an-agent",
        "previous_assignee": "another-agent",
        "private": handling.TicketAssignedPrivate(
            person=STAFF, assignee_name="An Agent", assignee_address="agent@careline.example"
        ),
    },
    handling.TicketTagsChanged: {"added": ("export",), "removed": ("import",)},
    events.TicketSlotted: {
        "plan_change": MESSAGE,
        "opened_by": messages.AuthorKind.AGENT,
        "calendar": "business-hours",
        "targets": (events.SlotTarget(clock=Clock.FIRST_RESPONSE, target_seconds=14_400, due=DUE),),
    },
    messages.MessagePosted: {
        "in_reply_to": MESSAGE,
        "channel": messages.Channel.MAIL,
        "asks_for_plan": "gold",
        "private": messages.MessagePostedPrivate(
            person=REQUESTER,
            author_name="A Customer",
            text="Any news?",
            quoted="> earlier",
            attachments=(_FILE,),
        ),
    },
    messages.MessageReceived: {
        "automatic": True,
        "private": messages.MessageReceivedPrivate(
            person=REQUESTER,
            name="A Customer",
            address="customer@customer.example",
            text="Any news?",
            quoted="> earlier",
            message_id="<two@customer.example>",
            attachments=(_FILE,),
        ),
    },
    messages.AttachmentReceived: {
        "private": messages.AttachmentReceivedPrivate(person=REQUESTER, content="YWJj"),
    },
    messages.MailBounced: {
        "status": "5.1.1",
        "delivery": MESSAGE,
        "private": messages.MailBouncedPrivate(
            person=REQUESTER, address="customer@customer.example", detail="no such user"
        ),
    },
    events.PlanChanged: {
        "previous": "bronze",
        "change": MESSAGE,
        "plans": (_ENTRY,),
        "plans_left_out": 1,
        "answered": (MESSAGE,),
    },
    notifications.NotificationSent: {
        **_CARRIED,
        "digest": MESSAGE,
        "link": _LINK,
        "private": _TO_WHOM,
    },
    notifications.NotificationFailed: {
        **_CARRIED,
        "code": 550,
        "digest": MESSAGE,
        "private": _TO_WHOM,
    },
    notifications.NotificationSuppressed: {**_CARRIED, "attempts": 1, "private": _TO_WHOM},
}


def bare(kind: type[Event]) -> Event:
    """An event of this type that has nothing but what it must."""
    return _say(kind, cause(), _REQUIRED[kind])


def full(kind: type[Event]) -> Event:
    """An event of this type in which everything has a value."""
    first = bare(events.TicketCreated)
    led = Cause(first.id, first.subject, first.correlationid, first.id, TRACE)
    return _say(kind, led, _REQUIRED[kind] | _OPTIONAL.get(kind, {}))


def _say(kind: type[Event], led: Cause, fields: dict[str, object]) -> Event:
    data = kind.model_fields["data"].annotation
    assert data is not None
    return kind.say(data(**fields), cause=led, source="/services/any", time=AT)
