"""The auditor's work on the stream, step by step, with its metrics."""

from collections.abc import Callable
from datetime import datetime

import structlog

from deploy.auditor.checks import Checks
from deploy.auditor.promises import Findings
from deploy.auditor.reader import Reader
from deploy.auditor.telling import tell
from shared import metrics

log = structlog.get_logger(__name__)


class Auditing:
    """Run `step` in a worker.

    Args:
        reader: Has the stream.
        clock: The present, with a zone.
    """

    def __init__(self, reader: Reader, clock: Callable[[], datetime]) -> None:
        self._reader = reader
        self._clock = clock
        self._checks = reader.checks
        self._records = 0
        self._forgotten = 0
        metrics.AUDITOR_BEHIND.set_function(self._behind)

    def _behind(self) -> float:
        return max(0.0, (self._clock() - self._reader.checks.until).total_seconds())

    async def step(self) -> bool:
        """Read and judge what has come; there may always be more."""
        findings = await self._reader.read()
        if self._checks is not self._reader.checks:
            # What the checks before had open is found anew, or is not so.
            tell(Findings(healed=tuple(self._checks.register.open.values())))
            self._checks, self._forgotten = self._reader.checks, 0
        tell(findings)
        self._measure(self._checks)
        return True

    def _measure(self, checks: Checks) -> None:
        metrics.AUDITOR_RECORDS.inc(self._reader.records - self._records)
        self._records = self._reader.records
        metrics.AUDITOR_PENDING.set(checks.pending)
        metrics.AUDITOR_TRACKED.set(checks.tracked)
        metrics.AUDITOR_TRACKED_MAX.set(checks.terms.tickets)
        if checks.forgotten > self._forgotten:
            lost = checks.forgotten - self._forgotten
            metrics.AUDITOR_FORGOTTEN.inc(lost)
            log.error("tickets_forgotten", tickets=lost, most=checks.terms.tickets)
            self._forgotten = checks.forgotten
