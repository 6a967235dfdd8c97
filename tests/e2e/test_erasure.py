"""Somebody is forgotten: no byte of theirs is left in topics, tables and logs that can be read."""

import smtplib
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared import events
from shared.envelope import Topic
from shared.sealing import key_of
from shared.topics import topic_name
from tests.support.desk import SERVICES, Desk, running_desk
from tests.support.sealing import keys_in
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(420)  # more than all waits of a test together

NAME, ADDRESS = "Wanda Marker", "wanda.marker@customer.example"
SUBJECT, TEXT = "Marker in a subject", "Marker in a text"
FILE, CONTENT = "marker-file.txt", b"Marker in a file"
ANSWER, NOTE = "Marker in an answer", "Marker in a note"
MARKERS = (NAME, ADDRESS, SUBJECT, TEXT, FILE, CONTENT.decode(), ANSWER, NOTE)
OTHER = "kept@customer.example"
KEPT = "What somebody else wrote"
DATABASES = ("sla", "notifier", "messaging")


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose four services run."""
    with running_desk(stack, tmp_path) as running:
        for service in SERVICES:
            running.start(service)
        yield running


async def test_a_requester_is_forgotten_everywhere(desk: Desk) -> None:
    """Topics, tables, logs: markers that were there are gone or can't be opened; others' stay."""
    await desk.ready()
    async with httpx.AsyncClient(timeout=30) as client:
        tickets = [await _by_mail(client, desk), await _by_api(client, desk, ADDRESS, TEXT)]
        kept = await _by_api(client, desk, OTHER, KEPT)
        for ticket in tickets:
            await _answer(client, desk, ticket, ANSWER, "public")
            await _answer(client, desk, ticket, NOTE, "note")
        await until(lambda: len(desk.mailbox.to(ADDRESS)) >= 4, what="all mails are out")
        assert await _readable(desk) == set(MARKERS)
        assert await _in_tables(desk) >= {"messaging.messages", "notifier.deliveries"}

        preview = await _ask(client, desk, preview=True)
        assert preview["there_is"]["tickets"] == 2
        assert preview["there_is"]["messages"] == 6
        assert preview["there_is"]["files"] == 1
        asked = await _ask(client, desk)
        report = await until(lambda: _erased(client, desk, asked["erasure"]), what="it is done")
        assert report["waits_for"] == []
        assert report["keys"]["thrown_away"] >= 2
        assert report["erased"]["messaging"]["messages"] == 6
        assert report["erased"]["notifier"]

        assert await _readable(desk) == set()
        assert await _in_tables(desk) == set()
        assert _in_logs(desk) == set()
        thread = await _thread(client, desk, tickets[0])
        assert [message["text"] for message in thread["messages"]] == ["", "", ""]
        thread = await _thread(client, desk, kept)
        assert [message["text"] for message in thread["messages"]] == [KEPT]

        await _comes_back(client, desk)
    assert ADDRESS.encode() not in str(asked).encode()


@pytest.mark.long
async def test_keys_that_were_thrown_away_leave_the_log(desk: Desk) -> None:
    """Once the broker has cleaned the topic of keys, whoever has the secret can open nothing."""
    await desk.ready()
    await _clean_soon(desk)
    async with httpx.AsyncClient(timeout=30) as client:
        ticket = await _by_api(client, desk, ADDRESS, TEXT)
        await until(lambda: _there(client, desk, ticket), what="the thread is open")
        theirs = await _keys(desk)
        asked = await _ask(client, desk)
        await until(lambda: _erased(client, desk, asked["erasure"]), what="it is done")

        async def gone() -> bool:
            # What is written behind it lets the broker clean what lies before.
            await _by_api(client, desk, OTHER, KEPT)
            return not theirs & await _keys(desk)

        await until(gone, within=180, what="the keys have left the log")


async def _by_mail(client: httpx.AsyncClient, desk: Desk) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"{NAME} <{ADDRESS}>", "support@careline.example"
    mail["Subject"], mail["Message-ID"] = SUBJECT, "<marker@customer.example>"
    mail.set_content(TEXT)
    mail.add_attachment(CONTENT, maintype="text", subtype="plain", filename=FILE)
    with smtplib.SMTP("127.0.0.1", desk.ports.smtp_in) as server:
        server.send_message(mail)

    async def opened() -> str | None:
        found = await client.get(
            f"{desk.url('messaging')}/v1/search",
            params={"q": SUBJECT},
            headers=desk.bearer("agent"),
        )
        tickets = found.json()["found"]
        return tickets[0]["ticket"] if tickets else None

    return str(await until(opened, what="the mail is a ticket"))


async def _by_api(client: httpx.AsyncClient, desk: Desk, address: str, text: str) -> str:
    asked = {
        "requester": {"name": NAME if address == ADDRESS else "Somebody", "address": address},
        "subject": SUBJECT if address == ADDRESS else "Another subject",
        "text": text,
        "channel": "api",
        "locale": "en-GB",
        "time_zone": "Europe/Berlin",
    }
    answer = await client.post(f"{desk.url('intake')}/v1/tickets", json=asked)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["ticket"])


async def _answer(
    client: httpx.AsyncClient, desk: Desk, ticket: str, text: str, visibility: str
) -> None:
    await until(lambda: _there(client, desk, ticket), what="the thread is open")
    answer = await client.post(
        f"{desk.url('messaging')}/v1/tickets/{ticket}/messages",
        json={"text": text, "visibility": visibility},
        headers=desk.bearer("agent"),
    )
    assert answer.status_code == 201, answer.text


async def _there(client: httpx.AsyncClient, desk: Desk, ticket: str) -> bool:
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}"
    return (await client.get(url, headers=desk.bearer("agent"))).status_code == 200


async def _thread(client: httpx.AsyncClient, desk: Desk, ticket: str) -> dict[str, Any]:
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}"
    answer = await client.get(url, headers=desk.bearer("agent"))
    found: dict[str, Any] = answer.json()
    return found


async def _ask(client: httpx.AsyncClient, desk: Desk, *, preview: bool = False) -> dict[str, Any]:
    answer = await client.post(
        f"{desk.url('messaging')}/v1/privacy/erasures",
        json={"address": ADDRESS, "preview": preview},
        headers=desk.bearer("admin"),
    )
    assert answer.status_code == (200 if preview else 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _erased(client: httpx.AsyncClient, desk: Desk, erasure: str) -> dict[str, Any] | None:
    answer = await client.get(
        f"{desk.url('messaging')}/v1/privacy/erasures/{erasure}", headers=desk.bearer("admin")
    )
    found: dict[str, Any] = answer.json()
    return found if found["state"] == "erased" else None


async def _comes_back(client: httpx.AsyncClient, desk: Desk) -> None:
    """Who writes again is a new requester, and their request is read and acknowledged."""
    before = len(desk.mailbox.to(ADDRESS))
    again = await _by_api(client, desk, ADDRESS, "They came back")
    await until(lambda: _there(client, desk, again), what="the thread is open")
    thread = await _thread(client, desk, again)
    assert [message["text"] for message in thread["messages"]] == ["They came back"]
    await until(lambda: len(desk.mailbox.to(ADDRESS)) > before, what="it is acknowledged")


async def _readable(desk: Desk) -> set[str]:
    """Markers in all topics: as bytes of records, and in what any service's keys still open."""
    names = [topic_name(desk.namespace, topic) for topic in Topic]
    dead = [f"{desk.namespace}.{service}.dead" for service in DATABASES]
    records = await read_all(desk.stack.bootstrap_servers, *names, *dead)
    raw = b"\n".join(
        b"".join((r.key or b"", r.value or b"", *(v for _, v in r.headers))) for r in records
    )
    assert not [marker for marker in MARKERS if marker.encode() in raw]
    made = keys_in(r.value for r in records if r.topic == topic_name(desk.namespace, Topic.KEYS))
    held = await _held(desk)
    keys = {id_: key for id_, key in made.items() if id_ in held}
    opened = b"\n".join(
        events.write(event)
        for r in records
        if r.value and key_of(r.value) in keys and (event := events.read(r.value, keys))
    ).decode()
    # A file's content travels in base 64.
    opened = opened.replace("TWFya2VyIGluIGEgZmlsZQ", CONTENT.decode())
    return {marker for marker in MARKERS if marker in opened}


async def _held(desk: Desk) -> set[UUID]:
    """The keys that any service has."""
    held = set[UUID]()
    for service in DATABASES:
        rows = await desk.query(service, "SELECT id FROM stream_keys WHERE wrapped IS NOT NULL")
        held |= {row["id"] for row in rows}
    return held


async def _keys(desk: Desk) -> set[UUID]:
    """The keys whose records stand in the log."""
    topic = topic_name(desk.namespace, Topic.KEYS)
    records = await read_all(desk.stack.bootstrap_servers, topic)
    return set(keys_in(record.value for record in records))


async def _in_tables(desk: Desk) -> set[str]:
    """Tables of any service in which a marker stands, whatever the column."""
    return {
        f"{service}.{table}"
        for service in DATABASES
        for table, rows in (await _tables(desk, service)).items()
        for row in rows
        if any(marker.lower() in _plain(row).lower() for marker in MARKERS)
    }


async def _tables(desk: Desk, service: str) -> Mapping[str, list[asyncpg.Record]]:
    names = await desk.query(service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        row["tablename"]: await desk.query(service, f'SELECT * FROM "{row["tablename"]}"')  # noqa: S608 - a table's own name
        for row in names
    }


def _plain(row: asyncpg.Record) -> str:
    """All of a row as text; what stands in bytes too."""
    return " ".join(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        for value in row.values()
    )


def _in_logs(desk: Desk) -> set[str]:
    logs = " ".join(path.read_text(errors="replace") for path in desk.folder.glob("*.log"))
    return {marker for marker in MARKERS if marker.lower() in logs.lower()}


async def _clean_soon(desk: Desk) -> None:
    """Let the broker clean the topic of keys within seconds, instead of hours."""
    admin = AIOKafkaAdminClient(bootstrap_servers=desk.stack.bootstrap_servers)
    await admin.start()
    soon = {"max.compaction.lag.ms": "500", "segment.ms": "500", "delete.retention.ms": "100"}
    try:
        declared = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
        resource = ConfigResource(
            ConfigResourceType.TOPIC, topic_name(desk.namespace, Topic.KEYS), soon | declared
        )
        await admin.alter_configs([resource])
    finally:
        await admin.close()
