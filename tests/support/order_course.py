"""One course of a load over some threads: how it begins, goes on and ends, and what is left."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random  # noqa: TID251 - drawn by the test's seed
from uuid import UUID

import httpx

from shared.envelope import Topic
from shared.events import TicketCreated
from shared.links import make_link
from shared.messages import MessagePosted, Visibility
from shared.publisher import Publisher
from tests.support import said
from tests.support.desk import SECRET
from tests.support.order_desk import OrderDesk
from tests.support.order_load import Follower, Load, MailWriter, Writer, open_link
from tests.support.stream import publish, read_events
from tests.support.thread_history import Followed, History, Kept, Said, Unread, Written
from tests.support.waiting import until

THREADS = 8
MAILED = 4
"""Threads into which mails come, too."""
FOLLOWED = 6
AGENTS = ("first-agent", "second-agent")
ACCOUNT = "an-account"
ONLOOKER = "an-onlooker"
POSTS = {"at_least": 8, "at_most": 80}
PUBLISH_WITHIN = 8.0
CALM = 4.0
"""Seconds of writing after the last fault: here those replicas die that still have to."""
MAILS = {"at_least": 3, "at_most": 30}


@dataclass
class Course:
    """Threads, and who writes into them and follows them."""

    desk: OrderDesk
    load: Load
    tickets: list[TicketCreated]
    writers: list[Writer]
    mail_writers: list[MailWriter]
    followers: list[Follower]
    last_mails: list[UUID] = field(default_factory=list)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Inside the block, customers have their pages open."""
        following = [asyncio.create_task(each.follow()) for each in self.followers]
        try:
            yield
        finally:
            for each in following:
                each.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    async def write(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Let everybody write as long as something goes on and a little longer."""
        async with asyncio.TaskGroup() as group:
            for writer in self.writers:
                group.create_task(writer.write(**POSTS))
            for mail_writer in self.mail_writers:
                group.create_task(self._mail(mail_writer))
            await meanwhile()
            await self.desk.ready()
            await asyncio.sleep(CALM)
            self.load.goes_on = False

    async def settle(self) -> None:
        """Wait until everything has arrived everywhere; what has not by then is for the checker."""
        with contextlib.suppress(AssertionError):
            await until(self._are_mails_in, within=60, what="the last mails are in their threads")
            await until(self.desk.is_all_said, within=60, what="all is on the stream")
            await until(self._is_all_shown, within=60, what="open pages show everything")

    async def look(self) -> History:
        """What is to be seen now."""
        kept = await self._kept()
        threads = await self.desk.desk.query("messaging", "SELECT * FROM threads")
        return History(
            written=self.load.written,
            kept=kept,
            said=await self._said(),
            followed=[Followed(f.ticket, f.name, list(f.messages)) for f in self.followers],
            unread=await self._unread(),
            last={row["ticket"]: row["last_sequence"] for row in threads},
        )

    async def _mail(self, writer: MailWriter) -> None:
        """The last mail is handled after all others: it tells when those are through."""
        sent = await writer.write(**MAILS)
        self.last_mails.append(await writer.send(sent + 1))

    async def _are_mails_in(self) -> bool:
        in_threads = {each.message for each in await self._kept()}
        return in_threads.issuperset(self.last_mails)

    async def _is_all_shown(self) -> bool:
        public = [each.ticket for each in await self._kept() if not each.is_note]
        return all(len(each.messages) >= public.count(each.ticket) for each in self.followers)

    async def _kept(self) -> list[Kept]:
        rows = await self.desk.desk.query("messaging", "SELECT * FROM messages")
        return [
            Kept(
                row["ticket"],
                row["id"],
                row["sequence"],
                row["author"],
                row["text"],
                row["visibility"] == Visibility.NOTE,
            )
            for row in rows
        ]

    async def _said(self) -> list[Said]:
        servers = self.desk.broker.bootstrap_servers
        events = await read_events(servers, self.load.namespace, Topic.MESSAGES)
        return [_said(event) for event in events if isinstance(event, MessagePosted)]

    async def _unread(self) -> list[Unread]:
        async with httpx.AsyncClient(base_url=self.load.urls[0], timeout=20) as client:
            found = []
            for created, writer in zip(self.tickets, self.writers, strict=False):
                onlooker = _bearer(self.desk, "agent", ONLOOKER)
                for reader, headers in ((ONLOOKER, onlooker), (writer.author, writer.headers)):
                    ticket = said.ticket_of(created)
                    answer = await until(partial(_ask, client, ticket, headers), within=60)
                    count = answer.json()["unread"]
                    found.append(Unread(ticket, reader, reader == ONLOOKER, count))
        return found


@asynccontextmanager
async def begun(desk: OrderDesk, random: Random) -> AsyncIterator[Course]:
    """Threads that are open, and people who have not begun yet."""
    servers = desk.broker.bootstrap_servers
    publisher = Publisher(servers, deadline=PUBLISH_WITHIN, client_id="mails")
    await publisher.start()
    try:
        yield await _begin(desk, Load(desk.desk.namespace, desk.urls, publisher, random))
    finally:
        await publisher.stop()


async def _begin(desk: OrderDesk, load: Load) -> Course:
    tickets, followers = [], []
    for number in range(THREADS):
        made = make_link(SECRET, str(number), expires=said.now() + timedelta(hours=1))
        created = said.ticket_created(f"thread {number}", account=ACCOUNT)
        data = created.data.model_copy(update={"link": made.link})
        created = created.model_copy(update={"data": data})
        tickets.append(created)
        await publish(desk.broker.bootstrap_servers, load.namespace, [created])
        load.written.append(Written(said.ticket_of(created), said.REQUESTER, 0, "Help!"))
        opened = partial(open_link, load.urls[0], made.token)
        cookie = await until(opened, within=60, what="its link opens")
        followers.append(Follower(load, said.ticket_of(created), cookie, f"page {number}"))
    writers = [
        *(_customer(desk, load, created, number) for number, created in enumerate(tickets)),
        *(_agent(desk, load, created, name) for created in tickets for name in AGENTS),
    ]
    mail_writers = [MailWriter(load, created) for created in tickets[:MAILED]]
    return Course(desk, load, tickets, writers, mail_writers, followers[:FOLLOWED])


async def _ask(
    client: httpx.AsyncClient, ticket: UUID, headers: Mapping[str, str]
) -> httpx.Response | None:
    """A thread, from a replica that may come to its failpoint just now."""
    try:
        answer = await client.get(f"/v1/tickets/{ticket}?limit=1", headers=dict(headers))
    except httpx.TransportError:
        return None
    return answer if answer.is_success else None


def _customer(desk: OrderDesk, load: Load, created: TicketCreated, number: int) -> Writer:
    name = f"customer-{number}"
    headers = _bearer(desk, "customer", name, account=ACCOUNT)
    return Writer(load, said.ticket_of(created), name, headers, is_agent=False)


def _agent(desk: OrderDesk, load: Load, created: TicketCreated, name: str) -> Writer:
    headers = _bearer(desk, "agent", name)
    return Writer(load, said.ticket_of(created), name, headers, is_agent=True)


def _bearer(desk: OrderDesk, role: str, name: str, *, account: str | None = None) -> dict[str, str]:
    token = desk.desk.token(role, account=account, subject=name)
    return {"Authorization": f"Bearer {token}"}


def _said(event: MessagePosted) -> Said:
    data, text = event.data, event.data.private.text if event.data.private else ""
    is_note = data.visibility is Visibility.NOTE
    of = Kept(UUID(event.subject), data.message, data.sequence, data.author, text, is_note)
    return Said(event.id, of)
