"""Who says and who hears what, declared once; tests hold the services to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import adopted, deadlines, events, handling, messages, notifications, privacy
from shared.envelope import Topic
from shared.event_schemas import meaning, type_name
from shared.events import EVENT_TYPES, Event
from shared.settings import Settings
from shared.topics import Declared, declared_dead_letters, declared_topics

__all__ = [
    "NAMESPACE",
    "PARTIES",
    "PARTITIONS",
    "SERVICES",
    "Parties",
    "dead_letter_topics",
    "events_on",
    "key_of",
    "meaning",
    "topics",
    "type_name",
]


@dataclass(frozen=True, slots=True)
class Parties:
    """Mostly one service says an event; the ones that do something about it hear it."""

    said_by: tuple[str, ...]
    heard_by: tuple[str, ...]
    remembered_by: tuple[str, ...] = ()
    """Of those who say it, who hear it again when their database is new, and rebuild it by that."""


PARTIES: Mapping[type[Event], Parties] = {
    events.TicketCreated: Parties(("intake",), ("sla", "messaging", "notifier")),
    events.TicketStatusChanged: Parties(
        ("messaging",), ("sla", "notifier"), remembered_by=("messaging",)
    ),
    events.TicketPriorityChanged: Parties(
        ("messaging",), ("sla", "notifier"), remembered_by=("messaging",)
    ),
    handling.TicketAssigned: Parties(("messaging",), ("notifier",), remembered_by=("messaging",)),
    # Nobody of ours does anything about these; they are for readers of the stream.
    handling.TicketTagsChanged: Parties(("messaging",), (), remembered_by=("messaging",)),
    handling.TicketMerged: Parties(("messaging",), (), remembered_by=("messaging",)),
    handling.TicketUnmerged: Parties(("messaging",), (), remembered_by=("messaging",)),
    handling.PlanChangeRequested: Parties(("messaging",), ("sla",), remembered_by=("messaging",)),
    handling.PlanChangeDeclined: Parties(("sla",), ("messaging",), remembered_by=("sla",)),
    handling.PlanWishDismissed: Parties(("messaging",), (), remembered_by=("messaging",)),
    handling.LinksRevoked: Parties(("messaging",), (), remembered_by=("messaging",)),
    events.TicketSlotted: Parties(("sla",), ("messaging", "notifier"), remembered_by=("sla",)),
    adopted.CatalogueMoved: Parties(("sla",), (), remembered_by=("sla",)),
    deadlines.DeadlineScheduled: Parties(
        ("sla",), ("messaging", "notifier"), remembered_by=("sla",)
    ),
    deadlines.DeadlineMoved: Parties(("sla",), ("messaging", "notifier"), remembered_by=("sla",)),
    deadlines.DeadlinePaused: Parties(("sla",), ("messaging", "notifier"), remembered_by=("sla",)),
    deadlines.DeadlineResumed: Parties(("sla",), ("messaging", "notifier"), remembered_by=("sla",)),
    deadlines.DeadlineAtRisk: Parties(("sla",), ("messaging", "notifier"), remembered_by=("sla",)),
    deadlines.DeadlineMet: Parties(("sla",), ("messaging", "notifier"), remembered_by=("sla",)),
    deadlines.DeadlineBreached: Parties(
        ("sla",), ("messaging", "notifier"), remembered_by=("sla",)
    ),
    deadlines.DeadlineCancelled: Parties(
        ("sla",), ("messaging", "notifier"), remembered_by=("sla",)
    ),
    deadlines.DeadlineBreachRetracted: Parties(
        ("sla",), ("messaging", "notifier"), remembered_by=("sla",)
    ),
    messages.MessagePosted: Parties(
        ("messaging",), ("sla", "notifier"), remembered_by=("messaging",)
    ),
    messages.MessageReceived: Parties(("intake",), ("messaging", "notifier")),
    messages.AttachmentReceived: Parties(
        ("intake", "messaging"), ("messaging",), remembered_by=("messaging",)
    ),
    messages.MailBounced: Parties(("intake",), ("notifier",)),
    # Of accounts, which sla has the directory of.
    events.PlanChanged: Parties(("sla",), ("messaging",), remembered_by=("sla",)),
    adopted.CatalogueAdopted: Parties(("sla",), (), remembered_by=("sla",)),
    notifications.NotificationSent: Parties(
        ("notifier",), ("messaging",), remembered_by=("notifier",)
    ),
    notifications.NotificationFailed: Parties(("notifier",), (), remembered_by=("notifier",)),
    notifications.NotificationSuppressed: Parties(("notifier",), (), remembered_by=("notifier",)),
    # Whoever seals makes keys, and reads those of the others; sla seals nothing and opens nothing.
    privacy.KeyMade: Parties(("intake", "messaging", "notifier"), ("messaging", "notifier")),
    privacy.ErasureRequested: Parties(("messaging",), ("notifier",), remembered_by=("messaging",)),
    privacy.PersonErased: Parties(
        ("messaging", "notifier"), ("messaging",), remembered_by=("messaging", "notifier")
    ),
}

SERVICES = ("intake", "sla", "messaging", "notifier")
NAMESPACE: str = Settings.model_fields["namespace"].default
PARTITIONS: int = Settings.model_fields["partitions"].default


def key_of(topic: Topic) -> str:
    """What the records of a topic are keyed by."""
    keys = {Topic.ACCOUNTS: "account", Topic.KEYS: "key", Topic.PRIVACY: "person"}
    return keys.get(topic, "ticket")


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
