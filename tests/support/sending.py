"""A sender inside the test, on a real database, with real channels to real servers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import asyncpg
from prometheus_client import REGISTRY

from services.notifier import posts, store
from services.notifier.channels import Way
from services.notifier.channels.http import HttpChannel
from services.notifier.channels.slack import SlackDialect
from services.notifier.channels.smtp import SmtpChannel, SmtpServer, content_of
from services.notifier.deliveries import MAIL_LANE, About, Content, Delivery
from services.notifier.letters.brand import Brand
from services.notifier.letters.desk import Desk
from services.notifier.lookout import Lookout
from services.notifier.sender import Limits, Sender
from shared import events
from shared.database import Database
from shared.envelope import derive_id
from shared.events import Event
from shared.notifications import NotificationChannel
from tests.support import alerts, said
from tests.support.mailbox import Mailbox
from tests.support.waiting import until
from tests.support.webhooks import Hook

WITHIN = timedelta(seconds=20)
DESK = Desk(
    brand=Brand(), sender="support@careline.example", messaging_center="https://care.example"
)


def compose(delivery: Delivery, about: About) -> Content:
    """A post, or a mail of few words with the id that it has at every try."""
    if delivery.channel is not NotificationChannel.EMAIL:
        return posts.compose(delivery, about, desk=DESK)
    mail = EmailMessage()
    mail["From"], mail["To"] = DESK.sender, delivery.address
    mail["Message-ID"] = f"<{delivery.id}@careline.example>"
    mail.set_content(f"{len(about.carried)} of {sum(about.carried_by_kind.values())}")
    return content_of(mail, delivery.address)


@dataclass
class Sending:
    """Plans deliveries, sends them, and shows what became of them."""

    database: Database
    mailbox: Mailbox
    hooks: dict[str, Hook] = field(default_factory=dict)
    """By lane."""
    places: int = 2
    """Of each lane beside mail."""
    within: timedelta = WITHIN
    compose: Callable[[Delivery, About], Content] = compose
    hold: timedelta = 2 * WITHIN

    @property
    def ways(self) -> list[Way]:
        """Mail, and the hooks."""
        server = SmtpServer("127.0.0.1", self.mailbox.port)
        smtp = SmtpChannel(server, envelope_sender=lambda _: DESK.sender, within=self.within)
        mail = Way(MAIL_LANE, NotificationChannel.EMAIL, smtp, 4)
        return [mail, *(self._way(lane, hook) for lane, hook in self.hooks.items())]

    def _way(self, lane: str, hook: Hook) -> Way:
        channel = HttpChannel(
            SlackDialect(hook.url()),
            clock=said.now,
            connections=self.places,
            within=self.within,
            allow_private=True,
        )
        return Way(lane, NotificationChannel.SLACK, channel, self.places)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sender]:
        """Send until the end of the block."""
        sender = Sender(
            self.database,
            self.ways,
            compose=self.compose,
            clock=said.now,
            limits=Limits(self.hold, timedelta(days=2)),
        )
        await sender.start()
        try:
            yield sender
        finally:
            for hook in self.hooks.values():
                hook.over.set()
            await sender.stop()

    async def look_out(self, *known: str, patience: timedelta) -> bool:
        """One look after the lanes."""
        lanes = known or tuple(way.lane for way in self.ways)
        return await Lookout(self.database, lanes, patience=patience, clock=said.now).step()

    async def plan(self, *deliveries: Delivery) -> None:
        """Have these to be sent."""
        async with self.database.transaction() as connection:
            await store.plan_deliveries(connection, deliveries)

    async def plan_mails(self, amount: int) -> None:
        """So many mails, to as many people."""
        first = alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL)
        await self.plan(*(_to(first, f"{n}@careline.example") for n in range(amount)))

    async def plan_posts(self, lane: str, amount: int) -> None:
        """So many posts on a lane."""
        first = alerts.breach_alert(lane=lane)
        await self.plan(*(replace(first, id=derive_id(first.id, str(n))) for n in range(amount)))

    async def query(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Ask the database."""
        async with self.database.connection() as connection:
            return await connection.fetch(sql, *values)

    async def states(self, lane: str) -> dict[str, int]:
        """How many deliveries of a lane are in which state."""
        rows = await self.query(
            "SELECT state, count(*) AS n FROM deliveries WHERE lane = $1 GROUP BY state", lane
        )
        return {row["state"]: row["n"] for row in rows}

    async def ended(self, lane: str, amount: int, state: str = "sent", **more: Any) -> None:  # noqa: ANN401 - of `until`
        """Wait until so many of a lane have ended so."""

        async def there() -> bool:
            return (await self.states(lane)).get(state, 0) >= amount

        await until(there, what=f"{amount} of {lane} are {state}", **more)

    async def said(self) -> list[Event]:
        """What the outbox holds."""
        rows = await self.query("SELECT value FROM outbox ORDER BY id")
        found = (events.read(row["value"]) for row in rows)
        return [event for event in found if event is not None]


def measured(name: str, lane: str) -> float | None:
    """A gauge of a lane."""
    return REGISTRY.get_sample_value(name, {"lane": lane})


def _to(delivery: Delivery, address: str) -> Delivery:
    return replace(delivery, id=derive_id(delivery.id, address), address=address)


def ids(deliveries: Sequence[Delivery]) -> list[UUID]:
    """Theirs."""
    return [delivery.id for delivery in deliveries]
