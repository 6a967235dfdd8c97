"""A text file that is looked at again and again while a service runs."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.toml_file import FileError

ErrorT = TypeVar("ErrorT", bound=FileError)

LOOK_EVERY = 2.0
"""Seconds between looks."""


class FollowedFile(Generic[ErrorT]):
    """Tells when a file has changed.

    A change counts once two looks in a row find the same: so a file that is being written isn't
    read half, and one that is away for a moment does no harm.

    Args:
        read: Gives the text, or raises why there is none. Links are followed anew at each look, as
            mounted configuration is changed by pointing a link elsewhere.
        refusal: What it raises.
    """

    def __init__(self, read: Callable[[], str], refusal: type[ErrorT]) -> None:
        self._read_text = read
        self._refusal = refusal
        self._seen: str | ErrorT = ""
        self._judged: str | ErrorT = ""

    async def change(self) -> str | ErrorT | None:
        """Look: what stands there now, if it stands still and was not judged yet; else None."""
        found = await asyncio.to_thread(self._read)
        stands_still = _same(found, self._seen)
        self._seen = found
        return found if stands_still and not _same(found, self._judged) else None

    def begin(self, text: str) -> None:
        """The file was read for the first time, and judged."""
        self._seen = self._judged = text

    def judged(self, found: str | ErrorT) -> None:
        """It is known what a change comes to: it isn't told again."""
        self._judged = found

    def _read(self) -> str | ErrorT:
        try:
            return self._read_text()
        except self._refusal as error:
            return error


def _same(one: str | FileError, other: str | FileError) -> bool:
    """Whether two looks found the same text, or the same reason why there is none."""
    return type(one) is type(other) and str(one) == str(other)
