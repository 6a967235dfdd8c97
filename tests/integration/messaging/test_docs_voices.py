"""Whether an article helped: one voice a reader, counted once, shown to our people."""

import re
from datetime import timedelta

import httpx
import pytest

from services.messaging.pages.docs import MOST_VOICES
from shared.database import Database
from tests.support.documentation import Documented, keep, say_helped, shipped


@pytest.fixture
async def documented(database: Database) -> Documented:
    """The pages with the shipped articles."""
    await keep(database, shipped())
    return Documented(database)


async def voices(database: Database) -> list[tuple[str, bool]]:
    """What is kept of the article about the chat."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT voter, helped FROM article_votes WHERE slug = 'chat' ORDER BY voter"
        )
    return [(row["voter"], row["helped"]) for row in rows]


async def proof_in(client: httpx.AsyncClient) -> str:
    """What the article's form holds for who is signed in."""
    page = (await client.get("/docs/chat")).text
    found = re.search(r'action="/docs/chat/helped".*?name="proof" value="(\w+)"', page, re.DOTALL)
    assert found is not None
    return found[1]


async def test_a_reader_has_one_voice_and_may_change_their_mind(documented: Documented) -> None:
    """Known by a cookie that is set only now; the last word counts, once."""
    async with documented.client() as client:
        assert not (await client.get("/docs/chat")).cookies
        answer = await say_helped(client, "yes")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/docs/chat?said=yes#helped"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        await say_helped(client, "yes")
        page = (await client.get("/docs/chat")).text
        assert "You said that this helped." in page
        await say_helped(client, "no")
        page = (await client.get("/docs/chat")).text
        assert "did not help" in page
        assert 'href="/request"' in page
    ((voter, helped),) = await voices(documented.database)
    assert voter.startswith("reader:")
    assert client.cookies["careline_reader"] not in voter
    assert not helped


async def test_readers_are_told_apart(documented: Documented) -> None:
    """Two browsers are two voices; somebody who is signed in is one, wherever they are."""
    for _ in range(2):
        async with documented.client() as client:
            await say_helped(client, "yes")
    for _ in range(2):
        async with documented.client("customer") as client:
            answer = await say_helped(client, "no", proof=await proof_in(client))
            assert answer.status_code == 303
            assert "set-cookie" not in answer.headers
    found = await voices(documented.database)
    assert [helped for _, helped in found] == [True, True, False]
    assert found[2][0] == "subject:a-customer"


async def test_a_voice_comes_from_our_own_page(documented: Documented) -> None:
    """Not from another site's, nor without the proof of who is signed in."""
    data = {"helped": "yes"}
    async with documented.client() as client:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://x.example"}, {}):
            answer = await client.post("/docs/chat/helped", data=data, headers=headers)
            assert answer.status_code == 403
    async with documented.client("customer") as client:
        assert (await say_helped(client, "yes")).status_code == 403
    assert await voices(documented.database) == []


async def test_only_yes_and_no_are_voices(documented: Documented) -> None:
    """And only of articles that there are."""
    async with documented.client() as client:
        assert (await say_helped(client, "perhaps")).status_code == 422
        assert (await say_helped(client, "yes", slug="none")).status_code == 404
    assert await voices(documented.database) == []


async def test_a_machine_does_not_fill_the_database(documented: Documented) -> None:
    """After many unknown voices within an hour there is a pause; who is signed in still counts."""
    async with documented.database.transaction() as connection:
        await connection.executemany(
            "INSERT INTO article_votes VALUES ('chat', $1, true, $2)",
            [(f"reader:{number}", documented.now) for number in range(MOST_VOICES)],
        )
    async with documented.client() as client:
        refused = await say_helped(client, "yes")
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        documented.now += timedelta(minutes=61)
        assert (await say_helped(client, "yes")).status_code == 303
    async with documented.client("customer") as client:
        assert (await say_helped(client, "no", proof=await proof_in(client))).status_code == 303


async def test_our_people_see_what_readers_say(documented: Documented) -> None:
    """Agents on the article, leads of all of them; no share before there are a few voices."""
    for helped in ("yes", "yes", "no"):
        async with documented.client() as client:
            await say_helped(client, helped)
            assert "readers say" not in (await client.get("/docs/chat")).text
    async with documented.client("agent") as client:
        page = (await client.get("/docs/chat")).text
        assert "2 of 3 readers say it helped." in page
        assert "What readers say" not in (await client.get("/docs")).text
    for _ in range(2):
        async with documented.client() as client:
            await say_helped(client, "yes")
    async with documented.client("lead") as client:
        assert "4 of 5 readers say it helped (80 %)" in (await client.get("/docs")).text
    async with documented.client("customer") as client:
        assert "4 of 5" not in (await client.get("/docs")).text


async def test_an_article_that_comes_back_has_its_voices_again(documented: Documented) -> None:
    """A file that was away for a moment loses nothing."""
    async with documented.client() as client:
        await say_helped(client, "yes")
    await keep(documented.database, [])
    await keep(documented.database, shipped())
    async with documented.client("agent") as client:
        assert "1 of 1 readers" in (await client.get("/docs/chat")).text
