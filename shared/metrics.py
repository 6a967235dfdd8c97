"""Every metric that Careline exports, declared once: name, type, labels, buckets, meaning.

Who measures takes a metric from here; rules, dashboards and `docs/metrics.md` are checked against
it. Names of HTTP, messaging and database clients are those of OpenTelemetry's conventions;
`careline_` stands before what the services have in common, and `intake_`, `sla_`, `notifier_`,
`thread_` (messaging), `auditor_` before what is one service's own.

A label says of which kind something is, never which one it is: no ticket, account, address or URL.
A histogram that an objective is judged by has an edge at its threshold. It sees finished work
alone, so a gauge beside it says how long the oldest unfinished has waited. Where the values of
labels are known beforehand, their series begin at 0: no query sees an increase from nothing to 1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

SERVICES = ("intake", "sla", "notifier", "messaging")
CONSUMERS = ("sla", "notifier", "messaging")
"""Those that have a database and read the stream."""
EVERYWHERE = (*SERVICES, "auditor")
CLOCKS = ("first_response", "next_response", "update", "resolution")
PLANS = ("self-service", "starter", "basic", "advanced", "professional", "centurion")
OUTCOMES_OF_DEADLINES = (
    "DeadlineScheduled",
    "DeadlineMoved",
    "DeadlinePaused",
    "DeadlineResumed",
    "DeadlineAtRisk",
    "DeadlineMet",
    "DeadlineBreached",
    "DeadlineCancelled",
    "DeadlineBreachRetracted",
)
WAYS_OF_MAIL = ("smtp", "lmtp", "imap")
KINDS = (
    "acknowledgement",
    "reply",
    "at_risk_alert",
    "breach_alert",
    "breach_retraction",
    "assignment",
    "digest",
)
"""Of deliveries."""

Metric = Counter | Gauge | Histogram
MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric, and who exports it."""

    name: str
    """As it is scraped; a histogram's series have `_bucket`, `_sum` and `_count` behind it."""
    kind: str
    """counter, gauge or histogram."""
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]
    services: tuple[str, ...]
    known: Mapping[str, tuple[str, ...]]
    """Values of labels that begin at 0."""
    metric: Metric

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which its samples stand."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


CATALOGUE: dict[str, Declared] = {}
"""By name, in the order of this module."""

_Known = Mapping[str, tuple[str, ...]]


def expose(service: str, registry: CollectorRegistry = REGISTRY) -> None:
    """Let a service's metrics be scraped; once more changes nothing."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # it takes and gives nothing
    exposed = registry._collector_to_names  # noqa: SLF001 - there is no public way to ask
    for declared in CATALOGUE.values():
        if service not in declared.services or declared.metric in exposed:
            continue
        registry.register(declared.metric)
        if declared.labels and set(declared.labels) == set(declared.known):
            for values in product(*(declared.known[label] for label in declared.labels)):
                declared.metric.labels(*values)


def _declare(
    metric: MetricT,
    kind: str,
    services: Iterable[str],
    known: _Known | None,
    edges: Iterable[float],
) -> MetricT:
    name = metric._name + ("_total" if kind == "counter" else "")  # noqa: SLF001 - as it is scraped
    labels = tuple(metric._labelnames)  # noqa: SLF001 - the same
    CATALOGUE[name] = Declared(
        name=name,
        kind=kind,
        help=metric._documentation,  # noqa: SLF001 - the same
        labels=labels,
        buckets=tuple(edges),
        services=tuple(services),
        known=dict(known or {}),
        metric=metric,
    )
    return metric


def _counter(
    name: str, meaning: str, *labels: str, by: Iterable[str], known: _Known | None = None
) -> Counter:
    return _declare(Counter(name, meaning, labels, registry=None), "counter", by, known, ())


def _gauge(
    name: str, meaning: str, *labels: str, by: Iterable[str], known: _Known | None = None
) -> Gauge:
    return _declare(Gauge(name, meaning, labels, registry=None), "gauge", by, known, ())


def _histogram(
    name: str,
    meaning: str,
    *labels: str,
    by: Iterable[str],
    edges: tuple[float, ...],
    known: _Known | None = None,
) -> Histogram:
    metric = Histogram(name, meaning, labels, registry=None, buckets=edges)
    return _declare(metric, "histogram", by, known, edges)


BUILD = _gauge(
    "careline_build_info", "1; its label says which version runs.", "version", by=EVERYWHERE
)
READY = _gauge("careline_ready", "1 when every part of the service is ready.", by=EVERYWHERE)
PART_READY = _gauge(
    "careline_part_ready", "By part of the service, 1 when it is ready.", "part", by=EVERYWHERE
)

# HTTP -----------------------------------------------------------------------------------------

HTTP_SECONDS = _histogram(
    "http_server_request_duration_seconds",
    "From a request's arrival to its answer; its count by route and status is the answers.",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    by=EVERYWHERE,
    edges=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
HTTP_ACTIVE = _gauge(
    "http_server_active_requests", "Requests under way, live pages among them.", by=EVERYWHERE
)

# Postgres -------------------------------------------------------------------------------------

DATABASE_SECONDS = _histogram(
    "db_client_operation_duration_seconds",
    "Time that a connection was held, by what for: a transaction, a snapshot, single statements.",
    "db_operation_name",
    "error_type",
    by=(*CONSUMERS, "auditor"),
    edges=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
    known={
        "db_operation_name": ("transaction", "snapshot", "connection"),
        "error_type": ("",),
    },
)
DATABASE_WAIT = _histogram(
    "db_client_connection_wait_time_seconds",
    "How long a connection of the pool was waited for; after 5 s nobody waits any longer.",
    by=(*CONSUMERS, "auditor"),
    edges=(0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 5),
)
DATABASE_CONNECTIONS = _gauge(
    "db_client_connections",
    "Connections that are open, by state.",
    "db_client_connection_state",
    by=(*CONSUMERS, "auditor"),
    known={"db_client_connection_state": ("idle", "used")},
)
DATABASE_MOST = _gauge(
    "db_client_connection_max", "The most connections that are opened.", by=(*CONSUMERS, "auditor")
)
DATABASE_TIMEOUTS = _counter(
    "db_client_connection_timeouts",
    "Times that no connection got free within 5 s.",
    by=(*CONSUMERS, "auditor"),
)

# The stream -----------------------------------------------------------------------------------

RECORDS = _counter(
    "messaging_client_consumed_messages",
    "Records of the stream, by what became of them: read, dead, or for another service.",
    "messaging_destination_name",
    "outcome",
    by=CONSUMERS,
)
BATCH_SECONDS = _histogram(
    "messaging_process_duration_seconds",
    "One batch of records: read, decided, committed.",
    by=CONSUMERS,
    edges=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
BATCH_RETRIES = _counter(
    "careline_batch_retries",
    "Times that a batch was tried again, since what failed may pass (the database is away).",
    by=CONSUMERS,
)
SENT = _counter(
    "messaging_client_sent_messages",
    "Records that all in-sync replicas of the broker have.",
    "messaging_destination_name",
    by=SERVICES,
)
SEND_SECONDS = _histogram(
    "messaging_client_operation_duration_seconds",
    "From handing records to the producer to the broker's acknowledgement, or its absence.",
    "error_type",
    by=SERVICES,
    edges=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    known={"error_type": ("",)},
)
PARTITIONS_OWNED = _gauge(
    "careline_partitions_owned", "Partitions of all topics that this replica reads.", by=CONSUMERS
)
LAG_RECORDS = _gauge(
    "careline_consumer_lag_records",
    "Records of the partitions read here that are not handled yet.",
    "topic",
    by=CONSUMERS,
)
LAG_SECONDS = _gauge(
    "careline_consumer_lag_seconds",
    "How long what is not handled yet has waited, where it waits longest; 0 if nothing waits.",
    "topic",
    by=CONSUMERS,
)
READ_FAILURES = _counter(
    "careline_read_failures",
    "Tries to read a partition that failed: it stands still, the others go on.",
    "topic",
    by=CONSUMERS,
)
DEAD_LETTERS = _counter(
    "careline_dead_letters",
    "Records that could not be handled and were put aside.",
    "topic",
    by=CONSUMERS,
)
TOPIC_DIFFERENCES = _gauge(
    "careline_topic_differences",
    "What is not as declared about a topic, as this service found it at its last look.",
    "topic",
    by=SERVICES,
)
REBUILDING = _gauge(
    "careline_rebuilding", "1 while the database learns from the stream what it lost.", by=CONSUMERS
)
RESTORE_LOST = _gauge(
    "careline_restore_lost_offsets",
    "Offsets that the stream kept no longer when a restored database caught up; 0 if it had all.",
    by=CONSUMERS,
)

# The outbox, workers, files -------------------------------------------------------------------

OUTBOX_EVENTS = _gauge(
    "careline_outbox_events", "Events that are committed and not published yet.", by=CONSUMERS
)
OUTBOX_OLDEST = _gauge(
    "careline_outbox_oldest_seconds", "How long the oldest of them has waited.", by=CONSUMERS
)
OUTBOX_PUBLISHED = _counter(
    "careline_outbox_published", "Events that the relay has published.", by=CONSUMERS
)
WORKER_FAILURES = _counter(
    "careline_worker_failures", "Steps of background work that failed.", "worker", by=EVERYWHERE
)
CATALOGUE_REFUSED = _gauge(
    "careline_catalogue_refused",
    "1 while the plan catalogue's file is wrong and an earlier catalogue stays in force.",
    by=("sla", "notifier"),
)

# intake ---------------------------------------------------------------------------------------

TICKETS = _counter(
    "intake_tickets",
    "Requests by form and API, by outcome: accepted, unavailable (the broker is away), capped.",
    "channel",
    "outcome",
    by=("intake",),
    known={"channel": ("web", "api", "chat"), "outcome": ("accepted", "unavailable", "capped")},
)
MAILS = _counter(
    "intake_mails",
    "Mails by what became of them.",
    "source",
    "outcome",
    by=("intake",),
    known={
        "source": WAYS_OF_MAIL,
        "outcome": ("ticket", "reply", "bounce", "refused", "deferred"),
    },
)
MAIL_SECONDS = _histogram(
    "intake_mail_seconds",
    "From a mail's end to its answer.",
    "source",
    by=("intake",),
    edges=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
    known={"source": WAYS_OF_MAIL},
)
MAILS_IN_FLIGHT = _gauge(
    "intake_mails_in_flight",
    "Mails that wait for their answer.",
    "source",
    by=("intake",),
    known={"source": WAYS_OF_MAIL},
)
SMTP_CONNECTIONS = _gauge(
    "intake_smtp_connections",
    "Hosts that are connected to send mail.",
    "source",
    by=("intake",),
)
SMTP_HELD_BYTES = _gauge(
    "intake_smtp_held_bytes", "Bytes of mails on their way in.", "source", by=("intake",)
)
SMTP_TURNED_AWAY = _counter(
    "intake_smtp_turned_away",
    "Connections that intake ended, and mails that it stopped reading.",
    "source",
    "reason",
    by=("intake",),
)
IMAP_CONNECTED = _gauge(
    "intake_imap_connected", "1 while the mailbox can be looked into.", by=("intake",)
)
IMAP_WAITING = _gauge(
    "intake_imap_waiting_mails", "Mails in the folder at the last look.", by=("intake",)
)
IMAP_RESTING = _gauge(
    "intake_imap_resting_mails",
    "Of those, the ones that are left alone for a while.",
    by=("intake",),
)
IMAP_TROUBLES = _counter(
    "intake_imap_troubles",
    "Mails that could not be read or put away.",
    "trouble",
    by=("intake",),
    known={"trouble": ("read", "put_away")},
)

# sla ------------------------------------------------------------------------------------------

SLOTTED = _counter(
    "sla_tickets_slotted",
    "Tickets by the plan they were slotted by.",
    "plan",
    by=("sla",),
    known={"plan": PLANS},
)
OUTCOMES = _counter(
    "sla_outcomes",
    "What was said of deadlines, by plan, clock and event, for example `DeadlineBreached`.",
    "plan",
    "clock",
    "event",
    by=("sla",),
    known={"plan": PLANS, "clock": CLOCKS, "event": OUTCOMES_OF_DEADLINES},
)
LATENESS = _histogram(
    "sla_breach_lateness_seconds",
    "From a breach's due time to its being said.",
    by=("sla",),
    edges=(0.25, 0.5, 0.75, 1, 2, 5, 15, 60, 300, 3600),
)
FIRST_RESPONSE = _histogram(
    "sla_first_response_working_seconds",
    "Working time until the first response, of those that were in time, by plan.",
    "plan",
    by=("sla",),
    edges=(60, 300, 900, 1800, 3600, 7200, 14400, 28800, 57600, 86400, 172800),
    known={"plan": PLANS},
)
DUE_SOON = _gauge(
    "sla_deadlines_due_within_hour",
    "Deadlines of the partitions read here that run and are due within the next hour.",
    "plan",
    "clock",
    by=("sla",),
)
OVERDUE = _gauge(
    "sla_timers_overdue",
    "Deadlines of the partitions read here that should have fired and have not.",
    by=("sla",),
)
UNFIRED = _gauge(
    "sla_oldest_unfired_seconds",
    "How long the oldest deadline of the partitions read here should have fired; 0 if none should.",
    by=("sla",),
)
UNHEARD = _gauge(
    "sla_heard_behind_seconds",
    "How far the partition that is furthest behind was heard; nothing later than that fires.",
    by=("sla",),
)
HEARD = _gauge(
    "sla_partitions_heard",
    "Partitions of which it is known how far they were heard.",
    by=("sla",),
)
RECOUNTS = _gauge(
    "sla_recounts_open",
    "Plan changes and moves that open tickets do not follow yet.",
    by=("sla",),
)
OLDEST_RECOUNT = _gauge(
    "sla_oldest_recount_seconds", "How long the oldest of those has taken.", by=("sla",)
)
PASSED_OVER = _counter(
    "sla_recount_tickets_passed_over",
    "Tickets that a recount could not count: see the log.",
    by=("sla",),
)

# notifier -------------------------------------------------------------------------------------

DELIVERIES = _counter(
    "notifier_deliveries",
    "Deliveries that have ended, by how: sent, failed or suppressed.",
    "kind",
    "outcome",
    by=("notifier",),
    known={"kind": KINDS, "outcome": ("sent", "failed", "suppressed")},
)
TRIES = _counter(
    "notifier_tries",
    "Tries of deliveries by the way out and by what they came to: accepted, refused or lost.",
    "lane",
    "kind",
    "outcome",
    by=("notifier",),
)
LATENCY = _histogram(
    "notifier_latency_seconds",
    "From a delivery's cause (of an acknowledgement: the ticket) to the other side's taking it.",
    "kind",
    by=("notifier",),
    edges=(0.1, 0.25, 0.5, 1, 2, 5, 15, 30, 60, 300, 3600),
    known={"kind": KINDS},
)
PENDING = _gauge(
    "notifier_pending",
    "Deliveries that could go out now and have not ended.",
    "kind",
    by=("notifier",),
    known={"kind": KINDS},
)
OLDEST_OF_KIND = _gauge(
    "notifier_oldest_pending_of_kind_seconds",
    "By kind, how long ago the delivery that waits longest was caused.",
    "kind",
    by=("notifier",),
    known={"kind": KINDS},
)
OLDEST_PENDING = _gauge(
    "notifier_oldest_pending_seconds",
    "By way out, since when the delivery that waits longest could have gone.",
    "lane",
    by=("notifier",),
)
SECOND_COPIES = _counter(
    "notifier_second_copies_possible",
    "Deliveries that were sent again after a try of which nobody knows what it came to.",
    by=("notifier",),
)
LANE_OPEN = _gauge(
    "notifier_lane_open",
    "1 while a way out is left alone, since its other side fails.",
    "lane",
    by=("notifier",),
)
IN_FLIGHT = _gauge("notifier_in_flight", "Tries under way.", "lane", by=("notifier",))
UNKNOWN_DESTINATIONS = _gauge(
    "notifier_unknown_destinations",
    "Names in the catalogue in force that no destination has: alerts to them fail.",
    by=("notifier",),
)
NOTIFIER_ARTICLES_REFUSED = _gauge(
    "notifier_articles_refused",
    "1 while the file of articles is wrong and earlier articles stay in use.",
    by=("notifier",),
)

# messaging ------------------------------------------------------------------------------------

MESSAGES = _counter(
    "thread_messages",
    "Messages written into threads, by whose they are; what is heard again counts again.",
    "author",
    by=("messaging",),
    known={"author": ("customer", "agent", "system")},
)
LIVE_STREAMS = _gauge("thread_live_streams", "Pages that are followed live now.", by=("messaging",))
LIVE_PATCHES = _counter(
    "thread_live_patches", "Changes that were sent to pages.", by=("messaging",)
)
LIVE_SECONDS = _histogram(
    "thread_live_seconds",
    "From the commit of a change being heard of until it was sent to a page that is open.",
    by=("messaging",),
    edges=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
WAITING_MAILS = _gauge(
    "thread_waiting_mails",
    "Mails that wait for their thread, or were refused when it was there.",
    "state",
    by=("messaging",),
    known={"state": ("waiting", "refused")},
)
WAITING_MAILS_OLDEST = _gauge(
    "thread_waiting_mails_oldest_seconds",
    "How long ago the oldest of them came in.",
    "state",
    by=("messaging",),
    known={"state": ("waiting", "refused")},
)
THREAD_ARTICLES_REFUSED = _gauge(
    "thread_articles_refused",
    "1 while something in the folder of articles is wrong and earlier articles stay in use.",
    by=("messaging",),
)

# The auditor ----------------------------------------------------------------------------------

AUDIT_PROMISES = (
    "ticket_has_a_beginning",
    "slotted_once",
    "acknowledged_once",
    "one_thread",
    "message_posted_once",
    "breach_not_early",
    "breached_once",
    "no_deadline_lost",
    "no_false_alarm",
    "alert_has_a_breach",
    "cause_before_effect",
    "ids_name_one_event",
    "revisions_rise",
    "thread_in_database",
    "slot_in_database",
    "acknowledgement_in_database",
    "deadlines_agree",
    "outbox_moves",
)
INVARIANT_VIOLATIONS = _gauge(
    "invariant_violations",
    "Violations of a promise that are open now; one that is mended is open no longer.",
    "promise",
    by=("auditor",),
    known={"promise": AUDIT_PROMISES},
)
AUDITOR_FOUND = _counter(
    "auditor_violations_found",
    "Violations that were found, those that were mended since among them.",
    "promise",
    by=("auditor",),
    known={"promise": AUDIT_PROMISES},
)
AUDITOR_RECORDS = _counter(
    "auditor_records_checked", "Records of the stream that were read.", by=("auditor",)
)
AUDITOR_BEHIND = _gauge(
    "auditor_behind_seconds",
    "How long ago the moment is up to which all was heard: nothing later is judged.",
    by=("auditor",),
)
AUDITOR_PENDING = _gauge(
    "auditor_pending_records",
    "Records that wait until all partitions were heard up to them.",
    by=("auditor",),
)
AUDITOR_TRACKED = _gauge("auditor_tracked_tickets", "Tickets that are remembered.", by=("auditor",))
AUDITOR_TRACKED_MAX = _gauge(
    "auditor_tracked_tickets_max", "The most tickets that are remembered.", by=("auditor",)
)
AUDITOR_FORGOTTEN = _counter(
    "auditor_forgotten_tickets",
    "Tickets that were let go while they still had something coming: there were too many.",
    by=("auditor",),
)
AUDITOR_DATABASE_READ = _gauge(
    "auditor_database_read",
    "1 when a service's database was read in the last round; no series where none is given.",
    "database",
    by=("auditor",),
)
AUDITOR_TICKETS_COMPARED = _counter(
    "auditor_tickets_compared",
    "Tickets that were looked up in a service's database.",
    "database",
    by=("auditor",),
    known={"database": CONSUMERS},
)
