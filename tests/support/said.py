"""Events as the services would say them, for tests that feed one service by hand.

What sla says is made from the models alone, so that no other service's tests hang on its insides.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from services.intake import domain as intake
from services.messaging import changes, writing
from services.messaging import domain as messaging
from services.messaging.domain import Actor
from services.messaging.visitors import Visitor
from shared import plans
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineCancelled,
    DeadlineEvent,
    DeadlineMet,
    DeadlineMoved,
    DeadlinePaused,
    DeadlineResumed,
    DeadlineScheduled,
    DeadlineState,
    Pause,
)
from shared.envelope import Cause, derive_id
from shared.events import (
    Event,
    SlotTarget,
    TicketCreated,
    TicketPriorityChanged,
    TicketSlotted,
    TicketSlottedData,
    TicketStatus,
    TicketStatusChanged,
)
from shared.identity import Caller, Role
from shared.messages import AuthorKind, Channel, MessagePosted, Visibility
from shared.notifications import NotificationKind, NotificationSent, NotificationSentData
from shared.plans import Clock, Priority

CATALOGUE = plans.load_catalogue(Path(__file__).parents[2] / "deploy" / "plans-demo.toml")
ADDRESS = "customer@customer.example"
REQUESTER = "r-0123456789abcdef"
AGENT = Caller("a-agent", None, "An Agent", frozenset({Role.AGENT}))
SLA = "/services/sla"

DeadlineT = TypeVar("DeadlineT", bound=DeadlineEvent)


def now() -> datetime:
    """The present; events of the past would be overdue at once."""
    return datetime.now(UTC)  # noqa: TID251 - tests of running services live in real time


def ticket_created(
    key: str = "one",
    *,
    account: str | None = None,
    at: datetime | None = None,
    text: str = "Help!",
    opened_by: AuthorKind = AuthorKind.CUSTOMER,
    requester: str = REQUESTER,
) -> TicketCreated:
    """What intake says of a request."""
    submission = intake.Submission(
        address=ADDRESS,
        name="A Customer",
        account=account,
        account_verified=account is not None,
        opened_by=opened_by,
        subject="It does not work",
        text=text,
        channel=Channel.WEB,
        priority=Priority.NORMAL,
        locale="en",
        time_zone="Europe/Berlin",
    )
    ticket = intake.ticket_id(sender=requester, key=key)
    return intake.open_ticket(
        submission, ticket=ticket, requester=requester, now=at or now(), traceparent=None
    )


@dataclass(frozen=True)
class Slot:
    """What sla says of a new ticket whose plan promises a first response."""

    slotted: TicketSlotted
    scheduled: DeadlineScheduled

    @property
    def events(self) -> tuple[Event, ...]:
        """Both, in order."""
        return self.slotted, self.scheduled


def slot(created: TicketCreated, plan: str = "centurion") -> Slot:
    """What sla makes of a ticket; the demo's calendar never closes."""
    found = plans.plan(CATALOGUE, plan)
    target = found.targets[created.data.priority].of(Clock.FIRST_RESPONSE)
    assert target is not None
    assert found.calendar is not None
    seconds, due = int(target.total_seconds()), created.time + target
    data = TicketSlottedData(
        account=created.data.account,
        plan=plan,
        service_level=found.service_level,
        calendar=found.calendar,
        catalogue_version=CATALOGUE.version,
        priority=created.data.priority,
        targets=(SlotTarget(clock=Clock.FIRST_RESPONSE, target_seconds=seconds, due=due),),
    )
    promised = {
        "clock": Clock.FIRST_RESPONSE,
        "cycle": 1,
        "plan": plan,
        "catalogue_version": CATALOGUE.version,
        "calendar": found.calendar,
        "started": created.time,
        "target_seconds": seconds,
        "due": due,
    }
    return Slot(
        TicketSlotted.say(data, cause=created.as_cause, source=SLA, time=created.time),
        _deadline(DeadlineScheduled, created, promised, time=created.time, revision=1),
    )


def breach(slotted: Slot, *, revision: int = 2) -> DeadlineBreached:
    """What sla says when nobody answers."""
    due = _due(slotted.scheduled)
    facts = {"state": DeadlineState.BREACHED, "overdue_seconds": 0.3}
    return _next(DeadlineBreached, slotted.scheduled, revision, due, **facts)


def retraction(
    breached: DeadlineBreached,
    *,
    state: DeadlineState = DeadlineState.MET,
    due: datetime | None = None,
    revision: int = 3,
) -> DeadlineBreachRetracted:
    """What sla says when it hears too late of what was done in time."""
    if due is None and state is not DeadlineState.PAUSED:
        due = breached.data.due
    facts = {"state": state, "breach": breached.id, "breached_due": breached.data.due, "due": due}
    return _next(DeadlineBreachRetracted, breached, revision, breached.time, **facts)


def at_risk(before: DeadlineEvent, *, revision: int = 2) -> DeadlineAtRisk:
    """What sla says at a warning point, half-way."""
    warned = before.data.started + timedelta(seconds=before.data.target_seconds / 2)
    return _next(DeadlineAtRisk, before, revision, warned, warned=warned)


def met(before: DeadlineEvent, *, revision: int = 2) -> DeadlineMet:
    """What sla says of an answer a second after the start."""
    done = before.data.started + timedelta(seconds=1)
    return _next(DeadlineMet, before, revision, done, state=DeadlineState.MET, met=done)


def moved(before: DeadlineEvent, due: datetime | None, *, revision: int = 2) -> DeadlineMoved:
    """What sla says when the promise is counted anew; it has no due time while it is paused."""
    facts = {"previous_due": before.data.due, "due": due}
    return _next(DeadlineMoved, before, revision, before.time, **facts)


def paused(before: DeadlineEvent, since: datetime, *, revision: int = 2) -> DeadlinePaused:
    """What sla says when the clock stands still."""
    left = (_due(before) - since).total_seconds()
    facts = {"state": DeadlineState.PAUSED, "pauses": (Pause(since=since),), "due": None}
    return _next(DeadlinePaused, before, revision, since, left_seconds=left, **facts)


def resumed(before: DeadlinePaused, until: datetime, *, revision: int = 3) -> DeadlineResumed:
    """What sla says when it runs on."""
    due = until + timedelta(seconds=before.data.left_seconds)
    pauses = (before.data.pauses[-1].model_copy(update={"until": until}),)
    facts = {"state": DeadlineState.RUNNING, "pauses": pauses, "due": due}
    return _next(DeadlineResumed, before, revision, until, **facts)


def cancelled(before: DeadlineEvent, at: datetime, *, revision: int = 2) -> DeadlineCancelled:
    """What sla says when nothing is owed any more."""
    facts = {"state": DeadlineState.CANCELLED, "cancelled": at}
    return _next(DeadlineCancelled, before, revision, at, **facts)


def _due(event: DeadlineEvent) -> datetime:
    assert event.data.due is not None
    return event.data.due


def _next(
    kind: type[DeadlineT], before: DeadlineEvent, revision: int, time: datetime, **facts: object
) -> DeadlineT:
    """What is said next of a deadline: as it was, but for these facts."""
    return _deadline(kind, before, before.data.model_dump() | facts, time=time, revision=revision)


def _deadline(
    kind: type[DeadlineT],
    led_by: TicketCreated | DeadlineEvent,
    facts: dict[str, Any],
    *,
    time: datetime,
    revision: int,
) -> DeadlineT:
    facts = {"state": DeadlineState.RUNNING, **facts, "revision": revision}
    ticket = led_by.correlationid
    cause = Cause(ticket, led_by.subject, ticket, led_by.id, led_by.traceparent)
    part = f"{facts['clock']}/{facts['cycle']}/{revision}"
    say: Any = kind.say  # of a type that is not known before it runs
    data: Any = kind.model_fields["data"].annotation
    event: DeadlineT = say(
        data.model_validate(facts), cause=cause, source=SLA, time=time, part=part
    )
    return event


def message_posted(
    created: TicketCreated,
    *,
    caller: Caller = AGENT,
    visibility: Visibility = Visibility.PUBLIC,
    at: datetime | None = None,
    key: str = "an answer",
    sequence: int = 2,
    text: str = "It works now.",
) -> MessagePosted:
    """What messaging says of an answer; `key` tells it from others."""
    thread, _ = messaging.open_thread(created)
    thread = replace(thread, last_sequence=sequence - 1)
    by = actor(caller, thread)
    id_ = writing.message_id(ticket=thread.ticket, author=by.id, key=key)
    message = writing.write(thread, by, text, visibility, id_=id_, now=at or now())
    return writing.say_posted(message, thread)


def status_changed(
    created: TicketCreated,
    status: TicketStatus,
    *,
    previous: TicketStatus = TicketStatus.OPEN,
    caller: Caller = AGENT,
    at: datetime | None = None,
) -> TicketStatusChanged:
    """What messaging says when somebody sets a ticket to another status."""
    at = at or now()
    thread = replace(_thread(created, at), status=previous)
    change = changes.set_status(thread, status, actor(caller, thread), now=at)
    assert change is not None
    assert isinstance(change.event, TicketStatusChanged)
    return change.event


def priority_changed(
    created: TicketCreated,
    priority: Priority,
    *,
    previous: Priority = Priority.NORMAL,
    at: datetime | None = None,
) -> TicketPriorityChanged:
    """What messaging says when an agent sets a ticket to another priority."""
    at = at or now()
    thread = replace(_thread(created, at), priority=previous)
    change = changes.set_priority(thread, priority, actor(AGENT, thread), now=at)
    assert change is not None
    assert isinstance(change.event, TicketPriorityChanged)
    return change.event


def actor(caller: Caller, thread: messaging.Thread) -> Actor:
    """A caller, as messaging says who did something."""
    return messaging.actor(Visitor(caller), thread)


def _thread(created: TicketCreated, at: datetime) -> messaging.Thread:
    """A thread whose next change is told apart from others by its instant."""
    thread, _ = messaging.open_thread(created)
    return replace(thread, changes=(at - created.time) // timedelta(microseconds=1))


def acknowledged(created: TicketCreated) -> NotificationSent:
    """What notifier says when the acknowledgement has gone out."""
    data = NotificationSentData(
        delivery=derive_id(created.id, NotificationKind.ACKNOWLEDGEMENT),
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
