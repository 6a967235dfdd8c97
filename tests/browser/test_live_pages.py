"""What live.js does to a page that somebody is using."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from services.messaging.live import News, Patch, patches
from tests.support.served import serving
from tests.support.waiting import until

SCRIPT = Path(__file__).parents[2] / "services" / "messaging" / "static" / "live.js"
PAGE = """<!doctype html><html lang="en"><title>A page</title>
<script type="module" src="/live.js"></script>
<main data-live="/stream" data-seen="1">
<p id="live" data-state="off" data-connecting="Connecting" data-live="Live" data-lost="Lost"
    data-over="Over">Connecting</p>
<ol id="messages"><li id="m1">one</li></ol>
<div id="actions"><label>Status <input id="status" value="open"></label><button>Set</button></div>
<div id="side"><a id="link" href="#a">a link</a>
<details><summary>more</summary>words</details></div>
<p id="typing" data-words="%(name)s is writing" data-somebody="Somebody"></p>
</main></html>"""


@dataclass
class Stage:
    """A page, and streams that say what a test wants them to say."""

    streams: list[asyncio.Queue[bytes | None]] = field(default_factory=list)
    """Those that are open."""
    asked: list[str | None] = field(default_factory=list)
    """What each stream's page had seen."""
    refuses: bool = False

    @property
    def application(self) -> Starlette:
        """Page, script and stream."""
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/live.js", self.script),
                Route("/stream", self.stream),
            ]
        )

    async def page(self, _: Request) -> Response:
        """The page."""
        return HTMLResponse(PAGE, headers={"Cache-Control": "no-store"})

    async def script(self, _: Request) -> Response:
        """What is tested."""
        return Response(SCRIPT.read_text(), media_type="text/javascript")

    async def stream(self, request: Request) -> Response:
        """A stream."""
        self.asked.append(request.query_params.get("seen"))
        if self.refuses:
            return Response(status_code=503)
        return StreamingResponse(self._say(), media_type="text/event-stream")

    async def _say(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.streams.append(queue)
        try:
            yield patches.BEAT
            while (said := await queue.get()) is not None:
                yield said
        finally:
            self.streams.remove(queue)

    def say(self, said: bytes) -> None:
        """Say something on all streams."""
        for queue in self.streams:
            queue.put_nowait(said)

    def tell(self, seen: str, *told: Patch) -> None:
        """Send patches."""
        self.say(patches.write_news(News(seen, told), None))

    def cut(self) -> None:
        """End all streams."""
        for queue in self.streams:
            queue.put_nowait(None)


@asynccontextmanager
async def opened(browser: Browser) -> AsyncIterator[tuple[Stage, Page]]:
    """A page that is followed live."""
    stage = Stage()
    async with serving(stage.application) as address:
        page = await browser.new_page()
        await page.goto(address)
        await page.get_by_text("Live", exact=True).wait_for()
        yield stage, page
        await page.close()
        stage.cut()


async def _texts(page: Page) -> list[str]:
    return await page.locator("#messages > li").all_text_contents()


async def test_messages_are_appended_once(browser: Browser) -> None:
    """A message that comes twice is there once, as it was told last."""
    async with opened(browser) as (stage, page):
        stage.tell("2", Patch("append", "messages", "m2", '<li id="m2">two</li>'))
        stage.tell("2", Patch("append", "messages", "m2", '<li id="m2">two, mended</li>'))
        stage.tell("3", Patch("append", "messages", "m3", '<li id="m3">three</li>'))
        await page.locator("#m3").wait_for()
        assert await _texts(page) == ["one", "two, mended", "three"]
        stage.tell("4", Patch("remove", "m2"), Patch("remove", "nowhere"))
        await until(lambda: page.evaluate("!document.getElementById('m2')"), what="it goes")


async def test_a_page_resumes_with_what_it_has_seen(browser: Browser) -> None:
    """It comes back by itself, and says what it has shown."""
    async with opened(browser) as (stage, page):
        stage.tell("7", Patch("append", "messages", "m7", '<li id="m7">seven</li>'))
        await page.locator("#m7").wait_for()
        stage.cut()
        await until(lambda: stage.asked == ["1", "7"], what="it comes back")


async def test_a_page_that_is_refused_tries_again_and_says_so(browser: Browser) -> None:
    """Browsers give up on a refusal; the page does not."""
    async with opened(browser) as (stage, page):
        stage.refuses = True
        stage.cut()
        await page.get_by_text("Lost").wait_for()
        stage.refuses = False
        await page.get_by_text("Live", exact=True).wait_for()
        assert len(stage.asked) > 2


async def test_a_page_that_is_over_asks_no_more(browser: Browser) -> None:
    """Once it is theirs no longer, it says so and leaves the server alone."""
    async with opened(browser) as (stage, page):
        stage.say(patches.write_over())
        await page.get_by_text("Over").wait_for()
        stage.cut()
        await asyncio.sleep(2)
        assert stage.asked == ["1"]


async def test_what_is_typed_stays(browser: Browser) -> None:
    """A field that somebody is in, or has changed, is replaced only afterwards."""
    new = Patch("replace", "actions", "actions", '<div id="actions"><input id="status" value="x">')
    async with opened(browser) as (stage, page):
        await page.locator("#status").fill("pending")
        stage.tell("2", new, Patch("append", "messages", "m2", '<li id="m2">two</li>'))
        await page.locator("#m2").wait_for()
        assert await page.locator("#status").input_value() == "pending"
        await page.locator("#link").focus()
        stage.tell("3", Patch("append", "messages", "m3", '<li id="m3">three</li>'))
        await page.locator("#m3").wait_for()
        assert await page.locator("#status").input_value() == "pending"
        await page.locator("#status").fill("open")
        assert await page.locator("#status").input_value() == "open"
        await page.locator("#link").focus()
        await until(
            lambda: page.evaluate("document.getElementById('status').value === 'x'"),
            what="it is replaced once it is as it was",
        )


async def test_the_focus_stays_where_it_is(browser: Browser) -> None:
    """A part without fields is replaced at once; focus and what was opened in it stay."""
    html = (
        '<div id="side"><a id="link" href="#b">another</a>'
        "<details><summary>more</summary>words</details></div>"
    )
    async with opened(browser) as (stage, page):
        await page.get_by_text("more").click()
        await page.locator("#link").focus()
        stage.tell("2", Patch("replace", "side", "side", html))
        await page.get_by_text("another").wait_for()
        assert await page.evaluate("document.activeElement.id") == "link"
        assert await page.locator("details").get_attribute("open") is not None


async def test_typing_is_shown_until_a_message_comes(browser: Browser) -> None:
    """Who types is named, and no longer once there is what they typed."""
    async with opened(browser) as (stage, page):
        stage.say(patches.write_typing("An Agent", is_agent=True))
        await page.get_by_text("An Agent is writing").wait_for()
        stage.say(patches.write_typing(None, is_agent=True))
        await page.get_by_text("Somebody is writing").wait_for()
        stage.tell("2", Patch("append", "messages", "m2", '<li id="m2">two</li>'))
        await page.locator("#m2").wait_for()
        assert await page.locator("#typing").text_content() == ""


async def test_a_page_that_is_left_lets_go(browser: Browser) -> None:
    """Going on to another page ends the stream; coming back opens it again."""
    async with opened(browser) as (stage, page):
        await page.goto("about:blank")
        await until(lambda: not stage.streams, what="the stream ends")
        await page.go_back()
        await page.get_by_text("Live", exact=True).wait_for()
        assert len(stage.streams) == 1
