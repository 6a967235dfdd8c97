"""The register of deliveries: what operators see, and what they can do about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from services.notifier import store
from services.notifier.deliveries import (
    ALERTS,
    Content,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Ticket,
)
from services.notifier.register import again, listing
from services.notifier.register.again import Refusal
from services.notifier.register.listing import Batch, Filter, Listing
from services.notifier.store import overview, resending, shown
from shared.database import Connection, Database
from shared.identity import Caller

log = structlog.get_logger(__name__)

MOST_TRIES = 200
"""The last ones are shown; in two days there are about that many."""


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is known of a delivery."""

    delivery: Delivery
    tries: Sequence[shown.Try]
    ticket: Ticket | None
    media_type: str | None
    """Of what was handed over, if it is kept."""
    refusal: Refusal | None
    """Why it can't be sent again, or None. That it was sent already is no reason here."""
    carries: Mapping[DeliveryState, shown.Count] | None
    """Of a digest: how many of what it carries are in which state."""
    bounce: overview.Bounce | None
    """Mail to this address comes back."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What was begun by sending many again."""

    deliveries: int
    carried: int
    """In digests among them."""
    more: bool
    """There are more; the same request takes the next ones."""


@dataclass(frozen=True, slots=True)
class Register:
    """Reads and changes what the database has; who may do so, its callers see to."""

    database: Database
    clock: Callable[[], datetime]
    lanes: Sequence[str]
    """Those that there are by the settings; others are shown while something is to go there."""

    async def page(self, asked: Listing) -> tuple[shown.Found, dict[DeliveryState, shown.Count]]:
        """A page of the list, and how many there are by state."""
        count = shown.count_few if asked.is_narrow else shown.count_deliveries
        async with self.database.snapshot() as connection:
            found = await shown.list_deliveries(
                connection, asked, before=asked.before, limit=asked.limit
            )
            return found, await count(connection, asked)

    async def entry(self, id_: UUID) -> Entry | None:
        """A delivery with its tries."""
        async with self.database.snapshot() as connection:
            delivery = await shown.read_delivery(connection, id_)
            if delivery is None:
                return None
            standing = (await resending.read_standings(connection, [id_]))[id_]
            content = await shown.read_content(connection, id_)
            bounces = await overview.list_bounces(
                connection, now=self.clock(), address=delivery.address, before=None, limit=1
            )
            is_digest = delivery.kind is DeliveryKind.DIGEST
            ticket = delivery.ticket
            return Entry(
                delivery=delivery,
                tries=await shown.list_tries(connection, id_, limit=MOST_TRIES),
                ticket=await shown.read_ticket(connection, ticket) if ticket else None,
                media_type=content.media_type if content else None,
                refusal=again.refuse(delivery, standing, even_if_sent=True),
                carries=await shown.count_few(connection, Filter(digest=id_))
                if is_digest
                else None,
                bounce=bounces[0] if bounces else None,
            )

    async def content(self, id_: UUID) -> Content | None:
        """What was handed over at the last try, if it is kept."""
        async with self.database.connection() as connection:
            return await shown.read_content(connection, id_)

    async def send_again(
        self, id_: UUID, caller: Caller, *, even_if_sent: bool, seen: int | None
    ) -> Delivery | Refusal | None:
        """Plan a delivery anew: how it stands then, or why not; None if there is none.

        Args:
            id_: Which one.
            caller: Who wants it.
            even_if_sent: A second copy is meant.
            seen: The round in which they saw it, if they say.
        """
        async with self.database.transaction() as connection:
            await _keep_alerts_still(connection, id_)
            delivery = await resending.lock_delivery(connection, id_)
            if delivery is None:
                return None
            standing = (await resending.read_standings(connection, [id_]))[id_]
            refusal = again.refuse_stale(delivery, seen) or again.refuse(
                delivery, standing, even_if_sent=even_if_sent
            )
            if refusal is not None:
                return refusal
            carried = await self._begin(connection, [delivery], caller, in_turn=False)
            planned = await shown.read_delivery(connection, id_)
        log.info("sent_again", delivery=str(id_), carried=carried, by=caller.subject)
        return planned

    async def waits_for_again(self, asked: Batch) -> Begun:
        """What the same request would begin: nothing is."""
        async with self.database.transaction() as connection:
            locked = await resending.lock_batch(connection, asked)
        return Begun(min(len(locked), asked.limit), 0, len(locked) > asked.limit)

    async def send_many_again(self, asked: Batch, caller: Caller) -> Begun:
        """Plan anew what was asked for, up to its limit; alerts pass storm control again."""
        async with self.database.transaction() as connection:
            await store.lock_alerting(connection)
            locked = await resending.lock_batch(connection, asked)
            taken = locked[: asked.limit]
            carried = await self._begin(connection, taken, caller, in_turn=True)
        begun = Begun(len(taken), carried, len(locked) > len(taken))
        log.info("many_sent_again", deliveries=begun.deliveries, carried=carried, by=caller.subject)
        return begun

    async def ways_out(self) -> list[overview.Lane]:
        """How each lane stands."""
        now = self.clock()
        async with self.database.snapshot() as connection:
            failed = await overview.count_failed(connection, now=now)
            names = sorted({*self.lanes, *failed, *await overview.busy_lanes(connection)})
            found = await overview.read_lanes(connection, names, now=now)
        lanes = [found.get(name) or overview.Lane(name) for name in names]
        return [replace(lane, failed=failed.get(lane.lane, 0)) for lane in lanes]

    async def bounces(self, asked: listing.Bounces) -> list[overview.Bounce]:
        """Addresses that get no mail for now; one more than asked for, if there are more."""
        async with self.database.connection() as connection:
            return await overview.list_bounces(
                connection,
                now=self.clock(),
                address=asked.address,
                before=(asked.before.at, asked.before.address) if asked.before else None,
                limit=asked.limit + 1,
            )

    async def mail_again(self, address: str, caller: Caller) -> bool:
        """Let an address have mail again; says whether it was marked."""
        async with self.database.transaction() as connection:
            cleared = await overview.clear_bounce(connection, address, now=self.clock())
        log.info("bounce_cleared", cleared=cleared, by=caller.subject)
        return cleared

    async def _begin(
        self,
        connection: Connection,
        deliveries: Sequence[Delivery],
        caller: Caller,
        *,
        in_turn: bool,
    ) -> int:
        now = self.clock()
        digests = [each.id for each in deliveries if each.kind is DeliveryKind.DIGEST]
        carried = 0
        if digests:
            carried = await resending.begin_carried_again(
                connection, digests, by=caller.subject, now=now
            )
        await resending.begin_again(
            connection,
            [each.id for each in deliveries],
            by=caller.subject,
            now=now,
            in_turn=in_turn,
        )
        return carried


async def _keep_alerts_still(connection: Connection, id_: UUID) -> None:
    """Let nobody take an alert back between the look at what stands against it and its new round.

    Of a customer's mail the lock would be the wrong one: handlers hold such rows before they take
    it, and each would wait for the other.
    """
    delivery = await shown.read_delivery(connection, id_)
    if delivery is not None and delivery.kind in (*ALERTS, DeliveryKind.DIGEST):
        await store.lock_alerting(connection)
    elif delivery is not None and delivery.ticket and delivery.kind is DeliveryKind.ASSIGNMENT:
        # Whoever gives the ticket to somebody else has this lock before any of the delivery.
        await store.lock_tickets(connection, [delivery.ticket])
