"""Waiting until something answers as it should."""

import asyncio
from collections.abc import Awaitable, Callable

from deploy.local.errors import DeskError

POLL_SECONDS = 0.1


async def wait_until(probe: Callable[[], Awaitable[bool]], seconds: float, failure: str) -> None:
    """Ask again and again until the answer is yes.

    Raises:
        DeskError: It was not within the time; `failure` is its message.
    """
    try:
        async with asyncio.timeout(seconds):
            while not await probe():  # noqa: ASYNC110 - other processes set no event of ours
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise DeskError(failure) from None
