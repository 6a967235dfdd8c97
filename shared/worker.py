"""A loop that does one step again and again until it is stopped."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from shared import metrics
from shared.faults import is_passing

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
STOP_WITHIN = 5.0


class Worker:
    """Runs `step` at once again while it finds work, else when woken or after `idle` seconds.

    A step that fails is tried again with growing pauses, for ever: what it was to do is still in
    the database. Whether that helps is the operators' to see, in readiness, logs and metrics.

    Args:
        name: As it stands in readiness, logs and metrics.
        step: Does a bounded amount of work and says whether there may be more.
        idle: Seconds between steps that find nothing.
    """

    def __init__(self, name: str, step: Callable[[], Awaitable[bool]], *, idle: float) -> None:
        self.name = name
        self._step = step
        self._idle = idle
        self._woken = asyncio.Event()
        self._stopping = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        # From 0 on, so that a first failure is seen as one.
        self._failed = metrics.WORKER_FAILURES.labels(worker=name)

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Let the step at hand end, for 5 s at the most."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_WITHIN)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ready(self) -> str | None:
        """Why it makes no progress, or None."""
        if self._task is not None and self._task.done():
            return "ended"
        return f"failed {self._failures} times in a row" if self._failures > 1 else None

    def wake(self) -> None:
        """There may be work: don't wait out the idle time."""
        self._woken.set()

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            if not await self._attempt():
                await self._pause()

    async def _attempt(self) -> bool:
        try:
            more = await self._step()
        except Exception as error:
            self._failures += 1
            self._failed.inc()
            log.warning(
                "step_failed",
                worker=self.name,
                failures=self._failures,
                # A passing fault is the other side's; anything else is ours and wants its stack.
                exc_info=not is_passing(error),
                error=type(error).__name__,
            )
            return False
        self._failures = 0
        return more

    async def _pause(self) -> None:
        if self._stopping:
            return
        if self._failures:
            # The power is bounded too: after a night of failures it would be no float any more.
            seconds = min(FIRST_PAUSE * 2 ** min(self._failures, 10), LONGEST_PAUSE)
            self._woken.clear()
        else:
            seconds = self._idle
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
