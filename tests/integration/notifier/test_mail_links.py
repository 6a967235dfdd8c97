"""The link in a customer's mail opens one ticket for its reader, and for nobody who operates us."""

import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.events import Event
from shared.links import hash_link
from shared.notifications import NotificationSent
from tests.support import said, said_mails
from tests.support.composed import html, part
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

LINK = re.compile(r"/open/([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])")
HOLD = "10"
DAYS = 30


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


async def test_what_is_said_of_a_mail_holds_the_hash_of_its_link_alone(desk: Desk) -> None:
    """The ticket is opened by its hash; no log, no table and no page has the link itself."""
    desk.start("notifier")
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    (sent,) = await _sent(desk, 1)
    (mail,) = desk.mailbox.to(said.ADDRESS)
    token = _token(mail)
    assert sent.data.link is not None
    assert sent.data.link.sha256 == hash_link(token)
    assert (sent.data.link.expires - created.time).days == DAYS
    assert token not in json.dumps(desk.log("notifier"))
    ((kept,),) = await desk.query("notifier", "SELECT body FROM contents")
    assert token.encode() not in kept.replace(b"=\r\n", b"")
    for shown in await _shown_to_operators(desk):
        assert token not in shown.replace("=\r\n", "")
        assert "/open/…" in shown or "/open/=E2=80=A6" in shown.replace("=\r\n", "")


@pytest.mark.long
async def test_a_second_copy_has_the_same_link(desk: Desk) -> None:
    """Killed between the server's 250 and our commit: both mails open the ticket."""
    desk.start("notifier", CARELINE_FAILPOINT="notifier.smtp_answered", CARELINE_HOLD=HOLD)
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    assert await desk.died("notifier") == -9
    desk.start("notifier", CARELINE_HOLD=HOLD)
    (sent,) = await _sent(desk, 1)
    first, second = desk.mailbox.to(said.ADDRESS)
    assert _token(first) == _token(second)
    assert sent.data.link is not None
    assert sent.data.link.sha256 == hash_link(_token(first))


async def test_a_mail_that_is_sent_once_more_has_another_link(desk: Desk) -> None:
    """The first may have run out by then; both are known."""
    desk.start("notifier")
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    (sent,) = await _sent(desk, 1)
    ((id_,),) = await desk.query("notifier", "SELECT id FROM deliveries")
    async with httpx.AsyncClient(headers=desk.bearer("lead")) as client:
        url = f"{desk.url('notifier')}/v1/deliveries/{id_}/again"
        answer = await client.post(url, json={"even_if_sent": True})
    assert answer.is_success, answer.text
    (_, again) = await _sent(desk, 2)
    first, second = (_token(mail) for mail in desk.mailbox.to(said.ADDRESS))
    assert sent.data.link is not None
    assert again.data.link is not None
    assert [sent.data.link.sha256, again.data.link.sha256] == [hash_link(first), hash_link(second)]
    assert first != second


async def test_an_answer_with_files_names_them_and_leads_to_them(desk: Desk) -> None:
    """Also where there is nothing but files; the alert beside it leads people of ours elsewhere."""
    desk.start("notifier", CARELINE_REPLY_DELAY="0")
    await desk.ready("notifier")
    created = said.ticket_created()
    slot = said.slot(created)
    await _publish(desk, created, *slot.events, said.breach(slot))
    await _sent(desk, 2)
    answer = said.message_posted(created, text="")
    private = answer.data.private
    assert private is not None
    file = said_mails.attachment(created, b"a,b", name="rows.csv")
    data = answer.data.model_copy(
        update={"private": private.model_copy(update={"attachments": (file,)})}
    )
    await _publish(desk, answer.model_copy(update={"data": data}))
    *_, sent = await _sent(desk, 3)
    _, mail = desk.mailbox.to(said.ADDRESS)
    for kind in ("plain", "html"):
        text = part(mail, kind)
        assert "1 file: open the conversation to get it" in text
        assert "rows.csv (3 bytes)" in text.replace("\u00a0", " ")
    assert sent.data.link is not None
    assert sent.data.link.sha256 == hash_link(_token(mail))
    (alert,) = desk.mailbox.to("support-leads@careline.example")
    assert f"/inbox/{created.subject}" in part(alert, "plain")
    assert not LINK.search(alert.as_string())


def _token(mail: EmailMessage) -> str:
    """The secret part of the one link that both parts have."""
    found = {*LINK.findall(part(mail, "plain")), *LINK.findall(html(mail))}
    (token,) = found
    return str(token)


async def _shown_to_operators(desk: Desk) -> list[str]:
    """Every rendition of the one mail that there is."""
    ((id_,),) = await desk.query("notifier", "SELECT id FROM deliveries")
    shown = []
    async with httpx.AsyncClient(headers=desk.bearer("lead")) as client:
        for query in ("", "?part=text", "?part=html", "?part=source"):
            url = f"{desk.url('notifier')}/v1/deliveries/{id_}/content{query}"
            answer = await client.get(url)
            assert answer.status_code == 200, answer.text
            shown.append(answer.text if query else json.dumps(answer.json(), ensure_ascii=False))
    return shown


async def _publish(desk: Desk, *events: Event) -> None:
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _sent(desk: Desk, wanted: int) -> list[NotificationSent]:
    """What notifier said of what it sent, in that order, once there is so much."""

    async def complete() -> list[NotificationSent] | None:
        heard = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.NOTIFICATIONS)
        known = {event.id: event for event in heard if isinstance(event, NotificationSent)}
        return list(known.values()) if len(known) >= wanted else None

    return await until(complete, within=60, what=f"{wanted} mails are sent")
