"""What exercises do to a running desk: customers who write, and faults that end with a block."""

import asyncio
import contextlib
import re
import signal
import smtplib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from email.message import EmailMessage
from functools import partial
from uuid import UUID

import asyncpg
import httpx

from tests.support.desk import Desk
from tests.support.lone_broker import freeze
from tests.support.mail_sender import MAILBOX
from tests.support.waiting import until

ACCOUNT = "an-account"
QUICK = "centurion"
"""The plan of the demonstration that promises an answer soonest."""
LINK = re.compile(r"/open/([A-Za-z0-9_-]{43})")


async def put_on_a_plan(desk: Desk, plan: str = QUICK, account: str = ACCOUNT) -> None:
    """Promise an account's tickets answers within seconds."""
    url = f"{desk.url('sla')}/v1/accounts/{account}/plan"
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.put(url, json={"plan": plan}, headers=desk.bearer("admin"))
    answer.raise_for_status()


async def ask(
    desk: Desk, number: int = 1, *, account: str = ACCOUNT, name: str = "customer"
) -> list[UUID]:
    """Send so many requests, each from an address of its own; returns their tickets."""
    tickets = []
    async with httpx.AsyncClient(timeout=20) as client:
        for each in range(number):
            answer = await client.post(f"{desk.url('intake')}/v1/tickets", json=asked(
                address_of(each, name), account
            ))  # fmt: skip
            tickets.append(UUID(answer.raise_for_status().json()["ticket"]))
    return tickets


def asked(address: str, account: str = ACCOUNT) -> dict[str, object]:
    """A request as it is sent by API."""
    return {
        "requester": {"address": address},
        "account": account,
        "subject": "It is empty",
        "text": "No rows.",
        "locale": "en",
        "time_zone": "UTC",
    }


def address_of(number: int, name: str = "customer") -> str:
    """Of whom a request is that `ask` sends."""
    return f"{name}-{number}@customer.example"


async def answer(desk: Desk, ticket: UUID, text: str = "We look into it.") -> None:
    """Write into a thread, as an agent."""
    url = f"{desk.url('messaging')}/v1/tickets/{ticket}/messages"
    async with httpx.AsyncClient(timeout=20) as client:
        said = await client.post(url, json={"text": text}, headers=desk.bearer("agent"))
    said.raise_for_status()


async def bring(desk: Desk, *mails: EmailMessage, to: str = MAILBOX) -> list[int]:
    """Bring mails by SMTP, one after the other; returns the codes that they end with."""
    return await asyncio.to_thread(_bring, desk.ports.smtp_in, mails, to)


def _bring(port: int, mails: Sequence[EmailMessage], to: str) -> list[int]:
    codes = []
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo()
        for mail in mails:
            client.mail(mail["From"].addresses[0].addr_spec)
            client.rcpt(to)
            codes.append(client.data(mail.as_bytes())[0])
    return codes


@contextmanager
def frozen(desk: Desk, service: str) -> Iterator[None]:
    """A service stands still until the end of the block: it answers nobody, and is not ended."""
    process = desk.processes[service]
    freeze(process.pid)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def left_open(dsn: str, *statements: str) -> AsyncIterator[None]:
    """A transaction that somebody has left open, with all that it locks."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
            yield
    finally:
        await connection.close()


async def change(dsn: str, sql: str, *values: object) -> None:
    """Change a service's database behind its back."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql, *values)
    finally:
        await connection.close()


@asynccontextmanager
async def open_pages(desk: Desk, ticket: UUID, address: str, number: int) -> AsyncIterator[None]:
    """A customer has so many pages of a ticket open, and follows them live."""
    await until(lambda: desk.mailbox.to(address), within=60, what="they have a link")
    found = LINK.search(desk.mailbox.text_to(address))
    assert found is not None
    center = desk.url("messaging")
    async with httpx.AsyncClient(timeout=None) as page, contextlib.AsyncExitStack() as opened:  # noqa: S113 - a live page is silent for long
        entered = partial(_entered, page, f"{center}/open/{found[1]}")
        cookie = {"Cookie": await until(entered, what="the link opens their ticket")}
        for _ in range(number):
            stream = page.stream("GET", f"{center}/center/{ticket}/live", headers=cookie)
            answer = await opened.enter_async_context(stream)
            assert answer.status_code == httpx.codes.OK
        yield


async def _entered(page: httpx.AsyncClient, link: str) -> str:
    """The cookie that a link gives once the ticket is there; for HTTPS alone, so not sent."""
    opened = await page.get(link)
    return str(opened.headers.get("set-cookie", "")).partition(";")[0]
