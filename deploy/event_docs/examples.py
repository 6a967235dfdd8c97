"""One example per event type: two tickets and an account, told through the models.

Ids are derived from their causes as the services derive them, so that the examples hang together:
the first ticket is answered in time, the second is not.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from shared import events
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.identity import requester_id
from shared.plans import Clock, Priority

ASKED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
"""A Monday, within hours."""
TARGET = timedelta(hours=4)
DUE = ASKED + TARGET
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

ACCOUNT, PLAN, CATALOGUE = "example-account", "advanced", "2026-11"
ADDRESS = "requester@customer.example"
REQUESTER = requester_id(ADDRESS, secret="the secret of the examples")  # noqa: S106 - it is no one's
SUBJECT = "Export stops after the first page"
TEXT = "The export of our March data stops after the first page. What can we do?"
SLA, NOTIFIER = "/services/sla", "/services/notifier"


def examples() -> tuple[events.Event, ...]:
    """Every event type once, in the order of `EVENT_TYPES`."""
    met, breached = _created("example-1"), _created("example-2")
    scheduled = _scheduled(met)
    return (
        met,
        _slotted(met),
        scheduled,
        _at_risk(_scheduled(breached)),
        _met(scheduled),
        _breached(_scheduled(breached)),
        _posted(met),
        _plan_changed(),
        _sent(met),
        _failed(_breached(_scheduled(breached))),
    )


def _created(key: str) -> events.TicketCreated:
    ticket = derive_id(NAMESPACE, "ticket", f"requester:{REQUESTER}", key)
    content = (ADDRESS, ACCOUNT, SUBJECT, TEXT, Priority.NORMAL)
    data = events.TicketCreatedData(
        account=ACCOUNT,
        account_verified=True,
        requester=REQUESTER,
        channel=events.Channel.WEB,
        priority=Priority.NORMAL,
        locale="de-AT",
        time_zone="Europe/Vienna",
        private=events.TicketCreatedPrivate(
            name="Example Requester",
            address=ADDRESS,
            subject=SUBJECT,
            text=TEXT,
            fingerprint=sha256("\x1f".join(content).encode()).hexdigest(),
        ),
    )
    cause = Cause(ticket, str(ticket), traceparent=TRACE)
    return events.TicketCreated.say(data, cause=cause, source="/services/intake", time=ASKED)


def _slotted(created: events.TicketCreated) -> events.TicketSlotted:
    target = events.SlotTarget(
        clock=Clock.FIRST_RESPONSE, target_seconds=int(TARGET.total_seconds()), due=DUE
    )
    data = events.TicketSlottedData(
        account=ACCOUNT,
        plan=PLAN,
        service_level="Gold Service & Support",
        calendar="business",
        catalogue_version=CATALOGUE,
        priority=Priority.NORMAL,
        targets=(target,),
    )
    return events.TicketSlotted.say(data, cause=created.as_cause, source=SLA, time=ASKED)


def _scheduled(created: events.TicketCreated) -> events.DeadlineScheduled:
    data = events.DeadlineScheduledData(
        clock=Clock.FIRST_RESPONSE,
        cycle=1,
        plan=PLAN,
        catalogue_version=CATALOGUE,
        started=ASKED,
        target_seconds=int(TARGET.total_seconds()),
        due=DUE,
    )
    return events.DeadlineScheduled.say(
        data, cause=created.as_cause, source=SLA, time=ASKED, part="first_response/1"
    )


def _at_risk(scheduled: events.DeadlineScheduled) -> events.DeadlineAtRisk:
    warned = ASKED + 0.8 * TARGET
    data = events.DeadlineAtRiskData(
        clock=Clock.FIRST_RESPONSE,
        cycle=1,
        plan=PLAN,
        catalogue_version=CATALOGUE,
        warned=warned,
        due=DUE,
    )
    return events.DeadlineAtRisk.say(data, cause=scheduled.as_cause, source=SLA, time=warned)


def _met(scheduled: events.DeadlineScheduled) -> events.DeadlineMet:
    met = ASKED + timedelta(hours=1, minutes=12)
    data = events.DeadlineMetData(
        clock=Clock.FIRST_RESPONSE,
        cycle=1,
        plan=PLAN,
        catalogue_version=CATALOGUE,
        due=DUE,
        met=met,
    )
    return events.DeadlineMet.say(data, cause=scheduled.as_cause, source=SLA, time=met)


def _breached(scheduled: events.DeadlineScheduled) -> events.DeadlineBreached:
    data = events.DeadlineBreachedData(
        clock=Clock.FIRST_RESPONSE,
        cycle=1,
        plan=PLAN,
        catalogue_version=CATALOGUE,
        due=DUE,
        overdue_seconds=0.482113,
    )
    return events.DeadlineBreached.say(data, cause=scheduled.as_cause, source=SLA, time=DUE)


def _posted(created: events.TicketCreated) -> events.MessagePosted:
    message = derive_id(UUID(created.subject), "message", "agent-7", "example-3")
    data = events.MessagePostedData(
        message=message,
        sequence=2,
        author_kind=events.AuthorKind.AGENT,
        author="agent-7",
        visibility=events.Visibility.PUBLIC,
        in_reply_to=derive_id(created.id, "message"),
        private=events.MessagePostedPrivate(
            author_name="Example Agent",
            text="Please choose All pages in the export's settings. We have set it for March.",
        ),
    )
    cause = Cause(message, created.subject, created.id, created.id, TRACE)
    posted = ASKED + timedelta(hours=1, minutes=12)
    return events.MessagePosted.say(data, cause=cause, source="/services/messaging", time=posted)


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


def _sent(created: events.TicketCreated) -> events.NotificationSent:
    kind = events.NotificationKind.ACKNOWLEDGEMENT
    data = events.NotificationSentData(
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        latency_seconds=0.731902,
        second_copy_possible=False,
        private=events.NotificationPrivate(address=ADDRESS),
    )
    cause = Cause(derive_id(created.id, kind), created.subject, created.id, created.id, TRACE)
    sent = ASKED + timedelta(seconds=0.731902)
    return events.NotificationSent.say(data, cause=cause, source=NOTIFIER, time=sent)


def _failed(breached: events.DeadlineBreached) -> events.NotificationFailed:
    kind, address = events.NotificationKind.BREACH_ALERT, "support-leads@careline.example"
    data = events.NotificationFailedData(
        kind=kind,
        channel="email",
        template=kind.value,
        attempt=1,
        reason="refused",
        code=550,
        private=events.NotificationPrivate(
            address=address, detail=f"5.1.1 <{address}>: no such mailbox"
        ),
    )
    cause = Cause(
        derive_id(breached.id, kind, address),
        breached.subject,
        breached.correlationid,
        breached.id,
        TRACE,
    )
    failed = DUE + timedelta(seconds=1)
    return events.NotificationFailed.say(data, cause=cause, source=NOTIFIER, time=failed)
