"""People who write into threads, by mail too, and follow them, whatever befalls the desk."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - drawn by the test's seed
from uuid import UUID

import httpx

from shared import events
from shared.events import TicketCreated
from shared.faults import BrokerAwayError
from shared.messages import MessageReceived
from shared.publisher import Outgoing, Publisher
from shared.topics import topic_name
from tests.support import said, said_mails
from tests.support.live import Reader, Sent, reading
from tests.support.thread_history import Answer, Written

FROM_THE_BEGINNING = "0.-.0.-"
"""What a page would say that has shown nothing."""
NOTE_EVERY = 4


@dataclass
class Load:
    """What all of them share."""

    namespace: str
    urls: Sequence[str]
    publisher: Publisher
    """Puts mails on the stream, as intake would."""
    random: Random
    goes_on: bool = True
    answers: Counter[str] = field(default_factory=Counter)
    """How often each answer was given, and how often none."""
    written: list[Written] = field(default_factory=list)


@dataclass(frozen=True)
class Writer:
    """Somebody who writes into one thread, each message once the one before is taken."""

    load: Load
    ticket: UUID
    author: str
    headers: Mapping[str, str]
    is_agent: bool

    async def write(self, *, at_least: int, at_most: int) -> None:
        """Write as long as the load goes on, so many messages at the least and at the most."""
        number = 0
        async with httpx.AsyncClient(timeout=5) as client:
            while number < at_least or (self.load.goes_on and number < at_most):
                number += 1
                await self._send(client, number)
                await asyncio.sleep(self.load.random.uniform(0.2, 1.2))

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        is_note = self.is_agent and number % NOTE_EVERY == 0
        text = f"number {number} of {self.author}"
        body = {"text": text, "visibility": "note" if is_note else "public"}
        answer = await self._until_taken(client, number, body)
        written = Written(self.ticket, self.author, number, text, is_note, answer)
        self.load.written.append(written)

    async def _until_taken(
        self, client: httpx.AsyncClient, number: int, body: Mapping[str, str]
    ) -> Answer:
        """The same under the same key, to one replica and the other, until it is taken."""
        headers = {**self.headers, "Idempotency-Key": f"{self.author}-{number}"}
        turn = self.load.random.randrange(len(self.load.urls))
        while True:
            url = self.load.urls[turn % len(self.load.urls)]
            turn += 1
            path = f"{url}/v1/tickets/{self.ticket}/messages"
            try:
                answer = await client.post(path, json=body, headers=headers)
            except httpx.TransportError as error:
                self.load.answers[type(error).__name__] += 1
            else:
                self.load.answers[str(answer.status_code)] += 1
                if answer.status_code == httpx.codes.CREATED:
                    taken = answer.json()
                    return Answer(UUID(taken["id"]), taken["sequence"])
                assert answer.is_server_error, answer.text
            await asyncio.sleep(0.2)


@dataclass(frozen=True)
class MailWriter:
    """The customer of a thread, who writes mails; many of them are on the stream twice."""

    load: Load
    created: TicketCreated

    async def write(self, *, at_least: int, at_most: int) -> int:
        """Write as long as the load goes on; returns how many mails that were."""
        number = 0
        while number < at_least or (self.load.goes_on and number < at_most):
            number += 1
            await self.send(number, copies=self.load.random.choice([1, 2]))
            await asyncio.sleep(self.load.random.uniform(0.3, 1.5))
        return number

    async def send(self, number: int, *, copies: int = 1) -> UUID:
        """Put a mail on the stream, so often or more; returns its message's id."""
        text = f"mail {number}"
        mail = said_mails.message_received(self.created, text, text=text)
        ticket, author = said.ticket_of(self.created), self.created.data.requester
        self.load.written.append(Written(ticket, author, number, text))
        while copies:
            try:
                await self.load.publisher.publish([self._record(mail)])
            except BrokerAwayError:
                # It may be on the stream all the same: then it is there once more.
                self.load.answers["broker away"] += 1
                await asyncio.sleep(0.2)
            else:
                copies -= 1
        return mail.data.message

    def _record(self, mail: MessageReceived) -> Outgoing:
        topic = topic_name(self.load.namespace, mail.TOPIC)
        return Outgoing(topic, mail.subject.encode(), events.write(mail), events.HEADERS)


@dataclass
class Follower:
    """A customer's page that is open; cut off, or tired of it, it comes back where it was."""

    load: Load
    ticket: UUID
    cookie: str
    name: str
    messages: list[UUID] = field(default_factory=list)
    """What it was told, as far as it will not be told that again."""
    refused: list[str] = field(default_factory=list)
    """Answers after which a browser would not come back."""
    cuts: int = 0
    _seen: str | None = None
    _unsure: list[UUID] = field(default_factory=list)

    async def follow(self) -> None:
        """Follow the thread until cancelled."""
        turn = 0
        while True:
            turn += 1
            url = self.load.urls[turn % len(self.load.urls)]
            try:
                await self._follow(f"{url}/center/{self.ticket}/live")
            except httpx.TransportError:
                await asyncio.sleep(0.2)
            self.cuts += 1

    async def _follow(self, path: str) -> None:
        headers = {"Cookie": self.cookie}
        if self._seen is not None:
            headers["Last-Event-ID"] = self._seen
        first = None if self._seen else FROM_THE_BEGINNING
        async with reading(path, seen=first, headers=headers) as page:
            if page.response.status_code != httpx.codes.OK:
                self._note(page.response.status_code)
                await asyncio.sleep(0.5)
                return
            await self._take(page, self.load.random.randint(3, 30))

    async def _take(self, page: Reader, patience: int) -> None:
        """Take what comes until the line is cut, or so many events have come."""
        self._unsure.clear()
        taken = 0
        while not (page.ended and taken == len(page.sent)):
            if self.load.goes_on and taken > patience:
                return
            for sent in page.sent[taken:]:
                self._hear(sent)
                taken += 1
            await asyncio.sleep(0.05)

    def _hear(self, sent: Sent) -> None:
        if sent.name == "over":
            self.refused.append("over")
        key = sent.data.get("key", "")
        if sent.name == "patch" and sent.data["do"] == "append" and key.startswith("message-"):
            self._unsure.append(UUID(key.removeprefix("message-")))
        if sent.id is not None:
            self._seen = sent.id
            self.messages += self._unsure
            self._unsure.clear()

    def _note(self, status: int) -> None:
        self.load.answers[f"stream {status}"] += 1
        if status < httpx.codes.INTERNAL_SERVER_ERROR:
            self.refused.append(str(status))


async def open_link(url: str, token: str) -> str:
    """The cookie of who follows a link; empty as long as the ticket is not there."""
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.get(f"/open/{token}")
    return str(answer.headers.get("set-cookie", "").partition(";")[0])
