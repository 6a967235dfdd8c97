"""The operators' pages of dead letters: what waits, one letter, and putting it back."""

import re
from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from shared.publisher import Publisher
from shared.topics import declared_dead_letters, ensure_topics
from tests.support.dead_desk import Served, bury
from tests.support.register import Operated, proof_of
from tests.support.stack import Stack


@pytest.fixture
async def sent(stack: Stack) -> AsyncIterator[Publisher]:
    """A connected publisher."""
    connected = Publisher(stack.bootstrap_servers, deadline=10, client_id="test")
    await connected.start()
    yield connected
    await connected.stop()


@pytest.fixture
async def served(stack: Stack, namespace: str, database: Database, sent: Publisher) -> Served:
    """The pages over letters of two services."""
    await bury(stack, namespace, sent)
    return Served(stack, namespace, Operated(database), sent)


async def test_they_are_for_leads_and_admins(served: Served) -> None:
    """Agents are told whom to ask and don't find them in the navigation."""
    async with served.browser("agent") as browser:
        for path in ("/dead-letters", "/dead-letters/sla/0", "/dead-letters/sla/0/replay"):
            assert (await browser.get(path)).status_code == 403, path
        assert 'href="/dead-letters"' not in (await browser.get("/bounces")).text
    async with served.browser("lead") as browser:
        assert 'href="/dead-letters"' in (await browser.get("/bounces")).text
        page = await browser.get("/dead-letters/sla/0")
        assert page.status_code == 200
        assert "An admin can put it back." in page.text
        assert (await browser.get("/dead-letters/sla/0/replay")).status_code == 403
        data = {"proof": proof_of(page.text)}
        assert (await browser.post("/dead-letters/sla/0/replay", data=data)).status_code == 403
    assert await served.put_back() == 0


async def test_the_list_shows_what_waits_by_service(served: Served) -> None:
    """Every service's letters, each with its reason; what others wrote stays words."""
    async with served.browser("lead") as browser:
        page = (await browser.get("/dead-letters")).text
        links = re.findall(r'href="/dead-letters/(\w+/\d+)"', page)
        assert links == ["messaging/0", "sla/0", "sla/1", "sla/2"]
        for path in ("/dead-letters", "/dead-letters/sla/0"):
            text = (await browser.get(path)).text
            assert "<script" not in text
            assert "&lt;script&gt;" in text
            assert "\x1b" not in text
            assert "\\x1b[2J" in text
        one = (await browser.get("/dead-letters?service=sla")).text
        assert "/dead-letters/messaging/0" not in one
        assert (await browser.get("/dead-letters?service=nobody")).status_code == 404
        for path in ("/dead-letters/nobody/0", "/dead-letters/sla/99", "/dead-letters/sla/x"):
            assert (await browser.get(path)).status_code == 404, path


async def test_one_is_put_back_after_a_question(served: Served) -> None:
    """A form of the page does it, once; then it waits no more."""
    async with served.browser("admin") as browser:
        asked = (await browser.get("/dead-letters/sla/1/replay")).text
        assert "Put it back" in asked
        assert await served.put_back() == 0
        unproved = await browser.post("/dead-letters/sla/1/replay", data={"proof": "made-up"})
        assert unproved.status_code == 403
        for outcome in ("replayed", "replayed_already"):
            answer = await browser.post(
                "/dead-letters/sla/1/replay", data={"proof": proof_of(asked)}
            )
            assert answer.headers["location"] == f"/dead-letters/sla/1?told={outcome}"
            assert await served.put_back() == 1
        letter = (await browser.get("/dead-letters/sla/1?told=replayed")).text
        assert "It was put back." in letter
        assert "/dead-letters/sla/1" not in (await browser.get("/dead-letters")).text
        assert "/dead-letters/sla/1" in (await browser.get("/dead-letters?whole=1")).text
        assert "Put it back once more" in (await browser.get("/dead-letters/sla/1/replay")).text


async def test_what_cannot_be_put_back_says_why(served: Served) -> None:
    """The question has no button then, and the form is refused."""
    async with served.browser("admin") as browser:
        asked = (await browser.get("/dead-letters/sla/2/replay")).text
        assert "It can&#39;t be put back." in asked or "It can't be put back." in asked
        assert "last record is what holds" in asked
        assert not re.search(r'<form[^>]*action="/dead-letters', asked)
        answer = await browser.post("/dead-letters/sla/2/replay", data={"proof": proof_of(asked)})
        assert answer.status_code == 409


async def test_nothing_waits(stack: Stack, namespace: str, database: Database) -> None:
    """An empty list says that everything was handled."""
    await ensure_topics(stack.bootstrap_servers, (declared_dead_letters(namespace, "sla"),), 1)
    idle = Publisher(stack.bootstrap_servers, deadline=10, client_id="test")
    served = Served(stack, namespace, Operated(database), idle)
    async with served.browser("admin") as browser:
        assert "No dead letter waits." in (await browser.get("/dead-letters")).text
        assert "There are no dead letters." in (await browser.get("/dead-letters?whole=1")).text
