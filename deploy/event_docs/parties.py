"""Who says and who hears what, declared once; tests hold the services to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import deadlines, events, handling, messages, notifications
from shared.envelope import Topic
from shared.events import EVENT_TYPES, Event
from shared.runtime import Settings
from shared.topics import Declared, declared_dead_letters, declared_topics


@dataclass(frozen=True, slots=True)
class Parties:
    """Mostly one service says an event; the ones that do something about it hear it."""

    said_by: tuple[str, ...]
    heard_by: tuple[str, ...]


PARTIES: Mapping[type[Event], Parties] = {
    events.TicketCreated: Parties(("intake",), ("sla", "messaging", "notifier")),
    events.TicketStatusChanged: Parties(("messaging",), ("sla", "notifier")),
    events.TicketPriorityChanged: Parties(("messaging",), ("sla", "notifier")),
    handling.TicketAssigned: Parties(("messaging",), ("notifier",)),
    # Nobody of ours does anything about these; they are for readers of the stream.
    handling.TicketTagsChanged: Parties(("messaging",), ()),
    handling.TicketMerged: Parties(("messaging",), ()),
    handling.TicketUnmerged: Parties(("messaging",), ()),
    handling.PlanChangeRequested: Parties(("messaging",), ("sla",)),
    handling.PlanChangeDeclined: Parties(("sla",), ("messaging",)),
    events.TicketSlotted: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineScheduled: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineMoved: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlinePaused: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineResumed: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineAtRisk: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineMet: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineBreached: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineCancelled: Parties(("sla",), ("messaging", "notifier")),
    deadlines.DeadlineBreachRetracted: Parties(("sla",), ("messaging", "notifier")),
    messages.MessagePosted: Parties(("messaging",), ("sla", "notifier")),
    messages.MessageReceived: Parties(("intake",), ("messaging", "notifier")),
    messages.AttachmentReceived: Parties(("intake", "messaging"), ("messaging",)),
    messages.MailBounced: Parties(("intake",), ("notifier",)),
    # Of accounts, which sla has the directory of.
    events.PlanChanged: Parties(("sla",), ("messaging",)),
    notifications.NotificationSent: Parties(("notifier",), ("messaging",)),
    notifications.NotificationFailed: Parties(("notifier",), ()),
    notifications.NotificationSuppressed: Parties(("notifier",), ()),
}

SERVICES = ("intake", "sla", "messaging", "notifier")
NAMESPACE: str = Settings.model_fields["namespace"].default
PARTITIONS: int = Settings.model_fields["partitions"].default


def type_name(event: type[Event]) -> str:
    """The event's `type` on the stream, which also names its schema and its example."""
    return str(event.model_fields["type"].default)


def meaning(event: type[Event]) -> str:
    """What the event says, in a sentence."""
    data = event.model_fields["data"].annotation
    return " ".join(str(data.__doc__).split())


def key_of(topic: Topic) -> str:
    """What the records of a topic are keyed by."""
    return "account" if topic is Topic.ACCOUNTS else "ticket"


def events_on(topic: Topic) -> list[type[Event]]:
    """The events of a topic."""
    return [event for event in EVENT_TYPES if event.TOPIC is topic]


def topics() -> dict[Topic, Declared]:
    """The stream's topics as a desk declares them by default."""
    declared = {topic.name: topic for topic in declared_topics(NAMESPACE, PARTITIONS)}
    return {topic: declared[f"{NAMESPACE}.{topic}"] for topic in Topic}


def dead_letter_topics() -> dict[str, Declared]:
    """The dead-letter topic of every service that hears something."""
    hearing = {service for parties in PARTIES.values() for service in parties.heard_by}
    return {
        service: declared_dead_letters(NAMESPACE, service)
        for service in SERVICES
        if service in hearing
    }
