"""Long work in small steps: open tickets follow a plan change, or move to another catalogue.

A page of tickets is one transaction, which also keeps how far the work has come: a replica that
dies leaves it to another one, and nothing is done twice.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from services.sla import domain, store
from services.sla.catalogues import Book
from services.sla.clocks import moved_fact
from services.sla.outcomes import tell
from services.sla.settling import settle, settle_each
from services.sla.store import Recount
from shared import outbox
from shared.database import Connection, Database
from shared.failpoints import failpoint

log = structlog.get_logger(__name__)

PAGE = 200
"""Tickets of one transaction."""


class Recounts:
    """Run its `step` in a worker.

    Args:
        database: Where tickets and recounts are.
        book: The catalogues.
        clock: The present, with a zone.
    """

    def __init__(self, database: Database, book: Book, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def step(self) -> bool:
        """Do one page of the oldest recount; says whether there was one."""
        async with self._database.transaction() as connection:
            recount = await store.lock_next_recount(connection, now=self._clock())
            if recount is None:
                return False
            tickets = await self._page(connection, recount)
            settle_some = partial(settle, connection, book=self._book, clock=self._clock)
            outcomes, _ = await settle_each(connection, tickets, settle_some)
            is_done = len(tickets) < PAGE
            await store.advance_recount(
                connection,
                recount.id,
                after=tickets[-1] if tickets else recount.after,
                tickets=len(tickets),
                done_at=self._clock() if is_done else None,
            )
            failpoint("recounts.before_commit")
        tell(outcomes)
        if is_done:
            done = recount.tickets + len(tickets)
            log.info("recount_done", recount=str(recount.id), tickets=done)
        return True

    async def _page(self, connection: Connection, recount: Recount) -> list[UUID]:
        """The next tickets; of a move they learn that they are moved."""
        is_first = recount.tickets == 0
        if recount.account is not None:
            if is_first:
                # Tickets that were slotted while the plan changed are committed after this.
                await store.lock_accounts(connection, [recount.account])
            return await store.list_tickets_of_account(
                connection, recount.account, after=recount.after, limit=PAGE
            )
        if is_first:
            await store.lock_slotting(connection)
        tickets = await store.list_tickets_to_move(connection, recount, limit=PAGE)
        # Moved now, not when it was asked for: what was breached since then was breached.
        locked = await store.lock_tickets(connection, tickets)
        moved = [
            domain.moved(ticket, recount.id, str(recount.to_version), self._clock())
            for ticket in locked
        ]
        await store.add_facts(
            connection, [(UUID(event.subject), moved_fact(event)) for event in moved], {}
        )
        await store.record_moves(connection, {t: str(recount.to_version) for t in tickets})
        await outbox.append(connection, moved)
        return tickets
