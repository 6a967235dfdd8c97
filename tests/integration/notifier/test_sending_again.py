"""Sending again over the API: what may be, what may not, and what is kept of it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from services.notifier import domain, store
from services.notifier.deliveries import Accepted, Delivery, DeliveryKind, DeliveryState
from shared.database import Database
from shared.notifications import NotificationChannel
from shared.plans import Clock
from tests.support import register
from tests.support import register_rows as rows
from tests.support.notifier_rows import query
from tests.support.register import NOW, Operated, delivery


@pytest.fixture
def operated(database: Database) -> Operated:
    """The API over an empty register."""
    return Operated(database)


@pytest.fixture
async def lead(operated: Operated) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may send again."""
    async with operated.client("lead") as client:
        yield client


async def again(client: httpx.AsyncClient, id_: UUID, **wish: object) -> httpx.Response:
    """Have one sent again."""
    path = f"/v1/deliveries/{id_}/again"
    return await (client.post(path, json=wish) if wish else client.post(path))


async def row(database: Database, id_: UUID) -> asyncpg.Record:
    """A delivery as it stands."""
    (found,) = await query(database, "SELECT * FROM deliveries WHERE id = $1", id_)
    return found


async def retract(database: Database, alert: Delivery) -> None:
    """The breach that an alert tells of does not hold."""
    sql = "INSERT INTO slips (event, ticket, retracted_by) VALUES ($1, $2, $3)"
    await query(database, sql, alert.caused_by, alert.ticket, UUID(int=1))


async def test_what_failed_is_planned_anew(database: Database, lead: httpx.AsyncClient) -> None:
    """From now on, its tries counted on; who had it done is kept, and in the log without names."""
    await rows.fill(database)
    with capture_logs() as logs:
        answer = await again(lead, rows.HOSTILE.id)
    assert answer.status_code == 202
    assert answer.json()["state"] == "planned"
    found = await row(database, rows.HOSTILE.id)
    assert (found["not_before"], found["again_at"], found["again_by"]) == (NOW, NOW, "a-lead")
    assert (found["attempts"], found["tried_before"], found["round"]) == (2, 2, 1)
    assert (found["ended_at"], found["reason"], found["withdrawn_by"]) == (None, None, None)
    assert [each["event"] for each in logs] == ["sent_again"]
    assert "customer.example" not in json.dumps(logs)
    twice = await again(lead, rows.HOSTILE.id)
    assert (twice.status_code, twice.json()["reason"]) == (409, "on_its_way")


async def test_a_sender_takes_it_and_says_so_once_more(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """The second end of a delivery is an event of its own, and counts from the new beginning."""
    sent = delivery(at=NOW - timedelta(days=9))
    await register.keep(database, sent)
    await again(lead, sent.id, even_if_sent=True)
    async with database.transaction() as connection:
        (claimed,) = await store.claim(
            connection, now=NOW, held_until=NOW + timedelta(seconds=60), free={"email": 8}
        )
    assert claimed.attempts == 2
    ends = [
        domain.conclude(each, Accepted(), now=NOW, give_up_after=timedelta(days=2)).event
        for each in (sent, claimed)
    ]
    assert len({event.id for event in ends if event}) == 2
    assert ends[1] is not None
    assert ends[1].data.model_dump()["latency_seconds"] == 0


async def test_a_second_copy_is_sent_only_on_purpose(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """And only to who saw how it stands; a mail that came back needs no such word."""
    await rows.fill(database)
    refused = await again(lead, rows.SENT.id)
    assert (refused.status_code, refused.json()["reason"]) == (409, "sent")
    refused = await again(lead, rows.SENT.id, even_if_sent=True, round=0)
    assert (refused.status_code, refused.json()["reason"]) == (409, "again_already")
    assert (await again(lead, rows.SENT.id, even_if_sent=True, round=1)).status_code == 202
    assert (await again(lead, rows.BOUNCED.id)).status_code == 202
    assert (await row(database, rows.BOUNCED.id))["bounced_at"] is None


async def test_a_digest_takes_along_what_it_carried(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """But for what was taken back since; by itself none of it is sent."""
    await rows.fill(database)
    await retract(database, rows.CARRIED[0])
    refused = await again(lead, rows.CARRIED[1].id)
    assert (refused.status_code, refused.json()["reason"]) == (409, "in_digest")
    assert (await again(lead, rows.DIGEST.id)).status_code == 202
    states = [(await row(database, each.id))["state"] for each in rows.CARRIED]
    assert states == ["failed", "planned", "planned"]
    assert (await row(database, rows.CARRIED[1].id))["round"] == 1


async def test_an_alert_that_was_taken_back_is_not_sent(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Whether anybody was told so or not; a later breach is another matter."""
    about: dict[str, Any] = {"ticket": UUID(int=7)}
    failed: dict[str, Any] = {"state": DeliveryState.FAILED, "reason": "refused"} | about
    first, second = (
        delivery(name, kind=DeliveryKind.BREACH_ALERT, at=NOW - timedelta(hours=ago), **failed)
        for name, ago in (("first", 3), ("second", 1))
    )
    await register.keep(database, first, second)
    await retract(database, first)
    refused = await again(lead, first.id)
    assert (refused.status_code, refused.json()["reason"]) == (409, "breach_retracted")
    answer = await lead.post("/v1/deliveries/again", json={})
    assert answer.json() == {"begun": 1, "carried": 0, "more": False}
    assert (await row(database, second.id))["state"] == "planned"


async def test_a_warning_that_was_overtaken_is_not_sent(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Its clock has gone on since: it was met, stands still or is breached."""
    failed: dict[str, Any] = {"state": DeliveryState.FAILED, "reason": "refused"}
    clock: dict[str, Any] = {"clock": Clock.UPDATE, "cycle": 3, "ticket": UUID(int=7)}
    late, current = (
        delivery(
            name, kind=DeliveryKind.AT_RISK_ALERT, facts={"revision": revision}, **failed, **clock
        )
        for name, revision in (("late", 2), ("current", 4))
    )
    await register.keep(database, late, current)
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO overtaken VALUES ($1, 'update', 3, 3, $1)", late.ticket
        )
    refused = await again(lead, late.id)
    assert (refused.status_code, refused.json()["reason"]) == (409, "overtaken")
    assert (await lead.post("/v1/deliveries/again", json={})).json()["begun"] == 1
    assert (await row(database, current.id))["state"] == "planned"


async def test_a_reply_whose_words_are_gone_is_not_sent(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """An empty mail helps nobody."""
    reply = delivery(kind=DeliveryKind.REPLY, state=DeliveryState.FAILED, reason="refused")
    await register.keep(database, reply)
    refused = await again(lead, reply.id)
    assert (refused.status_code, refused.json()["reason"]) == (409, "forgotten")
    assert (await lead.post("/v1/deliveries/again", json={})).json()["begun"] == 0


async def test_many_are_sent_again_in_turns(database: Database, lead: httpx.AsyncClient) -> None:
    """All that failed on a lane since a time, up to a limit, the same request for the rest."""
    slack = NotificationChannel.SLACK
    on_slack: dict[str, Any] = {"channel": slack, "lane": "slack"}
    failed: dict[str, Any] = {"state": DeliveryState.FAILED, "reason": "refused"} | on_slack
    made = [
        delivery(str(n), kind=DeliveryKind.BREACH_ALERT, at=NOW - timedelta(minutes=n), **failed)
        for n in range(5)
    ]
    other = delivery("mail", state=DeliveryState.FAILED, reason="refused")
    await register.keep(database, *made, other)
    since = (NOW - timedelta(minutes=3, seconds=30)).isoformat()
    wish = {"lane": ["slack"], "since": since, "limit": 3}
    first = await lead.post("/v1/deliveries/again", json=wish)
    assert (first.status_code, first.json()) == (202, {"begun": 3, "carried": 0, "more": True})
    assert (await lead.post("/v1/deliveries/again", json=wish)).json()["begun"] == 1
    assert (await lead.post("/v1/deliveries/again", json=wish)).json()["begun"] == 0
    found = [await row(database, each.id) for each in (*made, other)]
    assert [each["state"] for each in found] == ["planned"] * 4 + ["failed"] * 2
    # Alerts pass storm control as new ones do: a thousand are not a thousand mails to one person.
    assert [each["held"] for each in found] == [True] * 4 + [False] * 2


async def test_a_pager_gets_each_of_many(database: Database, lead: httpx.AsyncClient) -> None:
    """Storm control is for people; machines are told all of it."""
    paged = delivery(
        kind=DeliveryKind.BREACH_ALERT,
        state=DeliveryState.FAILED,
        reason="refused",
        channel=NotificationChannel.PAGERDUTY,
        lane="pager",
    )
    await register.keep(database, paged)
    assert (await lead.post("/v1/deliveries/again", json={})).json()["begun"] == 1
    assert (await row(database, paged.id))["held"] is False


async def test_many_that_were_held_back_go_but_for_what_no_longer_holds(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Those that were suppressed are asked for by name, and never those that were sent."""
    held: dict[str, Any] = {"state": DeliveryState.SUPPRESSED}
    caution = delivery("caution", reason="too_many", **held)
    late = delivery("late", reason="dealt_with", **held)
    await register.keep(database, caution, late)
    answer = await lead.post("/v1/deliveries/again", json={"state": ["suppressed"]})
    assert answer.json()["begun"] == 1
    assert (await row(database, late.id))["state"] == "suppressed"
    refused = await lead.post("/v1/deliveries/again", json={"state": ["sent"]})
    assert refused.status_code == 422
