"""A little of everything on a desk, so that its dashboards have something to show.

Tickets of all plans by API and form and as mail, agents who answer most of them, a page that is
followed live, a caller without a token, and a record that no service can read.
"""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage

import httpx
from aiokafka import AIOKafkaProducer

from deploy.local import letters, readiness
from shared.envelope import Topic
from shared.plans import PLAN_IDS
from shared.topics import topic_name

SUPPORT = "support@careline.example"
LINK = re.compile(r"/open/([A-Za-z0-9_-]{43})")
LOOK_SECONDS = 0.1
WITHIN = 30.0


@dataclass(frozen=True)
class Place:
    """A desk that is to have some work.

    Attributes:
        addresses: Of each service, as URLs, and `mail_in` as `host:port`.
        mail_to: Finds the text of the first mail to an address; None while there is none.
    """

    addresses: dict[str, str]
    kafka: str
    namespace: str
    admin: str
    agent: str
    mail_to: Callable[[str], Awaitable[str | None]]


@dataclass
class Load:
    """Work for a desk; each run of it has accounts of its own."""

    place: Place
    client: httpx.AsyncClient
    name: str
    followed: str = ""
    """The ticket whose page is open."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def begin(self) -> None:
        """Put accounts onto the plans."""
        for plan in PLAN_IDS:
            url = f"{self.place.addresses['sla']}/v1/accounts/{self._account(plan)}/plan"
            await self._as(self.place.admin, "PUT", url, {"plan": plan})

    async def round(self, *, answered: Sequence[str] = PLAN_IDS) -> None:
        """A ticket from each plan, one by mail, and an agent's answer to those of some plans."""
        sent = {plan: await self._send(plan) for plan in PLAN_IDS}
        await self._mail()
        await self.look_around()
        for plan in answered:
            await self.answer(sent[plan])
        if self.followed:
            await self.answer(self.followed)

    async def answer(self, ticket: str) -> None:
        """Answer as an agent does, once the thread is there."""
        thread = f"{self.place.addresses['messaging']}/v1/tickets/{ticket}"

        async def is_there() -> bool:
            answer = await self.client.get(thread, headers=_bearer(self.place.agent))
            return answer.status_code == httpx.codes.OK

        await readiness.wait_until(is_there, WITHIN, f"There is no thread of {ticket}.")
        text = {"text": "We have found it: the nightly import had stopped."}
        await self._as(self.place.agent, "POST", f"{thread}/messages", text)

    async def follow(self) -> None:
        """Open the link of an acknowledgement, and look at the thread live until cancelled."""
        address = f"follower-{self.name}@customer.example"
        ticket = await self._send(PLAN_IDS[0], address)
        token = await self._link(address)
        center = self.place.addresses["messaging"]
        async with httpx.AsyncClient(trust_env=False, timeout=None) as page:  # noqa: S113 - a live page is silent for long
            cookie = {"Cookie": await self._cookie(page, f"{center}/open/{token}")}
            live = f"{center}/center/{ticket}/live"
            while True:
                async with page.stream("GET", live, headers=cookie) as answer:
                    self.followed = ticket if answer.status_code == httpx.codes.OK else ""
                    async for _ in answer.aiter_bytes():
                        pass
                await asyncio.sleep(LOOK_SECONDS)

    async def look_around(self) -> None:
        """Visit some pages, one without being let in."""
        for service, path in (
            ("intake", "/request"),
            ("sla", "/plans"),
            ("messaging", "/docs"),
            ("notifier", "/deliveries"),
            ("messaging", "/v1/tickets"),
        ):
            await self.client.get(f"{self.place.addresses[service]}{path}")

    async def _cookie(self, page: httpx.AsyncClient, link: str) -> str:
        """What a link gives, once the ticket is there; for HTTPS alone, so not sent by itself."""
        async with asyncio.timeout(WITHIN):
            while True:
                opened = await page.get(link)
                if given := opened.headers.get("set-cookie", ""):
                    return str(given.partition(";")[0])
                await asyncio.sleep(LOOK_SECONDS)

    async def _link(self, address: str) -> str:
        async with asyncio.timeout(WITHIN):
            while True:
                found = LINK.search(await self.place.mail_to(address) or "")
                if found:
                    return found[1]
                await asyncio.sleep(LOOK_SECONDS)

    async def _send(self, plan: str, address: str = "") -> str:
        number = next(self._numbers)
        account = self._account(plan)
        answer = await self.client.post(
            f"{self.place.addresses['intake']}/v1/tickets",
            json={
                "requester": {"address": address or f"{account}-{number}@customer.example"},
                "account": account,
                "subject": f"The weekly report is empty ({number})",
                "text": "Since this morning the weekly report has no rows.",
                "channel": "web",
            },
        )
        ticket: str = answer.raise_for_status().json()["ticket"]
        return ticket

    async def _mail(self) -> None:
        mail = EmailMessage()
        number = next(self._numbers)
        mail["From"] = f"writer-{self.name}-{number}@customer.example"
        mail["To"] = SUPPORT
        mail["Subject"] = "The export has no header"
        mail["Message-ID"] = f"<{self.name}-{number}@customer.example>"
        mail.set_content("Every file since Monday begins with the first row.")
        await letters.hand_over(mail, self.place.addresses["mail_in"])

    async def spoil(self) -> None:
        """Put a record onto the stream that nobody can read."""
        producer = AIOKafkaProducer(bootstrap_servers=self.place.kafka, acks="all")
        await producer.start()
        try:
            topic = topic_name(self.place.namespace, Topic.TICKETS)
            await producer.send_and_wait(topic, b"no event", key=b"nobody")
        finally:
            await producer.stop()

    async def _as(self, token: str, method: str, url: str, body: dict[str, str]) -> None:
        answer = await self.client.request(method, url, json=body, headers=_bearer(token))
        answer.raise_for_status()

    def _account(self, plan: str) -> str:
        return f"shown-{self.name}-{plan}"


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
