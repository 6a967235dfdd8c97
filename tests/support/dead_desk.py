"""The operators' pages of dead letters, and letters that hold what nobody should write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from services.notifier import dead_pages, pages
from shared import web
from shared.dead_register import DeadRegister
from shared.publisher import Outgoing, Publisher
from shared.topics import declared_dead_letters, declared_topics, ensure_topics
from tests.support.register import HERE, Operated, token
from tests.support.stack import Stack
from tests.support.stream import read_all

SCRIPT = "<script>alert(1)</script>"
LONG = "without-a-space-" * 20
SERVICES = ("messaging", "notifier", "sla")


class Served:
    """The pages over three letters of sla and one of messaging."""

    def __init__(self, stack: Stack, namespace: str, operated: Operated, sent: Publisher) -> None:
        self.stack, self.namespace = stack, namespace
        register = DeadRegister(stack.bootstrap_servers, namespace, "notifier", sent)
        operators = pages.Pages(operated.database, operated.verifier, operated.clock)
        routes = [
            *pages.routes(operators),
            *dead_pages.routes(dead_pages.DeadPages(operators, register)),
        ]
        self.application: Starlette = web.application(routes, dict)

    @asynccontextmanager
    async def browser(self, role: str) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody who has signed in."""
        transport = httpx.ASGITransport(self.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            client.headers.update(HERE)
            answer = await client.post("/sign-in", data={"token": token(role)})
            assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
            yield client

    async def put_back(self) -> int:
        """How many records were put back on the tickets' topic."""
        return len(await read_all(self.stack.bootstrap_servers, f"{self.namespace}.tickets"))


async def bury(stack: Stack, namespace: str, sent: Publisher) -> None:
    """Letters as services bury them: the last of sla comes from a compacted topic."""
    dead = [declared_dead_letters(namespace, each) for each in SERVICES]
    await ensure_topics(stack.bootstrap_servers, (*declared_topics(namespace, 1), *dead), 1)
    origins = ("tickets/0/7", "tickets/0/8", "accounts/0/9")
    letters = [_letter(namespace, "sla", origin) for origin in origins]
    await sent.publish([*letters, _letter(namespace, "messaging", "tickets/0/7")])


def _letter(namespace: str, service: str, origin: str) -> Outgoing:
    told = (
        (LONG, SCRIPT.encode()),
        ("dead-reason", f"handler failed: {SCRIPT}\x1b[2J {LONG}".encode()),
        ("dead-stack", f"in a {SCRIPT}\n".encode()),
        ("dead-origin", f"{namespace}.{origin}".encode()),
        ("dead-tries", b"2"),
    )
    return Outgoing(f"{namespace}.{service}.dead", SCRIPT.encode(), SCRIPT.encode(), told)
