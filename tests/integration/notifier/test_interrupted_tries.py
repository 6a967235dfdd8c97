"""Tries that something comes between: a database that is away, a sender that stood still."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from deploy.local.ports import free_ports
from services.notifier import sender
from services.notifier.deliveries import MAIL_LANE, About, Content, Delivery
from shared.database import Database
from shared.notifications import NotificationSent
from tests.support import alerts, sending
from tests.support.mailbox import running_mailbox
from tests.support.sending import Sending
from tests.support.stack import Stack
from tests.support.waiting import until

READER = "reader@careline.example"


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Sending]:
    """Mail alone; one mail waits."""
    with running_mailbox(free_ports().smtp) as mailbox:
        desk = Sending(database, mailbox)
        await desk.plan(
            alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL, address=READER),
        )
        yield desk


async def test_a_database_that_is_away_after_the_server_s_yes_costs_no_second_copy(
    desk: Sending, stack: Stack, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer in hand is kept once the database is back, and the mail comes once."""
    monkeypatch.setattr(sender, "KEEP_AGAIN_AFTER_LONGEST", 0.2)
    desk.mailbox.kept_waiting.add(READER)
    with capture_logs() as logged:
        async with desk.running():
            await desk.ended(MAIL_LANE, 1, "sending")
            async with _away(stack.postgres_admin_dsn, urlsplit(dsn).path[1:]):
                desk.mailbox.kept_waiting.clear()
                await until(
                    lambda: [line for line in logged if line["event"] == "outcome_kept_later"],
                    what="the answer is in hand, and the database away",
                )
            await desk.ended(MAIL_LANE, 1)
    assert len(desk.mailbox.to(READER)) == 1
    (event,) = await desk.said()
    assert isinstance(event, NotificationSent)
    assert (event.data.attempt, event.data.second_copy_possible) == (1, False)


async def test_a_sender_that_stood_still_sends_nothing_that_another_may_have_by_now(
    desk: Sending,
) -> None:
    """It claimed, was stopped for more than half of its hold, and leaves the mail to a new try."""
    desk.hold, desk.within = timedelta(seconds=1), timedelta(seconds=0.5)
    composed = []

    def stopped_at_first(delivery: Delivery, about: About) -> Content:
        composed.append(delivery.attempts)
        if len(composed) == 1:
            time.sleep(1.2)  # nothing else in this process moves meanwhile, as under SIGSTOP
        return sending.compose(delivery, about)

    desk.compose = stopped_at_first
    async with desk.running():
        await desk.ended(MAIL_LANE, 1)
    first, *_, last = await desk.query("SELECT outcome, detail FROM tries ORDER BY attempt")
    assert tuple(first) == ("lost", "not sent: too little was left of its time")
    assert last["outcome"] == "accepted"
    assert len(desk.mailbox.to(READER)) == 1


@asynccontextmanager
async def _away(admin_dsn: str, name: str) -> AsyncIterator[None]:
    """Have a database end its connections, and take none until the end of the block."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        yield
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()
