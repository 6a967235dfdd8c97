"""What happened, in words: one line per event, without names, addresses or texts of anybody."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import assert_never
from uuid import UUID

from shared import plans
from shared.adopted import CatalogueAdopted, CatalogueMoved
from shared.dead_shown import plain
from shared.deadlines import (
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachRetracted,
    DeadlineCancelled,
    DeadlineData,
    DeadlineEvent,
    DeadlineMet,
    DeadlineMoved,
    DeadlinePaused,
    DeadlineResumed,
    DeadlineScheduled,
    DeadlineState,
)
from shared.envelope import Topic
from shared.events import (
    Event,
    PlanChanged,
    TicketCreated,
    TicketPriorityChanged,
    TicketSlotted,
    TicketStatusChanged,
)
from shared.handling import (
    DeclineReason,
    LinksRevoked,
    PlanChangeDeclined,
    PlanChangeRequested,
    PlanWishDismissed,
    TicketAssigned,
    TicketAssignedData,
    TicketMerged,
    TicketTagsChanged,
    TicketUnmerged,
)
from shared.messages import (
    AttachmentReceived,
    AuthorKind,
    MailBounced,
    MessagePosted,
    MessageReceived,
    Visibility,
)
from shared.notifications import (
    NotificationFailed,
    NotificationKind,
    NotificationSent,
    NotificationSuppressed,
)
from shared.plans import Catalogue, Clock, UnknownPlanError
from shared.privacy import ErasureRequested, KeyMade, PersonErased
from shared.tickets import ticket_number

REMEMBERED = 10_000
"""Tickets of which the time of acceptance is kept, to count from."""

GOOD, WARNING, BAD, QUIET, PLAIN = "green", "yellow", "bold red", "dim", ""

DONE = {
    Clock.FIRST_RESPONSE: "answered",
    Clock.NEXT_RESPONSE: "answered",
    Clock.UPDATE: "updated",
    Clock.RESOLUTION: "resolved",
}
AUTHORS = {
    AuthorKind.AGENT: "an agent",
    AuthorKind.CUSTOMER: "the customer",
    AuthorKind.SYSTEM: "the system",
}
HandlingEvent = (
    TicketAssigned
    | TicketTagsChanged
    | TicketMerged
    | TicketUnmerged
    | PlanChangeRequested
    | PlanWishDismissed
    | LinksRevoked
    | PlanChangeDeclined
)
RecordEvent = KeyMade | ErasureRequested | PersonErased | CatalogueAdopted | CatalogueMoved
DECLINED = {
    DeclineReason.UNKNOWN_PLAN: "the catalogue has no such plan",
    DeclineReason.ANOTHER_ACCOUNT: "the ticket is not that account's",
}


@dataclass(frozen=True)
class Line:
    """One line: local time, whose it is, what happened, and the style it is shown in."""

    time: str
    subject: str
    words: str
    style: str


class Narrator:
    """Turns events into lines; it remembers when a ticket was accepted.

    Args:
        catalogue: Knows the plans' names.
        zone: Times are shown in it; the machine's own unless named.
    """

    def __init__(self, catalogue: Catalogue, zone: tzinfo | None = None) -> None:
        self._catalogue = catalogue
        self._zone = zone
        self._accepted: OrderedDict[str, datetime] = OrderedDict()

    def tell(self, event: Event, appended: datetime) -> Line:
        """Put an event into words. `appended` is when the stream had it."""
        self._remember(event)
        words, style = self._words(event, appended)
        subject = "somebody" if event.TOPIC is Topic.PRIVACY else number(event.subject)
        return Line(self._clock(appended), subject, words, style)

    def tell_dead(self, service: str, key: bytes | None, reason: str, appended: datetime) -> Line:
        """Say that a service put a record aside."""
        subject = number(plain(key.decode(errors="replace")) if key else "")
        words = f"put aside by {service}, which could not handle it: {plain(reason)}"
        return Line(self._clock(appended), subject, words, BAD)

    def tell_put_back(self, service: str, letter: int, appended: datetime) -> Line:
        """Say that somebody put a dead letter back (`make dead`)."""
        words = f"dead letter {letter} of {service} was put back for it"
        return Line(self._clock(appended), number(""), words, PLAIN)

    def tell_unknown(self, reason: str, appended: datetime) -> Line:
        """Say that there was something that this reader does not understand."""
        return Line(self._clock(appended), number(""), reason, QUIET)

    def _remember(self, event: Event) -> None:
        if isinstance(event, TicketCreated):
            self._accepted[event.subject] = event.time
            if len(self._accepted) > REMEMBERED:
                self._accepted.popitem(last=False)

    def _words(self, event: Event, appended: datetime) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 - a table of all events
        if isinstance(event, DeadlineEvent):
            return self._words_of_deadline(event, appended)
        if isinstance(event, HandlingEvent):
            return self._words_of_handling(event)
        if isinstance(event, RecordEvent):
            return _words_of_record(event), PLAIN
        match event:
            case TicketCreated(data=data):
                return f"accepted by {data.channel}, priority {data.priority}", PLAIN
            case TicketStatusChanged(data=data):
                change = f"{spoken(data.previous)} before, set by {AUTHORS[data.by_kind]}"
                return f"{spoken(data.status)} ({change})", PLAIN
            case TicketPriorityChanged(data=data):
                change = f"{data.previous} before, set by {AUTHORS[data.by_kind]}"
                return f"priority {data.priority} ({change})", PLAIN
            case TicketSlotted(data=data):
                return f"slotted: {self._plan(data.plan)} ({data.service_level})", PLAIN
            case MessagePosted():
                return _message(event), PLAIN
            case MessageReceived(data=data):
                kind = "an automatic reply" if data.automatic else "a reply"
                return f"{kind} came in by {data.channel}", PLAIN
            case AttachmentReceived(data=data):
                return f"file received, part {data.part} of {data.parts}", QUIET
            case MailBounced(data=data):
                for_good = "for good" if data.permanent else "for now"
                return f"a mail of ours came back, {for_good}", WARNING
            case PlanChanged(data=data):
                return f"plan of account {data.account} is now {self._plan(data.plan)}", PLAIN
            case NotificationSent():
                return _sent(event)
            case NotificationFailed(data=data):
                code = f", {data.code}" if data.code else ""
                why = data.reason.replace("_", " ")
                return f"{spoken(data.kind)} could not be sent: {why}{code}", BAD
            case NotificationSuppressed(data=data):
                return f"{spoken(data.kind)} held back: {spoken(data.reason)}", PLAIN
            case _:
                assert_never(event)

    def _words_of_handling(self, event: HandlingEvent) -> tuple[str, str]:  # noqa: PLR0911 - a table of all events
        """What becomes of a ticket in the hands of agents."""
        match event:
            case TicketAssigned(data=data):
                return _assigned(data), PLAIN
            case TicketTagsChanged(data=data):
                return f"tagged {', '.join(data.tags)}" if data.tags else "without tags", PLAIN
            case TicketMerged(data=data):
                return f"merged into {ticket_number(data.into)}", PLAIN
            case TicketUnmerged(data=data):
                return f"taken out of {ticket_number(data.previous)} again", PLAIN
            case PlanChangeRequested(data=data):
                return f"{self._plan(data.plan)} is asked for account {data.account}", PLAIN
            case PlanWishDismissed(data=data):
                return f"{self._plan(data.plan)} was asked for, and is not changed to", PLAIN
            case LinksRevoked(data=data):
                return f"{len(data.links)} links open it no longer", PLAIN
            case PlanChangeDeclined(data=data):
                why = DECLINED[data.reason]
                return f"account {data.account} is not put on {self._plan(data.plan)}: {why}", BAD
            case _:
                assert_never(event)

    def _words_of_deadline(self, event: DeadlineEvent, appended: datetime) -> tuple[str, str]:  # noqa: PLR0911 - a table of all events
        clock, due = spoken(event.data.clock), self._due(event.data, appended)
        match event:
            case DeadlineScheduled():
                return f"{clock} {due}", PLAIN
            case DeadlineMoved():
                return f"counted anew: {clock} {due}", PLAIN
            case DeadlinePaused(data=data):
                left = duration(timedelta(seconds=data.left_seconds))
                return f"paused: {clock}, {left} of working time left", PLAIN
            case DeadlineResumed():
                return f"runs on: {clock} {due}", PLAIN
            case DeadlineAtRisk(data=data):
                return f"at risk: {clock} {_left(data, appended)}", WARNING
            case DeadlineMet():
                return f"{DONE[event.data.clock]}: {clock} met {self._since(event)}", GOOD
            case DeadlineBreached(data=data):
                late = duration(timedelta(seconds=data.overdue_seconds))
                return f"breached: {clock} was {due}, said {late} after", BAD
            case DeadlineCancelled():
                return f"cancelled: {clock} is owed no longer", PLAIN
            case DeadlineBreachRetracted(data=data):
                stands = due if data.state is DeadlineState.RUNNING else data.state.value
                return f"retracted: the breach of {clock} does not hold, it is {stands}", WARNING
            case _:
                assert_never(event)

    def _due(self, data: DeadlineData, now: datetime) -> str:
        return f"due {self._day_and_clock(data.due, now)}" if data.due else "paused"

    def _since(self, event: DeadlineMet) -> str:
        accepted = self._accepted.get(event.subject)
        if accepted is not None:
            return f"{duration(event.data.met - accepted)} after it was accepted"
        if event.data.due is None:
            return "in time"
        return f"{duration(event.data.due - event.data.met)} before it was due"

    def _plan(self, plan_id: str) -> str:
        try:
            return plans.plan(self._catalogue, plan_id).name
        except UnknownPlanError:
            return plan_id

    def _clock(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%H:%M:%S")

    def _day_and_clock(self, moment: datetime, now: datetime) -> str:
        """The time; with its day in front if that is another than today."""
        local, today = moment.astimezone(self._zone), now.astimezone(self._zone)
        form = "%H:%M:%S" if local.date() == today.date() else "%a %d %b %H:%M:%S"
        return local.strftime(form)


def number(subject: str) -> str:
    """A ticket's number; what else it is for what is no ticket, or nothing."""
    try:
        return ticket_number(UUID(subject))
    except ValueError:
        if subject.startswith("catalogue:"):
            return "catalogue"
        return "account" if subject else ""


def spoken(word: str) -> str:
    """A clock, or the kind of a notification, as it is spoken."""
    return word.replace("_", " ")


def duration(length: timedelta) -> str:
    """A length of real time, as exactly as somebody wants to read it."""
    seconds = length.total_seconds()
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {int(seconds % 60)} s" if minutes else f"{seconds:.1f} s"


def _left(data: DeadlineData, now: datetime) -> str:
    left = max(data.due - now, timedelta(0)) if data.due else None
    return "paused" if left is None else f"due in {duration(left)}"


def _assigned(data: TicketAssignedData) -> str:
    """What became of it, by anybody's part alone."""
    queue = "" if data.queue == data.previous_queue else f"moved to queue {data.queue}, "
    if data.assignee is None:
        return f"{queue}waits for whoever takes it"
    if data.assignee == data.by:
        return f"{queue}taken by {AUTHORS[data.by_kind]}"
    return f"{queue}given to an agent by {AUTHORS[data.by_kind]}"


def _message(event: MessagePosted) -> str:
    data = event.data
    author = AUTHORS[data.author_kind]
    if data.visibility is Visibility.NOTE:
        return f"message {data.sequence}: a note by {author}"
    return f"message {data.sequence} of the thread, by {author}"


def _sent(event: NotificationSent) -> tuple[str, str]:
    after = duration(timedelta(seconds=event.data.latency_seconds))
    match event.data.kind:
        case NotificationKind.ACKNOWLEDGEMENT:
            return f"acknowledged by mail after {after}", GOOD
        case NotificationKind.REPLY:
            return f"answer sent to the customer after {after}", GOOD
        case NotificationKind.AT_RISK_ALERT:
            return f"warning sent to the people named by the catalogue, after {after}", WARNING
        case NotificationKind.BREACH_ALERT:
            return f"alert sent to the people named by the catalogue, after {after}", WARNING
        case NotificationKind.BREACH_RETRACTION:
            return f"retraction sent to the people who were alerted, after {after}", WARNING
        case NotificationKind.ASSIGNMENT:
            return f"the agent was told whose ticket it is, after {after}", GOOD
        case _:
            assert_never(event.data.kind)


def _words_of_record(event: RecordEvent) -> str:
    match event:
        case CatalogueAdopted(data=data):
            return f"catalogue {data.catalogue_version} is in force"
        case CatalogueMoved(data=data):
            return f"counts by catalogue {data.catalogue_version} from now on"
        case KeyMade():
            return "a key was made"
        case ErasureRequested(data=data):
            return f"somebody is to be forgotten, with {len(data.keys)} keys"
        case PersonErased(data=data):
            removed = ", ".join(f"{each.count} {each.what}" for each in data.removed)
            return f"forgotten by {data.service}: {removed or 'there was nothing'}"
        case _:
            assert_never(event)
