"""Those who saw a run: the raw stream, the mail sink, the thread as a reader is shown it.

Nothing here uses the services' own models: a record is what its JSON says.
"""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from deploy.local.history import Case, Dead, Mail, Said, Sent
from shared.dead_record import read_mark

TICKETS_PATH, INBOX_PATH = "/v1/tickets/", "/inbox/"
"""Where messaging has a ticket's thread: for programs, and for agents."""
VIOLATED = re.compile(r'^invariant_violations\{promise="(\w+)"\} (?!0\.0$)', re.MULTILINE)
POLL_MS = 100
PAGE = 500


class Stream:
    """Keeps every record that a consumer (see `tail`) is given.

    Args:
        consumer: Stands where the run begins.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord] = []

    async def catch_up(self) -> None:
        """Read until the ends that the partitions have now."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        while any([await self._consumer.position(at) < end for at, end in ends.items()]):
            for batch in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
                self.records += batch

    def said(self, ticket: str) -> tuple[Said, ...]:
        """The events of a ticket, in the order in which the broker took them."""
        bodies = [
            (record, _body(record))
            for record in sorted(self.records, key=lambda each: int(each.timestamp))
            if not record.topic.endswith(".dead") and _key(record) == ticket
        ]
        return tuple(_said(record, body) for record, body in bodies if body is not None)

    def dead(self, subjects: Collection[str]) -> tuple[Dead, ...]:
        """What was put aside of these tickets and accounts, and what belongs to nobody."""
        letters = [
            record
            for record in self.records
            if record.topic.endswith(".dead") and read_mark(record) is None
        ]
        return tuple(
            Dead(record.topic, _key(record), _reason(record))
            for record in letters
            if _key(record) is None or _key(record) in subjects
        )


class MailSink:
    """What reached the mail sink from the moment of `begin` on."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._after = ""
        self.mails: list[Mail] = []

    async def begin(self) -> None:
        """Pass over the mails that are there already."""
        while page := await self._page():
            self._after = page[-1]["id"]

    async def catch_up(self) -> None:
        """Read the mails that came since."""
        while page := await self._page():
            for summary in page:
                answer = await self._client.get(f"{self._url}/api/messages/{summary['id']}")
                self.mails.append(_mail(answer.raise_for_status().json()))
            self._after = page[-1]["id"]

    def about(self, sent: Sent) -> tuple[Mail, ...]:
        """The mails to a requester, and those by which people of ours are led to the ticket."""
        link = f"{INBOX_PATH}{sent.ticket}"
        return tuple(
            mail
            for mail in self.mails
            if sent.address in mail.to or (sent.ticket and link in mail.text)
        )

    async def _page(self) -> list[dict[str, Any]]:
        query = {"after": self._after, "limit": str(PAGE)}
        answer = await self._client.get(f"{self._url}/api/messages", params=query)
        page: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return page


async def read_thread(
    client: httpx.AsyncClient, messaging: str, ticket: str, token: str
) -> dict[str, Any] | None:
    """The thread as messaging shows it to an agent; None where there is none (yet)."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.get(f"{messaging}{TICKETS_PATH}{ticket}", headers=headers)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    thread: dict[str, Any] = answer.raise_for_status().json()
    return thread


async def read_violations(client: httpx.AsyncClient, auditor: str) -> tuple[str, ...]:
    """The promises of which the auditor holds violations to be open now."""
    answer = await client.get(f"{auditor}/metrics")
    return tuple(VIOLATED.findall(answer.raise_for_status().text))


def case(stream: Stream, sink: MailSink, sent: Sent, thread: dict[str, Any] | None) -> Case:
    """Put together what the witnesses saw of one ticket."""
    messages = None if thread is None else tuple(each["text"] for each in thread["messages"])
    return Case(sent, stream.said(sent.ticket), sink.about(sent), messages)


def _mail(shown: dict[str, Any]) -> Mail:
    headers = {name.lower(): value for name, value in shown["headers"]}
    return Mail(
        to=tuple(shown["recipients"]),
        subject=shown["subject"],
        received_at=datetime.fromisoformat(shown["received_at"]),
        text=shown["text"] or "",
        html=shown["html"] or "",
        message_id=shown["message_id"],
        references=headers.get("references", ""),
        reply_to=headers.get("reply-to", ""),
    )


def _said(record: ConsumerRecord, body: dict[str, Any]) -> Said:
    return Said(
        type=body["type"],
        subject=body["subject"],
        time=datetime.fromisoformat(body["time"]),
        appended=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        data=body["data"],
    )


def _body(record: ConsumerRecord) -> dict[str, Any] | None:
    try:
        body = json.loads(record.value)
    except (ValueError, TypeError):
        return None
    return body if isinstance(body, dict) and "data" in body else None


def _key(record: ConsumerRecord) -> str | None:
    key: bytes | None = record.key
    return key.decode(errors="replace") if key else None


def _reason(record: ConsumerRecord) -> str:
    headers: dict[str, bytes] = dict(record.headers)
    return headers.get("dead-reason", b"no reason").decode(errors="replace")
