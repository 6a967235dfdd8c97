"""Waiting for what must come, for no longer than it may take."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def until(
    probe: Callable[[], Awaitable[T | None]], *, within: float = ..., what: str = ...
) -> T: ...


@overload
async def until(probe: Callable[[], T | None], *, within: float = ..., what: str = ...) -> T: ...


async def until(
    probe: Callable[[], Any], *, within: float = 30, what: str = "the condition"
) -> Any:
    """Ask every 50 ms until the answer is true, and return it.

    Raises:
        AssertionError: when it is not true within so many seconds; with the last answer.
    """
    deadline = asyncio.get_running_loop().time() + within
    while True:
        answer = probe()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"{what}: last {found!r}"
        await asyncio.sleep(0.05)
