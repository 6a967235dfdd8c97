"""Sends what is planned, several mails at once, and keeps what became of each.

Every connection takes its next mail as soon as it is free: a mail that is claimed is tried at once,
so that its hold covers the try and no queue, and a mail that hangs keeps one connection, not all.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol

import structlog
from prometheus_client import Counter, Histogram

from services.notifier import domain, mails, store
from shared import outbox
from shared.database import Database
from shared.failpoints import failpoint
from shared.plans import Catalogue
from shared.worker import Worker

log = structlog.get_logger(__name__)

SENT = Counter("notifier_deliveries_total", "Tries by what they came to.", ["kind", "outcome"])
LATENCY = Histogram(
    "notifier_latency_seconds",
    "From what caused a mail to the server's taking it.",
    ["kind"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 30, 60, 300, 3600),
)
SECOND_COPIES = Counter(
    "notifier_second_copies_possible_total", "Mails sent again after an uncertain try."
)

IDLE = 0.1
"""Seconds between looks for mails while there are none."""
LOOK_UP = 1.0
"""Seconds after which a step that waits for a free connection ends, so that it can be stopped."""
FINISH_WITHIN = 4.0
"""Seconds that mails under way have at a stop; what is cut off comes again after its hold."""


class Channel(Protocol):
    """A way out for mails."""

    async def send(self, mail: EmailMessage, *, sender: str, recipient: str) -> domain.Answer:
        """Hand a mail over and tell what became of it."""

    async def close(self) -> None:
        """Take leave."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many mails are tried at once, and how long."""

    connections: int
    hold: timedelta
    """Until another sender may take over; longer than the channel lets a try take."""
    give_up_after: timedelta


class Sender:
    """A part of the service: sends from its start to its stop, then closes the channel.

    SMTP can't promise exactly once. A second copy is possible only where a sender died, or lost the
    line, between the server's taking the mail and our commit; it carries the same Message-ID, and
    is counted.
    """

    name = "sender"

    def __init__(
        self,
        database: Database,
        channel: Channel,
        *,
        catalogue: Callable[[], Catalogue],
        desk: mails.Desk,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._database = database
        self._channel = channel
        self._catalogue = catalogue
        self._desk = desk
        self._clock = clock
        self._limits = limits
        self._tries: set[asyncio.Task[None]] = set()
        self._worker = Worker(self.name, self._step, idle=IDLE)

    async def start(self) -> None:
        """Begin."""
        await self._worker.start()

    async def stop(self) -> None:
        """Let mails under way end, for 4 s at the most, and take leave of the server."""
        await self._worker.stop()
        if self._tries:
            await asyncio.wait(self._tries, timeout=FINISH_WITHIN)
        left = list(self._tries)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._channel.close()

    def ready(self) -> str | None:
        """Why it makes no progress, or None."""
        return self._worker.ready()

    async def _step(self) -> bool:
        """Begin as many tries as connections are free; says whether there may be more to do."""
        free = self._limits.connections - len(self._tries)
        if not free:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait(self._tries, timeout=LOOK_UP, return_when=first)
            return True
        async with self._database.transaction() as connection:
            now = self._clock()
            claimed = await store.claim(
                connection, now=now, held_until=now + self._limits.hold, limit=free
            )
            tickets = await store.read_tickets(connection, [d.ticket for d in claimed if d.ticket])
        if claimed:
            failpoint("notifier.claimed")
        for delivery in claimed:
            ticket = tickets.get(delivery.ticket) if delivery.ticket else None
            self._begin(delivery, ticket or _UNKNOWN)
        return len(claimed) == free

    def _begin(self, delivery: domain.Delivery, ticket: domain.Ticket) -> None:
        task = asyncio.create_task(self._try(delivery, ticket))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)

    async def _try(self, delivery: domain.Delivery, ticket: domain.Ticket) -> None:
        answer = await self._answer(delivery, ticket)
        failpoint("notifier.smtp_answered")
        try:
            outcome = await self._keep(delivery, answer)
        except Exception:
            # Mostly the database is away: the mail is tried again when its hold runs out.
            log.exception("outcome_not_kept", **_names(delivery))
            return
        failpoint("notifier.concluded")
        self._count(outcome, answer)

    async def _answer(self, delivery: domain.Delivery, ticket: domain.Ticket) -> domain.Answer:
        if delivery.withdrawn_by is not None:
            # Its sender died, and what it says was retracted meanwhile.
            return domain.Lost(after_data=False)
        handed_over = False
        try:
            mail = mails.compose(
                delivery, ticket, catalogue=self._catalogue(), desk=self._desk, now=self._clock()
            )
            handed_over = True
            return await self._channel.send(
                mail, sender=self._desk.sender, recipient=delivery.address
            )
        except Exception:
            # A mistake of ours. As a conclusion it comes again with pauses, and ends some day; that
            # a mail which broke under way did not arrive, nobody knows.
            log.exception("delivery_broke", **_names(delivery))
            return domain.Lost(after_data=handed_over)

    async def _keep(self, delivery: domain.Delivery, answer: domain.Answer) -> domain.Outcome:
        async with self._database.transaction() as connection:
            # As it stands by now: it may have been retracted while it was tried.
            held = await store.lock_tried(connection, delivery)
            outcome = domain.conclude(
                held or delivery,
                answer,
                now=self._clock(),
                give_up_after=self._limits.give_up_after,
            )
            if held is not None:
                await store.save(connection, [outcome.delivery])
                await outbox.append(connection, [outcome.event] if outcome.event else [])
        return outcome

    def _count(self, outcome: domain.Outcome, answer: domain.Answer) -> None:
        delivery = outcome.delivery
        SENT.labels(delivery.kind, delivery.state).inc()
        if delivery.state is domain.DeliveryState.SENT:
            latency = (self._clock() - delivery.caused_at).total_seconds()
            LATENCY.labels(delivery.kind).observe(latency)
            SECOND_COPIES.inc(delivery.uncertain)
        log.info(
            "delivery_tried",
            **_names(delivery),
            kind=delivery.kind,
            state=delivery.state,
            attempt=delivery.attempts,
            code=answer.code if isinstance(answer, domain.Refused) else None,
        )


def _names(delivery: domain.Delivery) -> dict[str, str]:
    """What every line about a delivery names."""
    return {"ticket": str(delivery.ticket), "correlation": str(delivery.correlation)}


_UNKNOWN = domain.Ticket()
"""A breach was heard before its ticket: the alert needs nothing of it."""
