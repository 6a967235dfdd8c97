"""The documentation over HTTP: what everybody reads, what is found, what is cached."""

import re

import pytest

from shared.database import Database
from tests.support.documentation import (
    INTAKE,
    PUBLIC,
    Documented,
    article,
    keep,
    say_helped,
    shipped,
)


@pytest.fixture
async def documented(database: Database) -> Documented:
    """The pages with the shipped articles."""
    await keep(database, shipped())
    return Documented(database)


async def test_everybody_may_read_all_of_it(documented: Documented) -> None:
    """Each article is on the first page, in its section, and opens without signing in."""
    async with documented.client() as client:
        first = (await client.get("/docs")).text
        assert "Guides" in first
        assert "For agents" in first
        for each in shipped():
            assert f'href="/docs/{each.slug}"' in first
            page = await client.get(f"/docs/{each.slug}")
            assert page.status_code == 200
            assert f"<title>{each.title} · Careline</title>" in page.text.replace("&#39;", "'")


async def test_every_link_inside_leads_to_something(documented: Documented) -> None:
    """From article to article, and to headings that are there."""
    async with documented.client() as client:
        for each in shipped():
            page = (await client.get(f"/docs/{each.slug}")).text
            for link in set(re.findall(r'href="(/docs[^"]*)"', page)):
                assert (await client.get(link)).status_code == 200, (each.slug, link)
            for anchor in re.findall(r'href="#([^"]+)"', page):
                assert f'id="{anchor}"' in page


async def test_trouble_has_a_page_of_its_own(documented: Documented) -> None:
    """Articles about trouble alone, and the way to write to us."""
    async with documented.client() as client:
        page = (await client.get("/docs/troubleshooting")).text
    assert "/docs/no-acknowledgement" in page
    assert "/docs/upgrading" not in page
    assert 'href="/request"' in page


async def test_results_say_what_was_meant_and_mark_what_was_found(documented: Documented) -> None:
    """The mistyped word is named beside the one that was looked for."""
    async with documented.client() as client:
        page = (await client.get("/docs/search", params={"q": "atachment"})).text
    assert "Nothing has “atachment”. These are the results for “attachment”." in page
    assert "<mark>Attachments</mark> and their limits" in page


async def test_what_somebody_typed_is_only_words(documented: Documented) -> None:
    """In the field, in the title, and among the results."""
    async with documented.client() as client:
        page = (await client.get("/docs/search", params={"q": '"><script>x()</script>'})).text
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


async def test_what_stands_in_an_article_is_only_words(database: Database) -> None:
    """Neither its body, nor its head, nor what is quoted of it brings code into a page."""
    hostile = '<script>alert(1)</script> weasel [x](/a "<b>") `<img src=x onerror=y>`'
    await keep(database, [article("a", title="<i>T</i>", summary="<s>", source=hostile)])
    async with Documented(database).client() as client:
        pages = [
            (await client.get(path)).text
            for path in ("/docs", "/docs/a", "/docs/search?q=weasel", "/docs/search?q=t")
        ]
    for page in pages:
        assert "&lt;i&gt;" in page
        for code in ("<script>alert", "<i>T", "<s>", "<img", "<b>"):
            assert code not in page


async def test_an_empty_result_says_what_to_do_next(documented: Documented) -> None:
    """Write a request; to whom is signed in, their requests as well."""
    async with documented.client() as client:
        page = (await client.get("/docs/search?q=xylophone")).text
    assert "No article found" in page
    assert 'href="/request"' in page
    async with documented.client("customer") as client:
        page = (await client.get("/docs/search?q=xylophone")).text
    assert 'class="button plain" href="/center"' in page


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 5000, "²", ""])
async def test_any_page_number_gives_a_page(documented: Documented, page: str) -> None:
    """Rather an end of the list than an error."""
    async with documented.client() as client:
        answer = await client.get("/docs/search", params={"q": "mail", "page": page})
    assert answer.status_code == 200


async def test_results_lead_on_to_the_rest(database: Database) -> None:
    """Ten at a time, and back."""
    await keep(database, [article(f"a-{number}") for number in range(12)])
    async with Documented(database).client() as client:
        first = (await client.get("/docs/search?q=exports")).text
        second = (await client.get("/docs/search?q=exports&page=2")).text
    assert "12 articles found" in first
    assert 'href="/docs/search?q=exports&amp;page=2"' in first
    assert second.count('class="badge outline"') == 2
    assert 'rel="prev" href="/docs/search?q=exports"' in second


@pytest.mark.parametrize("path", ["/docs/none", "/docs/%00", "/docs/%ff", "/docs/Chat"])
async def test_what_is_no_article_is_not_found(documented: Documented, path: str) -> None:
    """As a page, whatever the address."""
    async with documented.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_without_a_folder_the_pages_say_so(database: Database) -> None:
    """They link to no article, even if a database has some of earlier."""
    await keep(database, shipped())
    async with Documented(database, is_here=False).client() as client:
        for path in ("/docs", "/docs/search?q=mail", "/docs/troubleshooting"):
            page = (await client.get(path)).text
            assert "There is no documentation here" in page
            assert not re.search(r'href="/docs/\w', page)
            assert "docs.js" not in page
        assert (await client.get("/docs/chat")).status_code == 404
        assert (await say_helped(client, "yes")).status_code == 404
        found = (await client.get("/v1/docs/search?q=mail")).json()
    assert found == {"articles": [], "did_you_mean": None}


@pytest.mark.parametrize("path", ["/docs", "/docs/chat", "/docs/search?q=mail"])
async def test_browsers_keep_what_is_the_same_for_everybody(
    documented: Documented, path: str
) -> None:
    """For a minute, then they ask whether it has changed; until it has."""
    async with documented.client() as client:
        first = await client.get(path)
        assert first.headers["cache-control"] == "public, max-age=60"
        tag = {"If-None-Match": first.headers["etag"]}
        again = await client.get(path, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        await keep(documented.database, [article("chat", summary="Mail.")])
        assert (await client.get(path, headers=tag)).status_code == 200


async def test_nobody_keeps_what_is_somebodys(documented: Documented) -> None:
    """Pages of who is signed in, and of who has said something."""
    async with documented.client("customer") as client:
        answer = await client.get("/docs/chat")
        assert answer.headers["cache-control"] == "private, no-store"
        assert "etag" not in answer.headers
    async with documented.client() as client:
        await say_helped(client, "yes")
        for path in ("/docs/chat", "/docs/chat?said=yes"):
            answer = await client.get(path)
            assert answer.headers["cache-control"] == "private, no-store"


async def test_scripts_get_results_as_json(documented: Documented) -> None:
    """As many as they ask for, with whole addresses, and what was meant."""
    async with documented.client() as client:
        answer = await client.get("/v1/docs/search?q=atachment&limit=1")
    found = answer.json()
    assert found["did_you_mean"] == "attachment"
    (first,) = found["articles"]
    assert set(first) == {"slug", "title", "summary", "url", "headline"}
    assert first["url"] == f"{PUBLIC}/docs/attachments"
    assert answer.headers["cache-control"] == "public, max-age=60"


async def test_only_the_request_form_may_ask_from_elsewhere(documented: Documented) -> None:
    """Its origin is allowed, another one's is not; caches keep the two apart."""
    async with documented.client() as client:
        ours = await client.get("/v1/docs/search?q=mail", headers={"Origin": INTAKE})
        other = await client.get("/v1/docs/search?q=mail", headers={"Origin": "https://x.example"})
    assert ours.headers["access-control-allow-origin"] == INTAKE
    assert "access-control-allow-origin" not in other.headers
    assert ours.headers["vary"] == other.headers["vary"] == "Origin"


@pytest.mark.parametrize("query", ["limit=0", "limit=21", "limit=x"])
async def test_a_wrong_limit_is_refused(documented: Documented, query: str) -> None:
    """With the field that is wrong."""
    async with documented.client() as client:
        answer = await client.get(f"/v1/docs/search?q=mail&{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/limit"


@pytest.mark.parametrize("query", ["", "q=", "q=%00", "q=%ff%fe", "q=" + "-" * 500])
async def test_any_question_gets_an_answer(documented: Documented, query: str) -> None:
    """Also none, and one that is no text."""
    async with documented.client() as client:
        assert (await client.get(f"/v1/docs/search?{query}")).status_code == 200
        assert (await client.get(f"/docs/search?{query}")).status_code == 200
