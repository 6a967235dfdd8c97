"""Forgetting somebody, step by step: their keys first, then what is theirs here, then the log.

Whoever asked, all that came until then goes; what they write afterwards is a new conversation. Each
step is a transaction of its own and harmless to repeat; a process that dies goes on where it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from pydantic_core import from_json

from services.messaging import store
from services.messaging.domain import SOURCE
from services.messaging.store import belongings, erasures
from services.messaging.store.erasures import Erasure
from shared import forgetting, keyring, outbox
from shared.database import Connection, Database
from shared.envelope import Cause, Topic
from shared.events import Event
from shared.forgetting import lock_erasing
from shared.keyring import Keyring
from shared.privacy import (
    ErasureRequested,
    ErasureRequestedData,
    PersonErased,
    PersonErasedData,
    Removed,
)

log = structlog.get_logger(__name__)

MOST_THREADS = 50
"""Taken up in one transaction: others want these threads, too."""
MOST_KEYS = 5_000
"""Named in one event."""
LOOK_AFTER = timedelta(minutes=15)
"""Between looks whether the log of keys has been cleaned."""
NUDGE_AFTER = timedelta(hours=2)
"""A log's last segment is cleaned once something was written behind it: then tombstones are said
once more, for as long as their keys are still there."""


@dataclass(slots=True)
class Erasing:
    """Works off what was asked; run its `step` in a worker.

    Args:
        database: Where everything is.
        keys: The keys of personal data on the stream.
        clock: The present, with a zone.
        looked_at: When the log of keys was last looked at.
    """

    database: Database
    keys: Keyring
    clock: Callable[[], datetime]
    looked_at: datetime | None = None

    async def step(self) -> bool:
        """Do the next bit for the oldest that is under way; says whether there may be more."""
        new = await self._list_new()
        if new:
            # Whatever was sealed for them until they asked, its key is known from here on.
            await self.keys.catch_up()
        async with self.database.transaction() as connection:
            erasure = await erasures.lock_next_erasure(connection)
            if erasure is None:
                return False
            if erasure.state == "asked" and erasure.id not in new:
                return True  # asked since: keys must be read up to here for this one, too
            if erasure.state == "asked":
                await self._throw_keys_away(connection, erasure)
            elif not await self._take_away(connection, erasure):
                await self._end(connection, erasure)
        return True

    async def look_after(self) -> bool:
        """See whether keys that were thrown away have left the log; run it in a worker."""
        now = self.clock()
        if self.looked_at is not None and now < self.looked_at + LOOK_AFTER:
            return False
        async with self.database.connection() as connection:
            waiting = await erasures.list_to_look_after(connection)
        if waiting:
            left = await self.keys.find_in_log({key for each in waiting for key in each.keys})
            for erasure in waiting:
                await self._note_log(erasure, left, now)
        self.looked_at = now
        return False

    async def _list_new(self) -> set[UUID]:
        async with self.database.connection() as connection:
            return await erasures.list_asked(connection)

    async def _throw_keys_away(self, connection: Connection, erasure: Erasure) -> None:
        """From here on nobody opens or says anything that was theirs.

        First whoever is at it has to end: batches that were opened already, writers, relays (which
        make keys). What they leave behind is seen here, or in the threads afterwards.
        """
        await lock_erasing(connection, alone=True)
        await belongings.lock_touched(connection, erasure.persons)
        await outbox.forget(connection, erasure.persons)
        ids = await keyring.list_keys(connection, erasure.persons)
        await keyring.throw_away(connection, ids)
        # A thread that opens now would say what waits for it, with a new key.
        await _take_waiting(connection, erasure)
        await outbox.append(connection, _requests(erasure, ids))
        await outbox.append_tombstones(connection, Topic.KEYS, [str(id_) for id_ in ids])
        await erasures.set_locked(connection, erasure.id, ids)
        log.info("keys_thrown_away", erasure=str(erasure.id), keys=len(ids))

    async def _take_away(self, connection: Connection, erasure: Erasure) -> bool:
        """Take away what is theirs in some threads; says whether there were any."""
        persons, until = erasure.persons, erasure.asked_at
        tickets = await belongings.lock_theirs(connection, persons, until, most=MOST_THREADS)
        if not tickets:
            return False
        removed = await belongings.erase_in(connection, tickets, persons, until, self.clock())
        await _count(connection, erasure, removed)
        await store.refresh(connection, tickets)
        return True

    async def _end(self, connection: Connection, erasure: Erasure) -> None:
        await _take_waiting(connection, erasure)
        people = await belongings.delete_traces(connection, erasure.persons)
        await _count(connection, erasure, {"sign-ins": people})
        now = self.clock()
        await erasures.set_erased(connection, erasure.id, erasure.erased_at or now)
        whole = await erasures.read_erasure(connection, erasure.id)
        assert whole is not None  # noqa: S101 - it is locked here
        if erasure.erased_at is None:  # else it was said before this database was rebuilt
            await outbox.append(connection, [_said(whole, now)])
        log.info("person_erased", erasure=str(erasure.id), removed=whole.removed)

    async def _note_log(self, erasure: Erasure, left: set[UUID], now: datetime) -> None:
        still = [key for key in erasure.keys if key in left]
        async with self.database.transaction() as connection:
            if not still:
                await erasures.set_keys_gone(connection, erasure.id, now)
            elif now > (erasure.nudged_at or erasure.asked_at) + NUDGE_AFTER:
                await outbox.append_tombstones(connection, Topic.KEYS, list(map(str, still)))
                await erasures.set_nudged(connection, erasure.id, now)


async def _take_waiting(connection: Connection, erasure: Erasure) -> None:
    """Take away what of theirs is in no thread yet: mails with their files, and parts of files."""
    persons, until = erasure.persons, erasure.asked_at
    mails = await belongings.delete_waiting_of(connection, persons, until)
    await belongings.delete_parts(connection, [file for mail in mails for file in _files(mail)])
    parts = await belongings.delete_waiting_parts(connection, persons, until)
    counted = {"waiting mails": len(mails), "waiting parts of files": parts}
    await _count(connection, erasure, counted)


async def _count(connection: Connection, erasure: Erasure, removed: dict[str, int]) -> None:
    """Count what was taken away; after a rebuild it is what was counted and said before."""
    if erasure.erased_at is None:
        await erasures.add_removed(connection, erasure.id, removed)


async def without_erased(connection: Connection, heard: Sequence[Event]) -> list[Event]:
    """What was heard, without personal parts of people who have asked to be forgotten since.

    Args:
        connection: In a transaction, during which no more keys are thrown away.
        heard: In the order of the stream.
    """
    if not heard:
        return []
    await lock_erasing(connection, alone=False)
    asked = await belongings.list_asked_since(connection, min(event.time for event in heard))
    return forgetting.without_erased(heard, asked)


def _requests(erasure: Erasure, keys: list[UUID]) -> list[ErasureRequested]:
    """One event for every person, and more where there are many keys; one at the least."""
    starts = range(0, max(1, len(keys)), MOST_KEYS)
    return [
        ErasureRequested.say(
            ErasureRequestedData(
                erasure=erasure.id,
                persons=erasure.persons,
                keys=tuple(keys[start : start + MOST_KEYS]),
                by=erasure.asked_by,
            ),
            cause=_cause(erasure),
            source=SOURCE,
            time=erasure.asked_at,
            part=str(start),
        )
        for start in starts
    ]


def _said(erasure: Erasure, now: datetime) -> PersonErased:
    removed = tuple(
        Removed(what=what, count=count) for what, count in sorted(erasure.removed.items()) if count
    )
    data = PersonErasedData(erasure=erasure.id, service="messaging", removed=removed)
    return PersonErased.say(data, cause=_cause(erasure), source=SOURCE, time=now, part="messaging")


def _cause(erasure: Erasure) -> Cause:
    return Cause(erasure.id, erasure.persons[0])


def _files(mail: bytes) -> list[UUID]:
    """The ids of the files that an open event of a mail names."""
    private = from_json(mail)["data"].get("private") or {}
    return [UUID(each["id"]) for each in private.get("attachments", ())]
