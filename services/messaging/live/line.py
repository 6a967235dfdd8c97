"""The connection on which a process hears what others tell it, and how it comes back."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import structlog

from services.messaging import store
from shared.faults import is_passing

log = structlog.get_logger(__name__)

BEAT_EVERY = 3.0
ANSWER_WITHIN = 3.0
"""Seconds: with the beat, a server that is gone without a word is noticed after these two."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0


class Line:
    """One connection that listens, apart from the pool; when it is cut it is made anew, for ever.

    Args:
        dsn: The database itself: no pooler between, which would lend the session to others.
        channels: What to listen to.
        on_signal: Called with channel and text for each notification.
        on_back: Called each time that the line is there (again): anything may have been missed.
    """

    def __init__(
        self,
        dsn: str,
        channels: Sequence[str],
        on_signal: Callable[[str, str], None],
        on_back: Callable[[], None],
    ) -> None:
        self._dsn = dsn
        self._channels = channels
        self._on_signal = on_signal
        self._on_back = on_back
        self._task: asyncio.Task[None] | None = None
        self.is_up = False

    def open(self) -> None:
        """Begin; whether there is a server yet makes no difference."""
        self._task = self._task or asyncio.create_task(self._hold(), name="live")

    async def close(self) -> None:
        """End."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _hold(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except Exception as error:
                if not is_passing(error):
                    log.exception("live_line_failed")
                else:
                    log.warning("live_line_cut", error=type(error).__name__)
            pause = FIRST_PAUSE if self.is_up else min(pause * 2, LONGEST_PAUSE)
            self.is_up = False
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Listen until the line is cut.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: that it is.
        """
        cut = asyncio.Event()
        connection = await asyncpg.connect(
            self._dsn,
            timeout=5,
            server_settings={"application_name": "careline-messaging-live"},
        )
        try:
            connection.add_termination_listener(lambda _: cut.set())
            for channel in self._channels:
                await connection.add_listener(channel, self._hear)
            self.is_up = True
            self._on_back()
            while not await _happens(cut, within=BEAT_EVERY):
                await store.ask_for_an_answer(connection, within=ANSWER_WITHIN)
            raise ConnectionResetError
        finally:
            connection.terminate()

    def _hear(self, _connection: Any, _pid: int, channel: str, text: Any) -> None:  # noqa: ANN401 - as the driver calls it
        try:
            self._on_signal(channel, str(text))
        except ValueError:
            # Anybody with the database's password can say anything there.
            log.warning("signal_not_understood", channel=channel)


async def _happens(event: asyncio.Event, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True
