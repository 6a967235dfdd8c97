"""Holding a transaction to what is a customer's, by migration 0004."""

from collections.abc import Collection
from uuid import UUID

from shared.database import Connection


async def restrict(
    connection: Connection,
    *,
    account: str | None,
    requester: str | None,
    tickets: Collection[UUID],
    reader: str,
) -> None:
    """Let this transaction see and write a customer's rows alone, until it ends."""
    await connection.execute(
        """
        SELECT set_config('role', 'careline_customer', true),
            set_config('careline.account', $1, true),
            set_config('careline.requester', $2, true),
            set_config('careline.tickets', $3, true),
            set_config('careline.reader', $4, true)
        """,
        account or "",
        requester or "",
        ",".join(sorted(map(str, tickets))),
        reader,
    )
