"""What messaging keeps of a history, and of that what the stream brings back."""

from collections.abc import Mapping
from typing import Any

from shared.envelope import Topic
from tests.support.desk import Desk

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
    "stream_positions": "this database's own",
    "restored_outbox": "empty once it is rebuilt",
    "schema_migrations": "this database's own",
}
"""All other tables, and why they don't."""

SAID_ON = (Topic.TICKETS, Topic.MESSAGES, Topic.ATTACHMENTS, Topic.PRIVACY, Topic.KEYS)
"""The topics that messaging writes to."""
HEARD = tuple(topic for topic in Topic if topic is not Topic.KEYS)
"""Those that its group reads."""

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
