"""What is in no thread can be seen, and parts of no file go after a month."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from services.messaging import upkeep
from services.messaging.upkeep import Upkeep
from shared.database import Database
from tests.support import said, said_mails
from tests.support.inbox import count, hear

CREATED = said.ticket_created(account="an-account")
CONTENT = b"abcdef"
FILE = said_mails.attachment(CREATED, CONTENT)
PARTS = said_mails.attachment_parts(CREATED, FILE, CONTENT, size=1)


async def test_mails_without_a_thread_are_counted_with_the_age_of_the_oldest(
    database: Database,
) -> None:
    """Those that wait, and those that were refused when their thread came, each by themselves."""
    now = CREATED.time + timedelta(hours=2)
    other = said.ticket_created("another", account="an-account")
    strange = said_mails.by_somebody_else(
        said_mails.message_received(CREATED, at=now - timedelta(minutes=30))
    )
    waiting = [
        said_mails.message_received(other, key, at=now - timedelta(minutes=minutes))
        for key, minutes in (("one", 10), ("two", 20))
    ]
    await hear(database, strange, *waiting)
    await hear(database, CREATED)
    await Upkeep(database, lambda: now).step()
    assert (_shown("", "waiting"), _shown("_oldest_seconds", "waiting")) == (2, 20 * 60)
    assert (_shown("", "refused"), _shown("_oldest_seconds", "refused")) == (1, 30 * 60)
    await hear(database, other)
    await Upkeep(database, lambda: now).step()
    assert (_shown("", "waiting"), _shown("_oldest_seconds", "waiting")) == (0, 0)


async def test_parts_that_no_message_names_are_deleted_after_a_month(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before that, and a few at a time."""
    monkeypatch.setattr(upkeep, "MOST_PARTS", 4)
    await hear(database, *PARTS)
    at = PARTS[0].time
    assert not await Upkeep(database, lambda: at + timedelta(days=29)).step()
    assert await count(database, "attachment_parts") == len(PARTS) == 6
    after = Upkeep(database, lambda: at + timedelta(days=31))
    assert await after.step()
    assert await count(database, "attachment_parts") == 2
    assert not await after.step()
    assert await count(database, "attachment_parts") == 0


async def test_parts_of_a_file_stay(database: Database) -> None:
    """However old they are, and whether all of them are here or not."""
    mail = said_mails.message_received(CREATED, attachments=(FILE,))
    await hear(database, CREATED, mail, *PARTS[1:])
    await Upkeep(database, lambda: PARTS[0].time + timedelta(days=400)).step()
    assert await count(database, "attachment_parts") == len(PARTS) - 1


def _shown(number: str, state: str) -> float | None:
    return REGISTRY.get_sample_value(f"thread_waiting_mails{number}", {"state": state})
