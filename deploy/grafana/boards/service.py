"""What the board of every service has: requests, errors, time taken; its stream; itself."""

from deploy.grafana.parts import (
    AMBER,
    GREEN,
    RED,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    quantiles,
    rate,
)

HTTP = "http_server_request_duration_seconds"
NO_PROBES = 'http_route!~"/health/.*|/metrics"'
"""Requests of people and programs; probes and scrapes would hide them."""
NO_LIVE = 'http_route!~"/health/.*|/metrics|.*/live"'
"""Nor pages that are followed live: they are open for as long as somebody looks."""
ALWAYS = "or vector(0)"


def of(job: str) -> str:
    """Matchers of a service's series, of those instances that are looked at."""
    return f'job="{job}",instance=~"$instance"'


def requests(job: str, slow: float, *alerts: str) -> Row:
    """Rate, errors and duration of its HTTP, slow being a request that takes so many seconds."""
    mine = f"{of(job)},{NO_PROBES}"
    failed = f'sum(rate({HTTP}_count{{{mine},http_response_status_code=~"5.."}}[$__rate_interval]))'
    every = f"sum(rate({HTTP}_count{{{mine}}}[$__rate_interval]))"
    return Row(
        "Requests: how many, how many in vain, how long",
        (
            Panel(
                "Requests by route",
                "Probes and scrapes are left out.",
                (rate(f"{HTTP}_count", mine, by="http_route"),),
                unit=Unit.REQUESTS,
                stacked=True,
                height=8,
            ),
            Panel(
                "Requests that failed",
                "Answers of 5xx, as a share of all. What a caller did wrong (4xx) is none.",
                (Query(f"({failed} {ALWAYS}) / ({every} > 0) {ALWAYS}", "failed"),),
                unit=Unit.SHARE,
                height=8,
                steps=((0, GREEN), (0.0005, AMBER), (0.01, RED)),
                lines=True,
                alerts=alerts,
            ),
            Panel(
                "Time to the answer",
                f"Without pages that stay open. Slow is what takes longer than {slow:g} s.",
                tuple(quantiles(HTTP, f"{of(job)},{NO_LIVE}")),
                unit=Unit.SECONDS,
                height=8,
                steps=((0, GREEN), (slow, RED)),
                lines=True,
                alerts=alerts,
            ),
            *_statuses(job),
        ),
    )


def _statuses(job: str) -> tuple[Panel, ...]:
    """What was answered, and what is not answered yet."""
    mine = f"{of(job)},{NO_PROBES}"
    return (
        Panel(
            "Answers by status",
            "4xx are callers' mistakes: many of them may be a client gone wrong, or a guess "
            "at tokens.",
            (rate(f"{HTTP}_count", mine, by="http_response_status_code"),),
            unit=Unit.REQUESTS,
            width=16,
            stacked=True,
        ),
        Panel(
            "Requests under way",
            "Pages that are followed live are among them.",
            (
                Query(
                    f"sum by (instance) (http_server_active_requests{{{of(job)}}})",
                    "{{instance}}",
                ),
            ),
            width=8,
        ),
    )


def stream(job: str) -> Row:
    """What it hears, how far behind it is, and what it says."""
    mine = of(job)
    return Row(
        "Its stream: heard, put aside, said",
        (
            Panel(
                "Records heard",
                "By topic. Dead ones were put aside: see dead letters.",
                (
                    rate(
                        "messaging_client_consumed_messages_total",
                        mine,
                        by="messaging_destination_name, outcome",
                    ),
                ),
                unit=Unit.PER_SECOND,
                stacked=True,
            ),
            Panel(
                "Behind the stream",
                "For how long it has not been at the end of a topic.",
                (Query(f"max by (topic) (careline_consumer_lag_seconds{{{mine}}})", "{{topic}}"),),
                unit=Unit.SECONDS,
                steps=((0, GREEN), (60, RED)),
                lines=True,
                alerts=("FarBehind", "LagGrowing"),
            ),
            Panel(
                "One batch: read, decided, committed",
                "What grows with the database's troubles, or with what one batch holds.",
                tuple(quantiles("messaging_process_duration_seconds", mine)),
                unit=Unit.SECONDS,
                alerts=("BatchesFailing",),
            ),
            *_said(job),
        ),
    )


def _said(job: str) -> tuple[Panel, ...]:
    """What it says, and what it could not handle."""
    mine = of(job)
    return (
        Panel(
            "Outbox: the oldest event not published",
            "Committed and not on the stream. More than seconds: the broker or the relay.",
            (Query(f"max(careline_outbox_oldest_seconds{{{mine}}})", "oldest"),),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (60, RED)),
            lines=True,
            alerts=("OutboxStuck",),
        ),
        sent(job),
        Panel(
            "Dead letters of the last hour",
            "Records that it could not handle.",
            (
                Query(
                    f"sum(increase(careline_dead_letters_total{{{mine}}}[1h])) {ALWAYS}",
                    "dead letters",
                ),
            ),
            kind=Kind.FIGURES,
            steps=((0, GREEN), (1, RED)),
            decimals=0,
            alerts=("DeadLetters",),
        ),
    )


def sent(job: str) -> Panel:
    """What it says."""
    return Panel(
        "Records said",
        "What all in-sync replicas of the broker have, by topic.",
        (rate("messaging_client_sent_messages_total", of(job), by="messaging_destination_name"),),
        unit=Unit.PER_SECOND,
        stacked=True,
    )


def process(job: str) -> Row:
    """The service as a process, and what it waits for."""
    mine = of(job)
    failing = f"sum by (worker) (increase(careline_worker_failures_total{{{mine}}}[5m]))"
    return Row(
        "The process",
        (
            Panel(
                "Parts that are ready",
                "What the service needs before it takes work. 0 is not ready.",
                (Query(f"min by (part) (careline_part_ready{{{mine}}})", "{{part}}"),),
                kind=Kind.BARS,
                width=6,
                steps=((0, RED), (1, GREEN)),
                words={0: ("no", RED), 1: ("yes", GREEN)},
                highest=1,
                alerts=("NotReady", "ReplicaNotReady"),
            ),
            Panel(
                "Background work that failed",
                "Steps in 5 minutes. Each is tried again; one that goes on failing stands still.",
                (
                    Query(
                        failing,
                        "{{worker}}",
                        quiet="its series begin with the first failure",
                    ),
                ),
                width=6,
                none="nothing failed",
                alerts=("WorkerFailing", "KeysFailing"),
            ),
            *_used(job),
        ),
    )


def _used(job: str) -> tuple[Panel, ...]:
    """What it takes of its machine."""
    mine = of(job)
    return (
        Panel(
            "Processor",
            "Cores in use. A replica uses one at the most: at 0.8 it is time for another.",
            (
                Query(
                    f"sum by (instance) (rate(process_cpu_seconds_total{{{mine}}}"
                    "[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            width=6,
            steps=((0, GREEN), (0.8, AMBER)),
            lines=True,
        ),
        Panel(
            "Memory",
            "What the process holds.",
            (
                Query(
                    f"sum by (instance) (process_resident_memory_bytes{{{mine}}})",
                    "{{instance}}",
                ),
            ),
            unit=Unit.BYTES,
            width=6,
        ),
    )
