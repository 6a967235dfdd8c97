"""People of a ticket, and what they do to it on a database that Postgres guards."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from services.messaging import doing, store
from services.messaging.doing import Words
from services.messaging.domain import Message, Thread
from services.messaging.guarded import Guarded
from services.messaging.store import Person
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.forms import SentFile
from shared.identity import Caller, Role
from shared.problems import Problem
from tests.support import said

AGENT = Visitor(said.AGENT)
ACCOUNT = "an-account"

ResultT = TypeVar("ResultT")


def customer(account: str | None = ACCOUNT, subject: str = "c-one") -> Visitor:
    """Somebody with an account of their own."""
    return Visitor(Caller(subject, account, "A Customer", frozenset({Role.CUSTOMER})))


def neighbour(requester: str) -> Visitor:
    """Somebody without an account, whose address is proved."""
    return Visitor(Caller("c-two", None, None, frozenset({Role.CUSTOMER})), requester=requester)


def guest(*tickets: UUID) -> Visitor:
    """Somebody who only has links."""
    nobody = Caller("", None, None, frozenset({Role.CUSTOMER}))
    return Visitor(nobody, tickets=frozenset(tickets))


async def do(
    database: Database,
    visitor: Visitor,
    what: Callable[..., Awaitable[ResultT]],
    *arguments: Any,  # noqa: ANN401 - whatever it takes
    **named: Any,  # noqa: ANN401 - the same
) -> ResultT:
    """One of the functions of `doing`, in a transaction of this visitor, now."""
    named = {"now": said.now()} | named
    async with Guarded(database).transaction(visitor) as connection:
        return await what(connection, visitor, *arguments, **named)


async def post(
    database: Database,
    visitor: Visitor,
    ticket: UUID,
    text: str,
    *,
    key: str | None = None,
    files: Sequence[SentFile] = (),
    **words: Any,  # noqa: ANN401 - whatever else words have
) -> Message:
    """Write into a thread; without a key the text is one."""
    written = Words(text, **words)
    return await do(database, visitor, doing.post, ticket, written, key=key or text, files=files)


async def status_of(refused: Awaitable[object]) -> int:
    """The HTTP status that something is refused with; 0 if it is not."""
    try:
        await refused
    except Problem as problem:
        return problem.status
    return 0


async def thread_of(database: Database, ticket: UUID) -> Thread:
    """A thread that is there."""
    async with database.connection() as connection:
        thread = await store.read_thread(connection, ticket)
    assert thread is not None
    return thread


async def meet(database: Database, subject: str, *roles: Role, name: str | None = None) -> None:
    """Somebody has signed in before."""
    person = Person(
        subject=subject,
        name=name,
        address=f"{subject}@desk.example",
        address_verified=True,
        account=None,
        roles=tuple(role.value for role in roles),
    )
    async with database.transaction() as connection:
        await store.keep_person(connection, person, now=said.now())
