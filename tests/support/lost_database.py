"""A service's database is lost; what the stream had by then, and has since."""

from collections import Counter
from collections.abc import Iterable, Sequence

import asyncpg

from deploy.local import postgres
from deploy.local.desk import ROLES
from shared.envelope import Topic
from shared.topics import dead_letter_name, topic_name
from tests.support import groups
from tests.support.desk import SECRET, Desk
from tests.support.stream import read_all

Record = tuple[str, bytes | None, bytes | None]
"""A record's topic, key and value."""


async def lose_database(desk: Desk, service: str) -> None:
    """Nothing is left of it; the service doesn't run."""
    name, admin_dsn = f"{desk.namespace}_{service}", desk.stack.postgres_admin_dsn
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()
    await postgres.ensure_database(admin_dsn, name, SECRET, ROLES.get(service, ()))


async def has_heard_all(desk: Desk, service: str, topics: Iterable[Topic]) -> bool:
    """Whether a service has handled whatever is on these topics now."""
    names = [topic_name(desk.namespace, topic) for topic in topics]
    return await groups.has_heard_all(
        desk.stack.bootstrap_servers, f"{desk.namespace}.{service}", names
    )


async def records_on(desk: Desk, *topics: Topic, dead_of: str | None = None) -> list[Record]:
    """Every record on these topics, repeats included; and a service's dead letters."""
    names = [topic_name(desk.namespace, topic) for topic in topics]
    if dead_of is not None:
        names.append(dead_letter_name(desk.namespace, dead_of))
    read = await read_all(desk.stack.bootstrap_servers, *names)
    return [(record.topic, record.key, record.value) for record in read]


def new_since(before: Sequence[Record], after: Sequence[Record]) -> list[Record]:
    """The records that came to be there."""
    return list((Counter(after) - Counter(before)).elements())
