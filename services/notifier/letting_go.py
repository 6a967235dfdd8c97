"""Alerts whose time has come: let go one by one, or put together where there are too many.

In the transaction of a caller that has the lock of alerting.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.notifier import store, storms
from shared.database import Connection

PAGE = 5000
"""Alerts that are let go in one step."""


async def let_go(connection: Connection, now: datetime, limits: storms.Limits) -> bool:
    """Let go whose time has come, by themselves or in digests; says whether there may be more."""
    due = await store.read_due(connection, now=now, limit=PAGE)
    if not due:
        return False
    lately = await store.read_lately(connection, due.keys(), since=now - storms.HOUR)
    alone, too_many = storms.sort_out(due, lately, limits, now=now)
    digests = await _digests(connection, too_many, lately, now, limits)
    folded = {id_: digests[name] for name, ids in too_many.items() for id_ in ids}
    await store.let_go(connection, dict.fromkeys(alone) | folded, now=now)
    return sum(map(len, due.values())) == PAGE


async def _digests(
    connection: Connection,
    too_many: Mapping[str, Sequence[UUID]],
    lately: Mapping[str, storms.Lately],
    now: datetime,
    limits: storms.Limits,
) -> dict[str, UUID]:
    """The open digest of each of these recipients; a new one where there is none."""
    if not too_many:
        return {}
    found = await store.lock_open_digests(connection, too_many.keys())
    firsts = {name: ids[0] for name, ids in too_many.items() if name not in found}
    if not firsts:
        return found
    alerts = await store.read_alerts(connection, list(firsts.values()))
    opened = {
        name: storms.open_digest(
            alerts[first],
            name,
            now=now,
            leaves=now + storms.pause(lately.get(name, storms.Lately()), limits),
        )
        for name, first in firsts.items()
    }
    await store.add_digests(connection, opened)
    return found | {name: digest.id for name, digest in opened.items()}
