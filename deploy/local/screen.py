"""What somebody at a terminal sees; in a pipe or a file the same, as plain lines."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import IO

from rich.console import Console
from rich.text import Text

SLOW_SECONDS = 5.0


class Screen:
    """Writes lines. Colour on a terminal only, and never with NO_COLOR.

    Args:
        file: Where to; standard output unless named.
    """

    def __init__(self, file: IO[str] | None = None) -> None:
        self._console = Console(
            file=file, highlight=False, markup=False, emoji=False, soft_wrap=True,
            # rich would still write bold and dim; who asks for no colour wants plain lines.
            color_system=None if os.environ.get("NO_COLOR") else "auto",
        )  # fmt: skip
        self._begun: dict[str, float] = {}
        self._slow: dict[str, str] = {}

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line, at once."""
        self.say_styled((text, style))

    def say_styled(self, *pieces: tuple[str, str]) -> None:
        """Write a line of pieces, each a text with its style."""
        self._console.print(Text.assemble(*pieces), soft_wrap=True)
        self._console.file.flush()

    def starting(self, part: str) -> None:
        """Say that a part of the desk starts."""
        self._begun[part] = time.monotonic()
        self.say(f"  {part:<10} starting", "dim")

    def ready(self, part: str) -> None:
        """Say that it is ready, and how long that took."""
        seconds = time.monotonic() - self._begun[part]
        self.say_styled((f"  {part:<10} ", ""), ("ready", "green"), (f" after {seconds:.1f} s", ""))

    def slow(self, part: str, reason: str) -> None:
        """Say why a part takes longer than usual, once it does; and again when that changes."""
        seconds = time.monotonic() - self._begun[part]
        if seconds > SLOW_SECONDS and self._slow.get(part) != reason:
            self._slow[part] = reason
            self.say(f"  {part:<10} waiting, {reason}", "yellow")

    @contextlib.contextmanager
    def waiting(self) -> Iterator[Callable[[str], None]]:
        """Say what is waited for: in one line that changes, or, in a pipe, a line per change."""
        if not self._console.is_interactive:
            yield _changes_only(self.say)
            return
        with self._console.status("") as status:
            yield lambda text: status.update(Text(text))


def _changes_only(say: Callable[[str], None]) -> Callable[[str], None]:
    last = ""

    def tell(text: str) -> None:
        nonlocal last
        if text != last:
            say(text)
        last = text

    return tell
