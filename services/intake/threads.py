"""Blocking calls that must never hold up the rest of the service, nor its end.

`asyncio.to_thread` would not do for a server that doesn't answer: a process waits for those threads
before it ends.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def _ignore(_: object) -> None:
    pass


def start_thread(work: Callable[[], None]) -> None:
    """Do it in a thread of its own that nobody waits for."""
    threading.Thread(target=work, daemon=True, name="intake-blocking").start()


async def in_thread(
    work: Callable[[], T], *, seconds: float, too_late: Callable[[T], None] = _ignore
) -> T:
    """Do it in a thread of its own, which is left to itself when it takes too long.

    Args:
        work: What to do.
        seconds: How long it may take.
        too_late: Called in the thread with a result that nobody waits for any more.

    Raises:
        TimeoutError: it takes longer.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            tell(waiting.set_exception, error)
        else:
            if not tell(waiting.set_result, result):
                too_late(result)

    def tell(say: Callable[..., None], what: object) -> bool:
        def unless_gone() -> None:
            if not waiting.done():
                say(what)

        if waiting.done():
            return False
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(unless_gone)
        return True

    start_thread(run)
    async with asyncio.timeout(seconds):
        return await waiting
