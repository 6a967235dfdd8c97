"""Counting and logging what deadlines come to, whoever noticed: the timer or an answer."""

from collections.abc import Iterable

import structlog
from prometheus_client import Counter, Histogram

from services.sla.domain import Outcome
from shared.deadlines import DeadlineBreached

log = structlog.get_logger(__name__)

OUTCOMES = Counter("sla_outcomes_total", "Deadlines by what they came to.", ["clock", "event"])
LATENESS = Histogram(
    "sla_breach_lateness_seconds",
    "From a breach's due time to its being said.",
    buckets=(0.25, 0.5, 0.75, 1, 2, 5, 15, 60, 300, 3600),
)


def tell(outcomes: Iterable[Outcome]) -> None:
    """Count and log outcomes that are decided."""
    for event in (event for outcome in outcomes for event in outcome.events):
        clock = event.data.clock
        OUTCOMES.labels(clock, type(event).__name__).inc()
        if isinstance(event, DeadlineBreached):
            LATENESS.observe(event.data.overdue_seconds)
        log.info(
            "deadline_outcome",
            ticket=event.subject,
            clock=clock,
            event_type=event.type,
            correlation=str(event.correlationid),
        )
