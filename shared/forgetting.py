"""What services that keep personal data share where somebody is to be forgotten.

A request counts for what is from before it. Mostly the keys of that are gone by the time it is
heard; but a batch may have been opened before they went.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from shared.database import Connection
from shared.events import Event

_ERASING = 0x0CA2E0E5

Asked = Sequence[tuple[Collection[str], datetime]]
"""Whom we were asked to forget, by all their ids, and when."""


async def lock_erasing(connection: Connection, *, alone: bool) -> None:
    """Let nobody erase while we keep what we hear, or nobody keep anything while we erase."""
    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await connection.execute(f"SELECT {lock}($1)", _ERASING)


def without_erased(heard: Sequence[Event], asked: Asked) -> list[Event]:
    """What was heard, without personal parts of people who have asked to be forgotten since."""
    return [_without_private(event) if _is_erased(event, asked) else event for event in heard]


def _is_erased(event: Event, asked: Asked) -> bool:
    private = getattr(event.data, "private", None)
    return private is not None and any(
        private.person in persons and event.time <= at for persons, at in asked
    )


def _without_private(event: Event) -> Event:
    data = event.data.model_copy(update={"private": None})
    return event.model_copy(update={"data": data})
