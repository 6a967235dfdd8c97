"""In which traces deliveries were planned."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.notifier.deliveries import Delivery
from shared import tracing
from shared.database import Connection


async def keep_traces(connection: Connection, planned: Sequence[Delivery]) -> None:
    """Keep in which traces deliveries are planned; what is planned again keeps its first."""
    found = [(each.id, tracing.caused(each.caused_by, each.correlation)) for each in planned]
    if traced := [(delivery, trace) for delivery, trace in found if trace is not None]:
        await connection.execute(
            """
            INSERT INTO traces (delivery, trace)
            SELECT * FROM unnest($1::uuid[], $2::text[])
            ON CONFLICT (delivery) DO NOTHING
            """,
            [delivery for delivery, _ in traced],
            [trace for _, trace in traced],
        )


async def read_traces(connection: Connection, deliveries: Sequence[Delivery]) -> Mapping[UUID, str]:
    """In which traces these were planned, as far as that is known."""
    rows = await connection.fetch(
        "SELECT delivery, trace FROM traces WHERE delivery = ANY($1::uuid[])",
        [each.id for each in deliveries],
    )
    return {row["delivery"]: row["trace"] for row in rows}
