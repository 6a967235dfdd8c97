"""Sends what is planned, several mails at once, and keeps what became of each."""

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

BATCH = 50


class Channel(Protocol):
    """A way out for mails."""

    async def send(self, mail: EmailMessage, *, sender: str, recipient: str) -> domain.Answer:
        """Hand a mail over and tell what became of it."""

    async def close(self) -> None:
        """Take leave."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long tries may take."""

    hold: timedelta
    """Until another sender may take over."""
    give_up_after: timedelta


class Sender:
    """Run its `step` in a worker.

    SMTP can't promise exactly once. A second copy is possible only where a sender died, or lost the
    line, between the server's taking the mail and our commit; it carries the same Message-ID, and
    is counted.
    """

    def __init__(
        self,
        database: Database,
        channel: Channel,
        *,
        catalogue: Catalogue,
        desk: mails.Desk,
        clock: Callable[[], datetime],
        patience: Patience,
    ) -> None:
        self._database = database
        self._channel = channel
        self._catalogue = catalogue
        self._desk = desk
        self._clock = clock
        self._patience = patience

    async def step(self) -> bool:
        """Send up to 50 mails; says whether there may be more."""
        async with self._database.transaction() as connection:
            now = self._clock()
            claimed = await store.claim(
                connection, now=now, held_until=now + self._patience.hold, limit=BATCH
            )
            tickets = await store.read_tickets(connection, [d.ticket for d in claimed])
        if claimed:
            failpoint("notifier.claimed")
        tries = [self._try(d, tickets.get(d.ticket, _UNKNOWN)) for d in claimed]
        for trouble in await asyncio.gather(*tries, return_exceptions=True):
            if isinstance(trouble, BaseException):
                # One mail's trouble is not the others'; it is tried again when its hold runs out.
                log.error("delivery_broke", exc_info=trouble)
        return len(claimed) == BATCH

    async def _try(self, delivery: domain.Delivery, ticket: domain.Ticket) -> None:
        mail = mails.compose(
            delivery, ticket, catalogue=self._catalogue, desk=self._desk, now=self._clock()
        )
        answer = await self._channel.send(
            mail, sender=self._desk.sender, recipient=delivery.address
        )
        failpoint("notifier.smtp_answered")
        outcome = domain.conclude(
            delivery, answer, now=self._clock(), give_up_after=self._patience.give_up_after
        )
        async with self._database.transaction() as connection:
            if await store.conclude(connection, delivery, outcome.delivery) and outcome.event:
                await outbox.append(connection, [outcome.event])
        failpoint("notifier.concluded")
        self._count(outcome, answer)

    def _count(self, outcome: domain.Outcome, answer: domain.Answer) -> None:
        delivery = outcome.delivery
        SENT.labels(delivery.kind, delivery.state).inc()
        if delivery.state is domain.DeliveryState.SENT:
            latency = (self._clock() - delivery.caused_at).total_seconds()
            LATENCY.labels(delivery.kind).observe(latency)
            SECOND_COPIES.inc(delivery.uncertain)
        log.info(
            "delivery_tried",
            ticket=str(delivery.ticket),
            kind=delivery.kind,
            state=delivery.state,
            attempt=delivery.attempts,
            code=answer.code if isinstance(answer, domain.Refused) else None,
            correlation=str(delivery.correlation),
        )


_UNKNOWN = domain.Ticket(None, None, None, None, None)
"""A breach was heard before its ticket: the alert needs nothing of it."""
