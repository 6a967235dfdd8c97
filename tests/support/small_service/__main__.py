"""`python -m tests.support.small_service`: wired and run exactly like the real ones."""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared import metrics, outbox
from shared.consumer import Heard
from shared.database import Connection
from shared.envelope import Topic
from shared.events import TicketSlotted, TicketSlottedData
from shared.plans import Priority
from shared.runtime import run
from shared.settings import load_settings
from shared.wiring import ConsumerSettings, wire

SERVICE = "small"
MIGRATIONS = Path(__file__).parent / "migrations"
KEEP = """
INSERT INTO heard (id, subject, partition, rebuilding) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING RETURNING id
"""


async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
    """Keep each event, and say one of each that is new."""
    for item in heard:
        event = item.event
        place = (event.id, event.subject, item.partition, item.rebuilding)
        if await connection.fetchval(KEEP, *place):
            await outbox.append(connection, [_slotted(item)])


def _slotted(item: Heard) -> TicketSlotted:
    data = TicketSlottedData(
        account="an-account",
        plan="self-service",
        service_level="Self Support",
        catalogue_version="1",
        priority=Priority.NORMAL,
        targets=(),
    )
    event = item.event
    return TicketSlotted.say(data, cause=event.as_cause, source="/services/small", time=event.time)


async def _echo(request: Request) -> Response:
    """Wait for a whole body, however slowly it comes."""
    return Response(await request.body())


def main() -> None:
    """Run until told to end."""
    settings = load_settings(ConsumerSettings)
    wired = wire(SERVICE, settings, migrations=MIGRATIONS, hears=(Topic.TICKETS,), handle=handle)
    metrics.expose("sla")  # what services with a database measure; it is none of ours
    run(SERVICE, settings, wired.parts, [Route("/echo", _echo, methods=["POST"])], (TicketSlotted,))


if __name__ == "__main__":
    main()
