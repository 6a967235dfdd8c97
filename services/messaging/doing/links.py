"""Taking back the links that open a ticket without a sign-in."""

from datetime import datetime
from uuid import UUID

from services.messaging import changes, store
from services.messaging.doing import refusing
from services.messaging.visitors import Visitor
from shared import outbox
from shared.database import Connection


async def revoke_links(
    connection: Connection, visitor: Visitor, ticket: UUID, *, now: datetime
) -> None:
    """Let no link that is known by now open a ticket any longer.

    It is said, too: a database that is rebuilt learns of the links again, and must not let them in.

    Raises:
        Problem: 404 for no such thread, 403 for customers.
    """
    thread = await refusing.locked(connection, visitor, ticket)
    by = refusing.staff(visitor, thread, "Links are taken back by agents.")
    if revoked := await store.revoke_links(connection, ticket, now=now):
        await outbox.append(connection, [changes.revoke_links(thread, revoked, by, now=now)])
