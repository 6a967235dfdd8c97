"""A mail as it comes after DATA: read in bounded memory to its end, which is CRLF, dot, CRLF.

aiosmtpd keeps every line as an object of its own, and all of a line that never ends.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from services.intake.accepting import Outcome
from services.intake.smtp.places import Memory

CHUNK_BYTES = 64 * 1024
"""The limit of the stream that is read from."""
PATIENCE = 60.0
"""Seconds that a mail may take before its pace counts."""
LEAST_PACE = 1024.0
"""Bytes a second, on the whole, from then on: who is slower holds memory that others want."""
_END = b"\r\n.\r\n"


class NotTaken(StrEnum):
    """Why a mail was not taken though all of it, or enough, was read."""

    LARGE = "large"
    ENDLESS = "endless"
    MEMORY = "memory"
    SLOW = "slow"


_TOO_LARGE = (Outcome.REFUSED, "552 5.3.4 The mail is too large")
ANSWERS = {
    NotTaken.LARGE: _TOO_LARGE,
    NotTaken.ENDLESS: _TOO_LARGE,
    NotTaken.MEMORY: (Outcome.DEFERRED, "452 4.3.1 Too many mails at once; try again later"),
    NotTaken.SLOW: (Outcome.DEFERRED, "451 4.4.2 That took too long; try again later"),
}
"""What becomes of such a mail, and what is answered."""


async def receive(
    reader: asyncio.StreamReader,
    memory: Memory,
    *,
    most_bytes: int,
    seconds: float,
    progress: Callable[[], None],
    patience: float = PATIENCE,
    pace: float = LEAST_PACE,
) -> bytearray | NotTaken:
    """The mail from the line end before it, dots still doubled, or why there is none.

    Raises:
        ConnectionResetError: it ended in the middle.

    Args:
        reader: Stands behind the line end of DATA.
        memory: Asked for what is kept.
        most_bytes: Of the mail.
        seconds: For all of it.
        progress: Called with every chunk.
        patience: Seconds before its pace counts.
        pace: Bytes a second that must come from then on.
    """
    # The line end of DATA counts: a mail may be empty, or end with its first line.
    reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public puts bytes back
    incoming = _Incoming(reader, memory, most_bytes, progress)
    try:
        async with asyncio.timeout(seconds), asyncio.timeout(None) as pacing:
            started = asyncio.get_running_loop().time()
            while not incoming.ended:
                # The chunk that is awaited counts, since none is seen before it is whole.
                due = (incoming.size + CHUNK_BYTES) / pace
                pacing.reschedule(started + patience + due)
                await incoming.read_on()
            return incoming.result()
    except TimeoutError:
        return NotTaken.SLOW
    except asyncio.IncompleteReadError:
        raise ConnectionResetError("the mail has no end") from None


def unstuff(received: bytearray) -> bytes:
    """The mail itself: without the line end before it, and without the dots that SMTP adds."""
    return bytes(memoryview(received.replace(b"\r\n.", b"\r\n"))[2:])


@dataclass(slots=True)
class _Incoming:
    """A mail on its way in."""

    reader: asyncio.StreamReader
    memory: Memory
    most_bytes: int
    progress: Callable[[], None]
    received: bytearray = field(default_factory=bytearray)
    size: int = 0
    ended: bool = False
    wrong: NotTaken | None = None

    async def read_on(self) -> None:
        """The next chunk."""
        chunk, self.ended = await _next(self.reader)
        self.progress()
        self.size += len(chunk)
        self.wrong = self.wrong or self._wrong(self.size - len(_END), len(chunk))
        if self.wrong is None:
            self.received += chunk
            return
        # An answer is heard only after the end, so the rest is read, within reason.
        self.received.clear()
        self.memory.give_back()
        if self.size > 2 * self.most_bytes:
            self.wrong, self.ended = NotTaken.ENDLESS, True

    def result(self) -> bytearray | NotTaken:
        """What came, or why it was not taken."""
        del self.received[-3:]
        return self.wrong or self.received

    def _wrong(self, size: int, more: int) -> NotTaken | None:
        if size > self.most_bytes:
            return NotTaken.LARGE
        return None if self.memory.take(more) else NotTaken.MEMORY


async def _next(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """The next chunk, and whether it ends with the end of the mail."""
    try:
        return await reader.readuntil(_END), True
    except asyncio.LimitOverrunError as more:
        return await reader.readexactly(more.consumed), False
