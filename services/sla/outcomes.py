"""Counting and logging what deadlines come to, whoever noticed: the timer or an answer."""

from collections.abc import Iterable

import structlog

from services.sla.domain import Outcome
from shared import metrics
from shared.deadlines import DeadlineBreached, DeadlineMet
from shared.plans import Clock

log = structlog.get_logger(__name__)


def tell(outcomes: Iterable[Outcome]) -> None:
    """Count and log outcomes that are decided."""
    for event in (event for outcome in outcomes for event in outcome.events):
        clock = event.data.clock
        metrics.OUTCOMES.labels(event.data.plan, clock, type(event).__name__).inc()
        if isinstance(event, DeadlineBreached):
            metrics.LATENESS.observe(event.data.overdue_seconds)
        if isinstance(event, DeadlineMet) and clock is Clock.FIRST_RESPONSE:
            taken = event.data.elapsed_seconds
            if taken is not None:
                metrics.FIRST_RESPONSE.labels(event.data.plan).observe(taken)
        log.info(
            "deadline_outcome",
            ticket=event.subject,
            clock=clock,
            event_type=event.type,
            correlation=str(event.correlationid),
        )
