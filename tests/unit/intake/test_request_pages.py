"""The form and its thanks over HTTP, as a browser without scripts sees them."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import httpx
import pytest

from services.intake import sent
from shared.events import TicketCreated
from shared.links import hash_link
from shared.messages import AttachmentReceived, Channel
from shared.passes import Pass
from shared.plans import Priority
from tests.support.request_desk import CENTER, FIELDS, SOMEBODY, RequestDesk, left, somebody

SCRIPT = {"X-Careline": "script"}


@pytest.fixture
def desk() -> RequestDesk:
    """Intake's pages."""
    return RequestDesk()


async def sending(
    desk: RequestDesk,
    path: str = "/request",
    *,
    headers: dict[str, str] | None = None,
    **other: str,
) -> httpx.Response:
    """A form that is sent, with these fields changed."""
    async with desk.client() as client:
        return await client.post(path, data={**FIELDS, **other}, headers=headers or {})


def created(desk: RequestDesk) -> TicketCreated:
    """The one ticket on the stream."""
    (ticket,) = [event for event in desk.stream.events if isinstance(event, TicketCreated)]
    return ticket


async def test_a_form_that_was_taken_is_a_ticket_and_leads_to_its_thanks(desk: RequestDesk) -> None:
    """All that was typed is on the stream, with the hash of a link, before anybody is thanked."""
    answer = await sending(desk)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/thanks/")
    ticket = created(desk)
    private = ticket.data.private
    assert private is not None
    assert (private.name, private.address) == ("A Customer", "customer@customer.example")
    assert private.text == "Since this morning\nthe weekly report has no rows."
    assert (ticket.data.account, ticket.data.account_verified) == ("an-account", False)
    assert (ticket.data.channel, ticket.data.time_zone) == ("web", "Europe/Berlin")
    assert ticket.data.link is not None
    assert ticket.data.link.expires == desk.now + sent.LINK_LASTS


async def test_the_thanks_say_what_the_acknowledgement_says(desk: RequestDesk) -> None:
    """Number, plans side by side, Messaging Center, upgrade, documentation, and the chat."""
    answer = await sending(desk)
    async with desk.client() as client:
        page = await client.get(answer.headers["location"])
    html = unescape(page.text)
    link = created(desk).data.link
    (token,) = set(re.findall(f"{CENTER}/open/([A-Za-z0-9_-]+)", html))
    assert link is not None
    assert hash_link(token) == link.sha256
    assert page.status_code == 200
    for said in (
        "It has been forwarded to our support team",
        "Platform Care Centurion",
        "White-Glove Service & Support",
        "All communication goes through your Messaging Center.",
        "You can upgrade at any moment: ask for it in the chat.",
        "Schedule A of the Terms of Service",
        "Read the troubleshooting tips",
        f'action="{CENTER}/docs/search"',
        f'href="{CENTER}/open/{token}"',
        f'src="{CENTER}/open/{token}?to=chat"',
    ):
        assert said in html
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "private, no-store"
    assert f"frame-src 'self' {CENTER}" in page.headers["content-security-policy"]
    assert FIELDS["address"] not in html


async def test_thanks_that_nobody_earned_are_not_there(desk: RequestDesk) -> None:
    """404 as a page, and again once the link has run out."""
    answer = await sending(desk)
    async with desk.client() as client:
        made_up = await client.get("/thanks/made-up")
        desk.now += timedelta(days=31)
        late = await client.get(answer.headers["location"])
    assert (made_up.status_code, late.status_code) == (404, 404)
    assert made_up.headers["content-type"].startswith("text/html")


async def test_files_come_before_the_ticket_that_names_them(desk: RequestDesk) -> None:
    """In pieces, with names and types that harm nobody; an empty one has a piece, too."""
    large = b"\x00\xff" * 400_000
    files = [
        ("files", ("..\\..\\r\u202eeport.csv", large, "text/csv; charset=x")),
        ("files", ("empty", b"", "nonsense")),
    ]
    async with desk.client() as client:
        answer = await client.post("/request", data=dict(FIELDS), files=files)
    assert answer.status_code == 303
    *parts, ticket = desk.stream.events
    assert isinstance(ticket, TicketCreated)
    assert ticket.data.private is not None
    first, second = ticket.data.private.attachments
    assert (first.name, first.content_type, first.size_bytes) == ("report.csv", "text/csv", 800_000)
    assert (second.name, second.content_type) == ("empty", "application/octet-stream")
    assert first.sha256 == hashlib.sha256(large).hexdigest()
    whole = b"".join(
        base64.b64decode(part.data.private.content)
        for part in parts
        if isinstance(part, AttachmentReceived)
        and part.data.private
        and part.data.attachment == first.id
    )
    assert whole == large
    assert {part.subject for part in parts} == {ticket.subject}


async def test_the_same_form_sent_twice_says_the_same(desk: RequestDesk) -> None:
    """The same events, so that nobody takes them for two."""
    await sending(desk)
    await sending(desk)
    first, second = desk.stream.events
    assert first.id == second.id


async def test_other_words_in_the_same_form_are_another_request(desk: RequestDesk) -> None:
    """Whoever goes back and writes something else loses nothing of it."""
    await sending(desk)
    await sending(desk, text="It is something else.")
    first, second = (event for event in desk.stream.events if isinstance(event, TicketCreated))
    assert first.subject != second.subject
    assert first.data.link != second.data.link


async def test_another_site_can_send_nothing(desk: RequestDesk) -> None:
    """Refused for where it comes from, whatever it holds; so is what says nothing of that."""
    for headers in (
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": CENTER},
    ):
        assert (await sending(desk, headers=headers)).status_code == 403
    async with desk.client() as client:
        del client.headers["Sec-Fetch-Site"]
        assert (await client.post("/request", data=dict(FIELDS))).status_code == 403
        assert (await client.post("/request/forget")).status_code == 403
    assert desk.stream.taken == []


async def test_what_is_wrong_is_shown_with_all_that_was_typed(desk: RequestDesk) -> None:
    """The same form with the same id; that files must be chosen again is said."""
    async with desk.client() as client:
        files = [("files", ("a.txt", b"a", "text/plain"))]
        fields = {**FIELDS, "address": 'no"body', "text": "</textarea><b>"}
        answer = await client.post("/request", data=fields, files=files)
    assert answer.status_code == 422
    assert f'value="{FIELDS["form"]}"' in answer.text
    assert "&lt;/textarea&gt;&lt;b&gt;" in answer.text
    assert "<b>" not in answer.text
    assert 'href="#field-address"' in answer.text
    assert 'aria-describedby="error-address' in answer.text
    assert "choose your files again" in answer.text
    assert desk.stream.taken == []


async def test_files_that_are_too_large_take_nothing_of_what_was_typed_with_them(
    desk: RequestDesk,
) -> None:
    """413 with the form as it was, and the limits beside its files."""
    files = [("files", (f"{at}.txt", b"a", "text/plain")) for at in range(11)]
    async with desk.client() as client:
        answer = await client.post("/request", data=dict(FIELDS), files=files)
    assert answer.status_code == 413
    assert "at most 10 files" in answer.text
    assert FIELDS["subject"] in answer.text
    assert desk.stream.taken == []


async def test_while_the_broker_is_away_nothing_is_lost(desk: RequestDesk) -> None:
    """503 with the form as it was, and when to come back."""
    desk.stream.away = True
    answer = await sending(desk)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Nothing is lost" in answer.text
    assert f'value="{FIELDS["form"]}"' in answer.text
    assert FIELDS["subject"] in answer.text
    assert "Send again" in answer.text


async def test_scripts_are_told_as_data(desk: RequestDesk) -> None:
    """Where the thanks are; what is wrong with which field; that it must be tried again."""
    taken = await sending(desk, headers=SCRIPT)
    assert taken.status_code == 201
    assert taken.json()["thanks"] == taken.headers["location"]
    wrong = await sending(desk, headers=SCRIPT, subject="")
    assert wrong.status_code == 422
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/subject"]
    desk.stream.away = True
    away = await sending(desk, headers=SCRIPT)
    assert away.status_code == 503
    assert away.headers["content-type"] == "application/problem+json"
    assert away.headers["retry-after"]


async def test_a_network_has_so_many_an_hour(desk: RequestDesk) -> None:
    """Who is over it keeps what was typed and is told why; an hour later it is taken."""
    desk.most = 1
    application = desk.application
    transport = httpx.ASGITransport(application, client=("192.0.2.1", 1))
    near = httpx.ASGITransport(application, client=("192.0.2.200", 1))
    ours = httpx.ASGITransport(application, client=("127.0.0.2", 1))
    headers = {"Sec-Fetch-Site": "same-origin"}
    statuses = []
    for way in (transport, near, ours, ours):
        async with httpx.AsyncClient(
            transport=way, base_url="http://localhost", headers=headers
        ) as client:
            answer = await client.post("/request", data=dict(FIELDS))
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                assert "Too many requests came from your network" in answer.text
                assert FIELDS["subject"] in answer.text
                assert answer.headers["retry-after"]
    assert statuses == [303, 429, 303, 303]


async def test_a_chat_needs_no_subject(desk: RequestDesk) -> None:
    """Its first line is that; the ticket says that it came by chat."""
    answer = await sending(desk, "/chat", subject="")
    assert answer.status_code == 303
    ticket = created(desk)
    assert ticket.data.channel is Channel.CHAT
    assert ticket.data.private is not None
    assert ticket.data.private.subject == "Since this morning"


async def test_who_brings_a_pass_is_known_from_then_on(desk: RequestDesk) -> None:
    """It leaves the address at once; name, address and by when an answer would come are shown."""
    async with desk.client() as client:
        token = desk.pass_for(state=await left(client))
        taken = await client.get("/request", params={"pass": token, "plan": "basic"})
        assert taken.status_code == 303
        assert taken.headers["location"] == "/request?plan=basic"
        cookie = taken.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = await client.get("/request")
    assert 'value="ada@customer.example"' in page.text
    assert "How urgent is it?" in page.text
    assert "If you send it now, you will have an answer by" in page.text
    assert 'datetime="2026-11-24T14:30:00Z"' in page.text
    assert 'name="account"' not in page.text


async def test_what_somebody_signed_in_sends_is_their_accounts(desk: RequestDesk) -> None:
    """Proved, whatever account the form names; and the thanks mark their plan."""
    async with somebody(desk) as client:
        fields = {**FIELDS, "account": "another", "priority": "urgent"}
        answer = await client.post("/request", data=fields)
        page = await client.get(answer.headers["location"])
    ticket = created(desk)
    assert (ticket.data.account, ticket.data.account_verified) == ("an-account", True)
    assert ticket.data.priority is Priority.URGENT
    assert '<tr data-plan="advanced" class="own">' in page.text
    assert "You will have an answer by" in page.text


async def test_an_account_is_proved_only_by_a_pass_that_has_one(desk: RequestDesk) -> None:
    """Signed in without an account: the request is their own."""
    async with somebody(desk, Pass("b", "Bo", "bo@customer.example")) as client:
        await client.post("/request", data=dict(FIELDS))
    ticket = created(desk)
    assert not ticket.data.account_verified
    assert ticket.data.account == ticket.data.requester


async def test_a_pass_that_does_not_hold_changes_nothing(desk: RequestDesk) -> None:
    """One of another secret, an old one, and what is none at all."""
    for made in (RequestDesk(secret="another-secret-of-the-tests"), RequestDesk()):
        async with desk.client() as client:
            token = made.pass_for(state=await left(client))
            desk.now += timedelta(minutes=10)
            for each in (token, "x"):
                answer = await client.get("/request", params={"pass": each})
                assert answer.status_code == 303
                assert "set-cookie" not in answer.headers
            assert "You are signed in" not in (await client.get("/request")).text


async def test_by_somebody_elses_pass_nobody_is_signed_in(desk: RequestDesk) -> None:
    """Not in a browser that did not leave for one, nor in one that left for one of its own."""
    async with desk.client() as theirs, desk.client() as client:
        token = desk.pass_for(state=await left(theirs))
        for given in (token, desk.pass_for()):
            for leave in (False, True):
                if leave:
                    await left(client)
                answer = await client.get("/request", params={"pass": given})
                assert "set-cookie" not in answer.headers
        assert "You are signed in" not in (await client.get("/request")).text
        await theirs.get("/request", params={"pass": token})
        assert "You are signed in" in (await theirs.get("/request")).text


async def test_a_pass_is_taken_once(desk: RequestDesk) -> None:
    """Whoever finds its address in the same browser within its minute is not signed in by it."""
    async with desk.client() as client:
        token = desk.pass_for(state=await left(client))
        await client.get("/request", params={"pass": token})
        await client.post("/request/forget")
        await client.get("/request", params={"pass": token})
        assert "You are signed in" not in (await client.get("/request")).text


async def test_without_a_secret_nobody_is_sent_for_a_pass(desk: RequestDesk) -> None:
    """The form is shown as it is, and nothing is kept."""
    desk.secret = ""
    async with desk.client() as client:
        answer = await client.get("/request/sign-in")
        assert answer.headers["location"] == "/request"
        assert "set-cookie" not in answer.headers


async def test_who_finds_somebody_else_signed_in_can_end_that(desk: RequestDesk) -> None:
    """The form is a stranger's again."""
    async with somebody(desk) as client:
        assert "Not you?" in (await client.get("/request")).text
        await client.post("/request/forget")
        assert "Not you?" not in (await client.get("/request")).text


async def test_a_self_service_plan_promises_no_time(desk: RequestDesk) -> None:
    """Then the rules of Schedule A stand there instead."""
    free = replace(SOMEBODY, plan="self-service")
    async with somebody(desk, free) as client:
        page = await client.get("/request")
    assert "Schedule A of the Terms of Service" in page.text
    assert "you will have an answer by" not in page.text


async def test_strangers_see_all_plans_and_where_to_sign_in(desk: RequestDesk) -> None:
    """In short; and each page has another form."""
    async with desk.client() as client:
        first, second = await client.get("/request"), await client.get("/request")
    for plan in ("Platform Care Starter", "Platform Care Centurion"):
        assert plan in first.text
    assert f'href="{CENTER}/request"' in first.text
    assert first.text != second.text
