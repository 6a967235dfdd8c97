"""A service's dead letters over HTTP: who may look, who may put back, and what they are told."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from joserfc.jwk import KeySet

from shared import dead_api, web
from shared.consumer import Heard
from shared.database import Connection
from shared.dead_register import DeadRegister
from shared.identity import Verifier
from shared.publisher import Publisher
from tests.support.listener import Listener, no_trouble
from tests.support.register import KEY, NOW, bearer
from tests.support.samples import tickets
from tests.support.stream import read_all

SAID = tickets(5)
PATH = "/v1/dead-letters"
Calling = Callable[[str | None], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
async def buried(listener: Listener) -> Listener:
    """Five letters of a cause that is mended."""

    async def trouble(_: Connection, __: Sequence[Heard]) -> None:
        raise ValueError

    listener.trouble = trouble
    await listener.send(*map(listener.record, SAID), partition=0)
    async with listener.listening():
        await listener.dead_letters(len(SAID))
        await listener.until_committed(len(SAID))
    listener.trouble = no_trouble
    return listener


def calling_to(listener: Listener, bootstrap_servers: str, publisher: Publisher) -> Calling:
    """Whoever calls the service."""
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    verifier = Verifier(keys, issuer="careline", audience="careline", clock=lambda: NOW)
    register = DeadRegister(bootstrap_servers, listener.namespace, listener.service, publisher)
    routes = dead_api.routes(dead_api.DeadLettersApi(register, verifier))
    transport = httpx.ASGITransport(web.application(routes, dict))

    @asynccontextmanager
    async def calling(role: str | None) -> AsyncIterator[httpx.AsyncClient]:
        headers = bearer(role) if role else {}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield client

    return calling


@pytest.fixture
def calling(buried: Listener) -> Calling:
    """Whoever calls the service that could not handle them."""
    return calling_to(buried, buried.bootstrap_servers, buried.publisher)


@pytest.mark.parametrize(
    ("role", "looks", "replays"),
    [(None, 401, 401), ("customer", 403, 403), ("agent", 403, 403), ("lead", 200, 403)],
)
async def test_who_may_what(
    buried: Listener, calling: Calling, role: str | None, looks: int, replays: int
) -> None:
    """Leads and administrators look, administrators alone put back."""
    async with calling(role) as client:
        for path in (PATH, f"{PATH}/0"):
            assert (await client.get(path)).status_code == looks
        answer = await client.post(f"{PATH}/0/replay")
    assert answer.status_code == replays
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(await read_all(buried.bootstrap_servers, buried.topic())) == len(SAID)


async def test_the_list_goes_on_page_by_page(calling: Calling) -> None:
    """The oldest first, each once, without content; filters hold over pages."""
    async with calling("admin") as client:
        seen, after = [], -1
        while after is not None:
            answer = await client.get(PATH, params={"after": after, "limit": 2, "topic": "tickets"})
            assert answer.headers["cache-control"] == "no-store"
            page = answer.json()
            assert len(page["letters"]) <= 2
            seen += page["letters"]
            after = page["next"]
        assert [letter["key"]["text"] for letter in seen] == [event.subject for event in SAID]
        assert all("value" not in letter and "stack" not in letter for letter in seen)
        for query in ({"topic": "messages"}, {"reason": "unreadable"}, {"state": "replayed"}):
            assert (await client.get(PATH, params=query)).json()["letters"] == []
        for wrong in ({"limit": 0}, {"limit": 201}, {"after": "x"}, {"state": "odd"}, {"by": "me"}):
            assert (await client.get(PATH, params=wrong)).status_code == 422, wrong


async def test_one_is_shown_whole(calling: Calling) -> None:
    """With its content, headers and stack; another number is not found."""
    async with calling("lead") as client:
        letter = (await client.get(f"{PATH}/1")).json()
        assert SAID[1].subject in letter["value"]["text"]
        assert letter["headers"][0]["name"] == "content-type"
        assert "in trouble" in letter["stack"]
        for number in ("5", "-1", "x", "9" * 30):
            assert (await client.get(f"{PATH}/{number}")).status_code == 404, number


@pytest.mark.timeout(180)
async def test_one_is_put_back_once(buried: Listener, calling: Calling) -> None:
    """A dry run changes nothing; what was put back is told by whom, and not put back again."""
    async with calling("admin") as client, buried.listening():
        dry = await client.post(f"{PATH}/2/replay", params={"dry_run": True})
        assert dry.json()["outcome"] == "would_be_replayed"
        assert dry.json()["letter"]["state"] == "waiting"
        done = (await client.post(f"{PATH}/2/replay")).json()
        assert done["outcome"] == "replayed"
        assert done["letter"]["replayed"]["by"]
        await buried.until_heard(SAID[2].subject)
        assert (await client.post(f"{PATH}/2/replay")).json()["outcome"] == "replayed_already"
        assert len(await read_all(buried.bootstrap_servers, buried.topic())) == len(SAID) + 1
        again = await client.post(f"{PATH}/2/replay", params={"again": True})
        assert again.json()["outcome"] == "replayed"
        await buried.until_committed(len(SAID) + 2)
    assert await buried.heard() == [SAID[2].subject]


async def test_what_cannot_be_put_back_is_refused_with_the_reason(
    buried: Listener, calling: Calling
) -> None:
    """Where a topic is compacted an old record would take the place of a newer one."""
    origin = f"{buried.namespace}.accounts/0/0".encode()
    told = [("dead-reason", b"r"), ("dead-stack", b""), ("dead-origin", origin)]
    letter = buried.record(SAID[0])
    await buried.send(type(letter)(buried.dead, b"key", b"value", tuple(told)))
    async with calling("admin") as client:
        answer = await client.post(f"{PATH}/5/replay")
    assert answer.status_code == 409
    assert "each key's last record is what holds" in answer.json()["detail"]


async def test_without_a_broker_it_says_so(listener: Listener) -> None:
    """503 with a time to try again, and no word of what went wrong inside."""
    away = Publisher("127.0.0.1:9", deadline=1, client_id="test")
    async with calling_to(listener, "127.0.0.1:9", away)("admin") as client:
        for answer in (await client.get(PATH), await client.post(f"{PATH}/0/replay")):
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
