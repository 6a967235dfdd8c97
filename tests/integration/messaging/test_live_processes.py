"""Live pages of real processes: two replicas, one that is killed, and one that is told to end."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest

from deploy.local import ports
from shared.events import TicketCreated
from shared.links import make_link
from tests.support import said
from tests.support.desk import SECRET, Desk, running_desk
from tests.support.live import Reader, reading
from tests.support.stack import Stack
from tests.support.stream import publish
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)  # more than all waits of a test together


@pytest.fixture
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path_factory.mktemp("live")) as made:
        yield made


@dataclass(frozen=True)
class Chat:
    """A ticket whose customer has a link."""

    desk: Desk
    created: TicketCreated
    cookie: str

    @asynccontextmanager
    async def followed(self, url: str, seen: str | None = None) -> AsyncIterator[Reader]:
        """Its customer has its page open on this replica."""
        path = f"{url}/center/{self.created.subject}/live"
        async with reading(path, seen=seen, headers={"Cookie": self.cookie}) as reader:
            yield reader

    async def answer(self, url: str, text: str) -> None:
        """An agent writes through this replica."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                f"{url}/v1/tickets/{self.created.subject}/messages",
                json={"text": text},
                headers=self.desk.bearer("agent") | {"Idempotency-Key": text.replace(" ", "-")},
            )
            assert answer.status_code == httpx.codes.CREATED, answer.text

    async def present(self) -> int:
        """How many pages are held to be open, in the last half minute."""
        (row,) = await self.desk.query(
            "messaging",
            "SELECT count(*) FROM presences WHERE seen_at > now() - interval '30 seconds'",
        )
        return int(row["count"])


async def _chat(desk: Desk) -> Chat:
    """A ticket in the desk's thread, and its customer's cookie."""
    made = make_link(SECRET, "chat", expires=said.now() + timedelta(hours=1))
    created = said.ticket_created("a chat")
    data = created.data.model_copy(update={"link": made.link})
    created = created.model_copy(update={"data": data})
    await publish(desk.stack.bootstrap_servers, desk.namespace, [created])
    async with httpx.AsyncClient(base_url=desk.url("messaging")) as client:

        async def opened() -> str | None:
            answer = await client.get(f"/open/{made.token}")
            cookie = answer.headers.get("set-cookie", "")
            return str(cookie.partition(";")[0]) or None

        cookie = await until(opened, what="the link opens the ticket")
    return Chat(desk, created, cookie)


async def _replica(desk: Desk) -> str:
    """One more replica of messaging; returns where it answers."""
    port = ports.free_ports().messaging
    desk.start("messaging", name="other", CARELINE_HTTP_PORT=str(port))
    other = replace(desk, ports=replace(desk.ports, messaging=port))

    async def is_ready() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"{other.url('messaging')}/health/ready")
            except httpx.TransportError:
                return False
            # It may own no partition beside the first: what counts here is that it listens.
            return bool(answer.json()["parts"].get("live") == "ready")

    await until(is_ready, within=60, what="the other replica listens")
    return other.url("messaging")


def _told(reader: Reader) -> list[str]:
    appended = [
        each.data["html"]
        for each in reader.sent
        if each.name == "patch" and each.data["do"] == "append"
    ]
    return [html for html in appended if "answer" in html]


async def test_a_post_reaches_readers_on_another_replica_and_ends_with_neither(desk: Desk) -> None:
    """Whoever took it, both tell it; who comes back to the other one misses nothing."""
    desk.start("messaging")
    await desk.ready("messaging")
    one, chat = desk.url("messaging"), await _chat(desk)
    other = await _replica(desk)
    async with chat.followed(one) as here, chat.followed(other) as there:
        await chat.answer(one, "answer 1")
        await until(lambda: _told(here) and _told(there), what="both are told")
        seen = there.seen
        desk.kill("other")
        await until(lambda: there.ended, what="the stream ends with its process")
        await chat.answer(one, "answer 2")
        async with chat.followed(one, seen) as back:
            await until(lambda: _told(back), what="what was missed is told")
            await until(lambda: len(_told(here)) == 2, what="the other one hears it too")
            assert ["answer 2" in html for html in _told(back)] == [True]
            assert ["answer 1" in html for html in _told(here)] == [True, False]


async def test_a_service_stops_within_its_time_with_streams_open(desk: Desk) -> None:
    """Readers don't hold up the end, and nobody is said to be here afterwards."""
    desk.start("messaging")
    await desk.ready("messaging")
    chat = await _chat(desk)
    async with (
        chat.followed(desk.url("messaging")) as one,
        chat.followed(desk.url("messaging")) as two,
    ):
        await until(chat.present, what="their presence is kept")
        process = desk.processes["messaging"]
        process.terminate()
        await until(lambda: process.poll() is not None, within=10, what="it has ended")
        assert process.returncode == 0
        del desk.processes["messaging"]
        await until(lambda: one.ended and two.ended, what="the streams have ended")
    assert await chat.present() == 0


@pytest.mark.long
async def test_who_was_on_a_killed_replica_is_gone_after_a_while(desk: Desk) -> None:
    """Nobody says of them that they are here any more, so they aren't; the others clear up."""
    desk.start("messaging")
    await desk.ready("messaging")
    chat, other = await _chat(desk), await _replica(desk)
    async with chat.followed(other):
        await until(chat.present, what="their presence is kept")
        desk.kill("other")
    assert await chat.present() > 0

    async def cleared() -> bool:
        (row,) = await desk.query("messaging", "SELECT count(*) FROM presences")
        return bool(row["count"] == 0)

    await until(cleared, within=60, what="their presence is cleared away")
