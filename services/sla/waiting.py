"""What nobody may change while a new database is not rebuilt."""

from collections.abc import Callable

from shared.problems import Problem

Rebuilds = Callable[[], str | None]
"""How far a new database has come with what is on the stream, or None if it has all of it."""


def refuse_while(rebuilds: Rebuilds) -> None:
    """Let whoever wants a change come again: it would be decided by what is not known yet.

    Raises:
        Problem: a new database is not rebuilt.
    """
    if (how_far := rebuilds()) is not None:
        detail = f"This is being rebuilt from the stream, {how_far}. Nothing was changed."
        raise Problem(503, "Try again soon", detail, headers={"Retry-After": "5"})
