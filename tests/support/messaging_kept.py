"""What messaging keeps of a history, and what the stream has of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local import postgres
from deploy.local.desk import ROLES
from shared.envelope import Topic
from shared.topics import dead_letter_name, topic_name
from tests.support.desk import SECRET, Desk
from tests.support.stream import read_all

REBUILT: Mapping[str, str] = {
    # How often a thread was looked at anew, and when words were taken away, is of each database.
    "threads": "*, NULL AS revision, erased_at IS NULL AS erased_at",
    "messages": "*, erased_at IS NULL AS erased_at",
    "attachments": "*",
    "attachment_parts": "*",
    "slots": "*",
    "clocks": "*",
    "account_plans": "*",
    "plan_requests": "*",
    "acknowledgements": "*",
    "links": "*",
    "waiting_mails": "*, NULL AS arrival",
    # What was taken away is counted by each database that does it.
    "erasures": "id, persons, asked_by, asked_at, state, keys",
    "erasure_reports": "*",
}
"""What comes back, by table, and of it what is the same."""

NOT_REBUILT: Mapping[str, str] = {
    "people": "who has signed in does so again",
    "sessions": "the same",
    "sign_ins": "the same",
    "presences": "who is here says so every few seconds",
    "reads": "how far somebody has read is said to nobody",
    "saved_views": "agents' own",
    "default_views": "agents' own",
    "canned_answers": "leads' own",
    "article_votes": "readers' own",
    "articles": "from their folder",
    "article_words": "from their folder",
    "remembered": "empty once it is rebuilt",
    "outbox": "empty once all was said",
    "stream_keys": "from the topic of keys, less those that were thrown away",
    "stream_key_positions": "how far that was read",
    "rebuild": "this database's own",
    "rebuild_horizon": "this database's own",
    "schema_migrations": "this database's own",
}
"""All other tables, and why they don't."""

SAID_ON = (Topic.TICKETS, Topic.MESSAGES, Topic.ATTACHMENTS, Topic.PRIVACY, Topic.KEYS)

Dump = dict[str, list[dict[str, Any]]]
"""Rows by table."""


async def tables(desk: Desk) -> set[str]:
    """All tables that messaging has."""
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return {row["tablename"] for row in await desk.query("messaging", sql)}


async def dump(desk: Desk) -> Dump:
    """What messaging keeps that comes back."""
    kept: Dump = {}
    for table, columns in REBUILT.items():
        sql = f"SELECT {columns} FROM {table} AS t ORDER BY t::text"  # noqa: S608 - names of ours
        rows = [dict(row) for row in await desk.query("messaging", sql)]
        kept[table] = sorted(rows, key=str)
    return kept


async def records(desk: Desk) -> Counter[tuple[str, bytes | None, bytes | None]]:
    """Every record on the topics that messaging writes to, repeats included."""
    names = [topic_name(desk.namespace, topic) for topic in SAID_ON]
    names.append(dead_letter_name(desk.namespace, "messaging"))
    read = await read_all(desk.stack.bootstrap_servers, *names)
    return Counter((record.topic, record.key, record.value) for record in read)


async def has_heard_all(desk: Desk) -> bool:
    """Whether messaging has handled whatever is on its topics now."""
    heard = [topic for topic in Topic if topic is not Topic.KEYS]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=desk.stack.bootstrap_servers,
        group_id=f"{desk.namespace}.messaging",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        names = [topic_name(desk.namespace, topic) for topic in heard]
        await consumer._client.force_metadata_update()  # noqa: SLF001 - else it knows no topic yet
        parts = [TopicPartition(n, p) for n in names for p in consumer.partitions_for_topic(n)]
        ends = await consumer.end_offsets(parts)
        return all([(await consumer.committed(part) or 0) >= ends[part] for part in parts])
    finally:
        await consumer.stop()


async def lose_database(desk: Desk) -> None:
    """Nothing is left of it; messaging doesn't run."""
    name, admin_dsn = f"{desk.namespace}_messaging", desk.stack.postgres_admin_dsn
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()
    await postgres.ensure_database(admin_dsn, name, SECRET, ROLES.get("messaging", ()))
