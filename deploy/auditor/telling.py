"""Says what was found: in the log, and in the metrics."""

import structlog

from deploy.auditor.promises import Findings, Violation
from shared import metrics

log = structlog.get_logger(__name__)

MOST_LINES = 50
"""Of one look: what breaks for thousands at once is counted, and shown by some of them."""


def tell(findings: Findings) -> None:
    """Log and count what has changed."""
    for each in findings.found:
        metrics.AUDITOR_FOUND.labels(each.promise).inc()
        metrics.INVARIANT_VIOLATIONS.labels(each.promise).inc()
    for each in findings.healed:
        metrics.INVARIANT_VIOLATIONS.labels(each.promise).dec()
    for each in findings.found[:MOST_LINES]:
        log.error("invariant_violated", seen=each.seen, **_which(each))
    for each in findings.healed[:MOST_LINES]:
        log.info("invariant_holds_again", **_which(each))
    unsaid = len(findings.found[MOST_LINES:]) + len(findings.healed[MOST_LINES:])
    if unsaid:
        log.error("more_of_invariants", lines_left_out=unsaid)


def _which(violation: Violation) -> dict[str, str]:
    return {
        "promise": violation.promise.value,
        "ticket": violation.subject,
        "about": violation.about,
        "since": violation.since.isoformat(),
    }
