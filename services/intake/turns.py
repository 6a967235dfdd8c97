"""How many mails are read at once, and what becomes of one whose reading takes too long.

A thread can't be ended from outside. So it is left to itself, but keeps its turn: there are never
more such threads than turns, and none of them keeps the service from ending.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from services.intake.threads import in_thread

T = TypeVar("T")


@dataclass(slots=True)
class Turn:
    """A mail's turn, already taken: somebody else's once nobody uses it any more."""

    turns: asyncio.Semaphore
    users: int = 1

    def leave(self) -> None:
        """One user less."""
        self.users -= 1
        if not self.users:
            self.turns.release()

    async def use(self, work: Callable[[], T], *, seconds: float) -> T:
        """Do it in a thread.

        Args:
            work: What to do.
            seconds: How long it may take.

        Raises:
            TimeoutError: it takes longer; it goes on, and keeps the turn.
        """
        loop = asyncio.get_running_loop()

        def work_and_leave() -> T:
            try:
                return work()
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(self.leave)

        self.users += 1
        return await in_thread(work_and_leave, seconds=seconds)
