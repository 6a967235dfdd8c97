"""Mails that came back: which delivery it was, and that its address is no good."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from services.notifier import store
from shared.database import Connection
from shared.messages import MailBounced

log = structlog.get_logger(__name__)

CameBack = Sequence[tuple[str, MailBounced]]
"""Where a mail had gone, and what tells that it came back."""


async def mark(connection: Connection, bounced: Sequence[MailBounced]) -> None:
    """Note which mails came back, and from which addresses for good."""
    await mark_addresses(connection, await mark_deliveries(connection, bounced))


async def mark_deliveries(connection: Connection, bounced: Sequence[MailBounced]) -> CameBack:
    """Note which mails came back, and tell to which addresses they had gone."""
    came_back = []
    for event in sorted(bounced, key=lambda event: event.time):
        private = event.data.private
        address = await store.mark_delivery_bounced(
            connection,
            UUID(event.subject),
            event.data.delivery,
            private.address if private else None,
            event.time,
        )
        if address is None:
            # Whoever sent it, we never mailed that address about that ticket.
            log.warning("bounce_of_nothing", ticket=event.subject)
        else:
            came_back.append((address, event))
    return came_back


async def mark_addresses(connection: Connection, came_back: CameBack) -> None:
    """Note from which addresses mail came back for good."""
    for address, event in came_back:
        if event.data.permanent:
            private = event.data.private
            await store.mark_bounced(
                connection,
                address,
                event.time,
                person=private.person if private else None,
                status=event.data.status,
                detail=private.detail if private else None,
            )
