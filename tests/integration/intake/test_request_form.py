"""The request form of a real intake on a real broker: taken once, kept while the broker is away."""

import asyncio
import base64
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.events import TicketCreated
from shared.links import hash_link
from shared.messages import AttachmentReceived
from tests.support.desk import Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

OURS = {"Sec-Fetch-Site": "same-origin"}
TYPED = {
    "name": "A Customer",
    "address": "customer@customer.example",
    "subject": "The report is empty",
    "text": "Since this morning it has no rows.",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


@pytest.fixture
def own_broker() -> Iterator[LoneBroker]:
    """A running broker that this test alone uses, to be mistreated."""
    with running_broker() as running:
        yield running


@pytest.fixture
def lone_desk(stack: Stack, own_broker: LoneBroker, tmp_path: Path) -> Iterator[Desk]:
    """A desk on that broker, of which intake runs."""
    own = Stack(own_broker.bootstrap_servers, stack.postgres_admin_dsn)
    with running_desk(own, tmp_path) as made:
        made.start("intake")
        yield made


async def test_a_form_sent_twice_is_one_ticket_with_its_files_and_link(desk: Desk) -> None:
    """All of it is on the stream; the address of thanks opens what the stream has the hash of."""
    desk.start("intake")
    await desk.ready("intake")
    content = bytes(range(256)) * 4096  # a MiB: two pieces
    async with _browser(desk) as client:
        fields = TYPED | {"form": await _form(client)}
        files = {"files": ("report.bin", content, "application/x-report")}
        answers = [await client.post("/request", data=fields, files=files) for _ in range(2)]
        page = await client.get(answers[1].headers["location"])
    assert [answer.status_code for answer in answers] == [303, 303]

    (ticket, *more) = await _created(desk)
    assert {event.id for event in more} <= {ticket.id}
    (token,) = set(re.findall(r"/open/([\w-]+)", page.text))
    assert ticket.data.link is not None
    assert ticket.data.link.sha256 == hash_link(token)
    assert ticket.data.private is not None
    (file,) = ticket.data.private.attachments
    servers = desk.stack.bootstrap_servers
    parts = {
        event.data.part: event.data.private.content
        for event in await read_events(servers, desk.namespace, Topic.ATTACHMENTS)
        if isinstance(event, AttachmentReceived)
        and event.data.attachment == file.id
        and event.data.private
    }
    assert b"".join(base64.b64decode(parts[at]) for at in sorted(parts)) == content


async def test_two_forms_are_two_tickets_however_alike(desk: Desk) -> None:
    """Each page that is opened has an id of its own."""
    desk.start("intake")
    await desk.ready("intake")
    async with _browser(desk) as client:
        for _ in range(2):
            answer = await client.post("/request", data=TYPED | {"form": await _form(client)})
            assert answer.status_code == 303
    assert len({event.subject for event in await _created(desk)}) == 2


async def test_what_another_site_sends_is_refused(desk: Desk) -> None:
    """Nothing of it comes to the stream."""
    desk.start("intake")
    await desk.ready("intake")
    async with _browser(desk) as client:
        fields = TYPED | {"form": await _form(client)}
        there = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
        assert (await client.post("/request", data=fields, headers=there)).status_code == 403
    assert await _created(desk) == []


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("intake.form_keys_published", marks=pytest.mark.long),
        "intake.form_files_published",
    ],
)
async def test_killed_before_the_ticket_is_there_the_form_sent_again_is_one_ticket(
    desk: Desk, place: str
) -> None:
    """Nobody was thanked; sent again it is whole, and nothing names files that are not there."""
    desk.start("intake", CARELINE_FAILPOINT=place)
    await desk.ready("intake")
    files = {"files": ("report.csv", b"a,b\n", "text/csv")}
    async with _browser(desk) as client:
        fields = TYPED | {"form": await _form(client)}
        with pytest.raises(httpx.TransportError):
            await client.post("/request", data=fields, files=files)
        assert await desk.died("intake") == -9
        assert await _created(desk) == []
        desk.start("intake")
        await desk.ready("intake")
        again = await client.post("/request", data=fields, files=files)
    assert again.status_code == 303
    (created,) = await _created(desk)
    assert created.data.private is not None


def test_while_the_broker_is_silent_what_was_typed_comes_back(
    lone_desk: Desk, own_broker: LoneBroker
) -> None:
    """503 with the form as it was; sent again when the broker is back it is one ticket."""
    asyncio.run(lone_desk.ready("intake"))
    with httpx.Client(base_url=lone_desk.url("intake"), headers=OURS, timeout=30) as client:
        found = re.search('name="form" value="([^"]+)"', client.get("/request").text)
        assert found
        fields = TYPED | {"form": found[1]}
        own_broker.freeze()
        try:
            refused = client.post("/request", data=fields)
            form = client.get("/request")
        finally:
            own_broker.thaw()
        assert (refused.status_code, form.status_code) == (503, 200)
        assert refused.headers["retry-after"]
        for typed in (TYPED["text"], TYPED["subject"], fields["form"]):
            assert typed in refused.text

        async def taken() -> bool:
            answer = await asyncio.to_thread(client.post, "/request", data=fields)
            return answer.status_code == 303

        asyncio.run(until(taken, what="taken again"))
    created = asyncio.run(_created(lone_desk))
    assert len({event.id for event in created}) == 1


def _browser(desk: Desk) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=desk.url("intake"), headers=OURS, timeout=30)


async def _form(client: httpx.AsyncClient) -> str:
    """The id in a form that was just opened."""
    found = re.search('name="form" value="([^"]+)"', (await client.get("/request")).text)
    assert found
    return found[1]


async def _created(desk: Desk) -> list[TicketCreated]:
    events = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.TICKETS)
    return [event for event in events if isinstance(event, TicketCreated)]
