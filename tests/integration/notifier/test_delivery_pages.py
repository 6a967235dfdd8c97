"""The operators' pages: looking, sending again, and hostile words."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import httpx
import pytest

from services.notifier.deliveries import DeliveryState
from shared.database import Database
from tests.support import register
from tests.support import register_rows as rows
from tests.support.notifier_rows import query
from tests.support.register import NOW, Operated, all_rows, delivery, proof_of

PATHS = ("/deliveries", "/lanes", "/bounces", f"/deliveries/{rows.HOSTILE.id}")


@pytest.fixture
async def operated(database: Database) -> Operated:
    """The pages over a register with a bit of everything."""
    await rows.fill(database)
    return Operated(database)


@pytest.fixture
async def lead(operated: Operated) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in and may send again."""
    async with operated.browser("lead") as browser:
        yield browser


def fields_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of a form."""
    form = re.search(
        rf'<form[^>]*method="post"[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL
    )
    assert form is not None, page
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found}


async def test_every_page_is_kept_from_harm(operated: Operated, lead: httpx.AsyncClient) -> None:
    """Nothing runs, nothing is loaded from elsewhere, nobody frames it, and no cache keeps it."""
    answers = [await lead.get(path) for path in (*PATHS, "/deliveries/x", "/deliveries?limit=x")]
    async with operated.client() as client:
        answers.append(await client.get("/sign-in"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; style-src 'self'; img-src 'self' data:" in policy
        assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<style|<[^>]*\s(style|on\w+)=", answer.text)


async def test_hostile_words_stay_words(lead: httpx.AsyncClient) -> None:
    """Addresses, answers, subjects and texts that others wrote are shown as they are written."""
    paths = [
        *PATHS,
        "/deliveries?state=failed",
        f"/deliveries/{rows.HOSTILE.id}?show=text",
        f"/deliveries/{rows.HOSTILE.id}?show=source",
        f"/deliveries/{rows.HOSTILE.id}/again",
        f"/deliveries/{rows.BREACH.id}",
        f"/deliveries?address={quote(rows.SCRIPT)}",
        f"/deliveries?lane={quote(rows.SCRIPT)}",
        f"/bounces?address={quote(rows.SCRIPT)}",
        f"/deliveries/{quote(rows.SCRIPT)}",
        f"/sign-in?next={quote(rows.SCRIPT)}",
    ]
    seen = 0
    for path in paths:
        page = (await lead.get(path)).text
        assert "<script" not in page, path
        assert "<img" not in page, path
        seen += "&lt;script&gt;" in page
    assert seen > 6


async def test_the_mail_stands_in_a_frame_that_shuts_it_in(lead: httpx.AsyncClient) -> None:
    """Sandboxed by the page and by what is loaded, which only these pages may frame."""
    page = (await lead.get(f"/deliveries/{rows.SENT.id}")).text
    source = f"/deliveries/{rows.SENT.id}/content?part=html"
    assert f'<iframe sandbox title="The mail as it looked" src="{source}">' in page
    mail = await lead.get(source)
    assert mail.headers["content-security-policy"].endswith("frame-ancestors 'self'; sandbox")
    assert "script-src" not in mail.headers["content-security-policy"]
    assert rows.REMOTE in mail.text


async def test_the_list_asks_for_what_its_form_says(lead: httpx.AsyncClient) -> None:
    """By ticket or recipient in one box, by state in one click; empty fields are nothing."""
    page = (await lead.get("/deliveries?state=failed&kind=&channel=&lane=email&q=")).text
    assert f"/deliveries/{rows.HOSTILE.id}" in page
    assert f"/deliveries/{rows.BREACH.id}" not in page
    assert re.search(r'class="chip failed"[^>]*aria-current="true">Failed\s*<b>5</b>', page)
    page = (await lead.get("/deliveries?q=gone@customer.example")).text
    assert "1 delivery, the newest first" in page
    page = (await lead.get("/deliveries?q=nobody@customer.example")).text
    assert "No delivery is like that." in page


async def test_the_list_goes_on_page_by_page(database: Database) -> None:
    """Links lead to older ones and back to the newest, and keep what was asked for."""
    await register.keep(
        database, *[delivery(str(n), at=NOW - timedelta(seconds=n)) for n in range(3)]
    )
    operated = Operated(database)
    async with operated.browser("agent") as browser:
        page = (await browser.get("/deliveries?state=sent&limit=2")).text
        (older,) = re.findall(r'rel="next" href="([^"]+)"', page)
        page = (await browser.get(unescape(older))).text
        assert f"/deliveries/{delivery('2').id}" in page
        assert f"/deliveries/{delivery('0').id}" not in page
        assert 'href="/deliveries?state=sent&amp;limit=2">Newest</a>' in page
        assert 'rel="next"' not in page


async def test_an_empty_register_says_so(database: Database) -> None:
    """Each page has words for it."""
    async with Operated(database).browser("agent") as browser:
        assert "Nothing has been sent yet" in (await browser.get("/deliveries")).text
        assert "No mail has come back" in (await browser.get("/bounces")).text
        assert "none" in (await browser.get("/lanes")).text


async def test_a_lead_sends_again_once(database: Database, lead: httpx.AsyncClient) -> None:
    """After a word on what it does; a second press of the button does nothing more."""
    path = f"/deliveries/{rows.SENT.id}"
    assert f'href="{path}/again">Send again…</a>' in (await lead.get(path)).text
    asked = (await lead.get(f"{path}/again")).text
    assert "this is a second copy" in asked
    form = fields_of(asked, f"{path}/again")
    answer = await lead.post(f"{path}/again", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?told=again")
    assert "It is planned anew." in (await lead.get(answer.headers["location"])).text
    again = await lead.post(f"{path}/again", data=form)
    assert again.status_code == 409
    assert "Somebody has sent it again meanwhile." in again.text
    (row,) = await query(database, "SELECT * FROM deliveries WHERE id = $1", rows.SENT.id)
    assert (row["state"], row["round"], row["again_by"]) == ("planned", 2, "a-lead")


async def test_what_can_not_be_sent_again_says_why(lead: httpx.AsyncClient) -> None:
    """And offers what can be done instead."""
    page = (await lead.get(f"/deliveries/{rows.CARRIED[0].id}")).text
    assert "It can't be sent again: it went in a digest" in unescape(page)
    assert f'href="/deliveries/{rows.DIGEST.id}"' in page
    page = (await lead.get(f"/deliveries/{rows.BREACH.id}/again")).text
    assert "It is on its way still." in page
    assert "<button>Send it again" not in page


async def test_a_lead_sends_many_again(database: Database, lead: httpx.AsyncClient) -> None:
    """All that failed as the list shows them, with the count that it will be."""
    page = (await lead.get("/deliveries?state=failed&lane=email")).text
    (link,) = re.findall(r'href="(/deliveries/again[^"]*)"', page)
    asked = (await lead.get(unescape(link))).text
    assert "2 that failed and may be sent again" in asked
    done = await lead.post("/deliveries/again", data=fields_of(asked, "/deliveries/again"))
    assert "<h1>2 planned anew</h1>" in done.text
    assert "carry 3 alerts" in done.text
    assert await query(database, "SELECT 1 FROM deliveries WHERE state = 'failed'") == []


async def test_an_address_gets_mail_again(lead: httpx.AsyncClient) -> None:
    """One press, and the list says so."""
    page = (await lead.get("/bounces")).text
    answer = await lead.post("/bounces", data=fields_of(page, "/bounces"))
    assert answer.headers["location"] == "/bounces?told=cleared"
    page = (await lead.get(answer.headers["location"])).text
    assert "The address gets mail again." in page
    assert "No mail has come back." in page


async def test_agents_look_and_do_not_touch(operated: Operated, database: Database) -> None:
    """They see no button, and have none."""
    before = await all_rows(database)
    async with operated.browser("agent") as agent:
        pages = [(await agent.get(path)).text for path in (*PATHS, "/deliveries?state=failed")]
        assert "A lead or an admin can send it again." in pages[3]
        assert not any("again…" in page or "Mail again" in page for page in pages)
        form = {"proof": proof_of(pages[0]), "round": "0", "address": "gone@customer.example"}
        for path in (f"/deliveries/{rows.HOSTILE.id}/again", "/deliveries/again", "/bounces"):
            assert (await agent.post(path, data=form)).status_code == 403
        assert (await agent.get(f"/deliveries/{rows.HOSTILE.id}/again")).status_code == 403
    assert await all_rows(database) == before


async def test_a_database_that_is_away_is_said_on_a_page(operated: Operated) -> None:
    """Somebody who looks is told to try again; nothing is shown of why."""
    async with operated.browser("lead") as browser:
        await operated.database.stop()
        answer = await browser.get("/deliveries")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "please try again" in answer.text


async def test_states_are_told_in_words(operated: Operated, lead: httpx.AsyncClient) -> None:
    """Colour alone tells nobody anything; each state has its name on the page."""
    for state in DeliveryState:
        name = "later" + state
        reason = "refused" if state is DeliveryState.FAILED else "too_many"
        over = state in {DeliveryState.FAILED, DeliveryState.SUPPRESSED}
        shown = delivery(name, state=state, reason=reason if over else None)
        await register.keep(operated.database, shown)
        page = (await lead.get(f"/deliveries/{shown.id}")).text
        assert f'<span class="state {state}">{state.capitalize()}</span>' in page
