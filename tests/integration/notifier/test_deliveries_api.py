"""The operators' API: which deliveries there are, what was sent, lanes and bounces."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from starlette.datastructures import QueryParams
from structlog.testing import capture_logs

from services.notifier import store
from services.notifier.deliveries import DeliveryKind, DeliveryState
from services.notifier.register.listing import Listing, read
from services.notifier.store import shown
from shared.database import Database
from shared.notifications import NotificationChannel
from shared.tickets import ticket_number
from tests.support import register
from tests.support import register_rows as rows
from tests.support.notifier_rows import query
from tests.support.register import NOW, Operated, delivery

MANY = """
INSERT INTO deliveries (
    id, ticket, kind, channel, lane, address, state, not_before, caused_at, ended_at, caused_by,
    correlation, person
)
SELECT gen_random_uuid(), gen_random_uuid(), 'acknowledgement', 'email', 'email',
    'customer' || number || '@customer.example', 'sent', at, at, at, gen_random_uuid(),
    gen_random_uuid(), 'r-' || number
FROM (
    SELECT number, $1::timestamptz - number * interval '1 second' AS at
    FROM generate_series(1, $2::integer) AS number
) AS numbers
"""
"""Many that were sent, a second apart."""


@pytest.fixture
def operated(database: Database) -> Operated:
    """The API over an empty register."""
    return Operated(database)


@pytest.fixture
async def lead(operated: Operated) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may send again."""
    async with operated.client("lead") as client:
        yield client


async def ids(client: httpx.AsyncClient, asked: str = "") -> list[str]:
    """Of the deliveries on the first page."""
    answer = await client.get(f"/v1/deliveries{asked}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["deliveries"]]


async def again(client: httpx.AsyncClient, id_: UUID, **wish: object) -> httpx.Response:
    """Have one sent again."""
    path = f"/v1/deliveries/{id_}/again"
    return await (client.post(path, json=wish) if wish else client.post(path))


async def row(database: Database, id_: UUID) -> asyncpg.Record:
    """A delivery as it stands."""
    (found,) = await query(database, "SELECT * FROM deliveries WHERE id = $1", id_)
    return found


async def test_the_newest_come_first_and_paging_misses_none(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Page by page, all of them once, also those of one instant."""
    made = [delivery(str(n), at=NOW - timedelta(seconds=n // 3)) for n in range(10)]
    await register.keep(database, *made)
    seen: list[str] = []
    before = ""
    while True:
        answer = await lead.get("/v1/deliveries", params={"limit": 3, **_given(before)})
        seen += [each["id"] for each in answer.json()["deliveries"]]
        before = answer.json()["next"]
        if before is None:
            break
    newest_first = sorted(made, key=lambda each: (each.caused_at, each.id), reverse=True)
    assert seen == [str(each.id) for each in newest_first]


def _given(before: str) -> dict[str, str]:
    return {"before": before} if before else {}


async def test_each_filter_finds_what_it_names(database: Database, lead: httpx.AsyncClient) -> None:
    """By state, kind, channel, lane, reason, recipient, digest, and ticket by id or number."""
    await rows.fill(database)
    breach, hostile = str(rows.BREACH.id), str(rows.HOSTILE.id)
    assert rows.BREACH.ticket is not None
    number = ticket_number(rows.BREACH.ticket).lower().replace("-", " ")
    assert await ids(lead, "?state=planned") == [breach]
    assert await ids(lead, "?channel=slack") == [breach]
    assert await ids(lead, "?lane=slack&lane=pagerduty") == [breach]
    assert await ids(lead, f"?ticket={rows.BREACH.ticket}") == [breach]
    assert await ids(lead, f"?ticket={number}") == [breach]
    assert await ids(lead, "?ticket=CL-0000-0000-0000") == []
    assert await ids(lead, "?kind=reply&kind=digest") == [str(rows.DIGEST.id), str(rows.BOUNCED.id)]
    assert await ids(lead, "?reason=refused&reason=automatic_mail") == [
        hostile,
        str(rows.SUPPRESSED.id),
    ]
    assert await ids(lead, "?address=GONE@customer.example") == [str(rows.BOUNCED.id)]
    assert await ids(lead, f"?digest={rows.DIGEST.id}") == [str(each.id) for each in rows.CARRIED]
    assert await ids(lead, "?state=failed&state=sending&kind=acknowledgement") == [hostile]


async def test_counts_are_by_state_whatever_state_is_asked_for(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """They follow the other filters, narrow and wide."""
    await rows.fill(database)
    all_ = {"planned": 1, "sending": 0, "sent": 2, "failed": 5, "suppressed": 1}
    carried = dict.fromkeys(all_, 0) | {"failed": 3}
    for asked, counts in (
        ("", all_),
        ("?state=failed", all_),
        ("?lane=slack", dict.fromkeys(all_, 0) | {"planned": 1}),
        (f"?digest={rows.DIGEST.id}&state=sent", carried),
        ("?address=nobody@customer.example", dict.fromkeys(all_, 0)),
    ):
        answer = (await lead.get(f"/v1/deliveries{asked}")).json()
        assert (answer["counts"], answer["counts_at_least"]) == (counts, [])


async def test_a_long_register_costs_no_more_than_a_short_one(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Counting ends at a limit and says so; a page that looks for rare things goes on behind it."""
    async with database.connection() as connection:
        await connection.execute(MANY, NOW, shown.LOOK_THROUGH + 5)
    rare = delivery("rare", kind=DeliveryKind.REPLY, at=NOW - timedelta(days=1))
    await register.keep(database, rare)
    answer = (await lead.get("/v1/deliveries?limit=1")).json()
    assert (answer["counts"]["sent"], answer["counts_at_least"]) == (shown.COUNT_TO + 1, ["sent"])
    answer = (await lead.get("/v1/deliveries?kind=reply")).json()
    assert answer["deliveries"] == []
    assert await ids(lead, f"?kind=reply&before={answer['next']}") == [str(rare.id)]


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ("", "deliveries_by_time"),
        ("state=suppressed", "deliveries_by_state"),
        ("address=customer7@customer.example", "deliveries_by_address"),
        (f"ticket={UUID(int=1)}", "deliveries_by_ticket"),
        (f"digest={UUID(int=1)}", "deliveries_by_digest"),
    ],
)
async def test_no_page_of_the_list_reads_the_whole_table(
    database: Database, asked: str, index: str
) -> None:
    """Each question has an index that leads to it, in the order in which it is shown."""
    async with database.connection() as connection:
        await connection.execute(MANY, NOW, 5000)
        await connection.execute("ANALYZE deliveries")
        statements: list[tuple[str, Any]] = []
        listing = read(QueryParams(asked), Listing)
        with connection.query_logger(lambda each: statements.append((each.query, each.args))):
            await shown.list_deliveries(connection, listing, before=None, limit=50)
            await asyncio.sleep(0)  # the logger is called a moment later
        ((statement, values),) = [each for each in statements if "AS looked" in each[0]]
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
    assert index in plan
    assert "Seq Scan" not in plan


async def test_a_delivery_is_told_with_all_its_tries(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """What each came to, why it stands as it does, and what stands against sending it again."""
    await rows.fill(database)
    told = (await lead.get(f"/v1/deliveries/{rows.HOSTILE.id}")).json()
    assert [(each["outcome"], each["code"]) for each in told["tries"]] == [
        ("lost", None),
        ("refused", 550),
    ]
    assert told["tries"][1]["detail"] == rows.HOSTILE.detail
    assert told["why"] == "The other side said no for good."
    assert (told["content"], told["not_again"]) == ("message/rfc822", None)
    told = (await lead.get(f"/v1/deliveries/{rows.CARRIED[0].id}")).json()
    assert told["digest"] == str(rows.DIGEST.id)
    assert told["not_again"]["reason"] == "in_digest"
    told = (await lead.get(f"/v1/deliveries/{rows.DIGEST.id}")).json()
    assert told["carries"]["counts"]["failed"] == 3
    told = (await lead.get(f"/v1/deliveries/{rows.BOUNCED.id}")).json()
    assert told["why"] == "It was taken, and came back later: it did not arrive."
    assert told["mail_comes_back"]["status"] == "5.1.1"


async def test_what_was_sent_is_shown_as_it_looked(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Taken apart, as a part of its own, and byte for byte."""
    await rows.fill(database)
    path = f"/v1/deliveries/{rows.SENT.id}/content"
    whole = (await lead.get(path)).json()
    assert ["To", "customer@customer.example"] in whole["headers"]
    assert whole["text"].startswith("Thank you.")
    assert rows.REMOTE in whole["html"]
    source = await lead.get(path, params={"part": "source"})
    assert source.content == rows.mail()
    assert source.headers["content-type"].startswith("message/rfc822")
    assert source.headers["content-disposition"].startswith("attachment")
    text = await lead.get(path, params={"part": "text"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_mail_can_do_nothing_where_it_is_shown(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """No script, no load from elsewhere, no form: the browser is told to keep it shut in."""
    await rows.fill(database)
    html = await lead.get(f"/v1/deliveries/{rows.SENT.id}/content", params={"part": "html"})
    policy = html.headers["content-security-policy"]
    directives = dict(each.strip().partition(" ")[::2] for each in policy.split(";"))
    assert directives == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "",
    }
    assert html.headers["x-content-type-options"] == "nosniff"


async def test_keys_of_ours_are_not_shown(database: Database, lead: httpx.AsyncClient) -> None:
    """Whoever reads what was posted can't post it elsewhere in our name."""
    await rows.fill(database)
    for asked in ("", "?part=source"):
        answer = await lead.get(f"/v1/deliveries/{rows.BREACH.id}/content{asked}")
        assert "R0UT1NG" not in answer.text
        assert "alert(1)" in answer.text
    answer = await lead.get(f"/v1/deliveries/{rows.BREACH.id}/content?part=html")
    assert answer.status_code == 404


async def test_lanes_say_how_far_behind_they_are(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Each with what is due and how old that is, what is for later, and what failed lately."""
    later = delivery(
        "later", state=DeliveryState.PLANNED, at=NOW, not_before=NOW + timedelta(hours=9)
    )
    slack: dict[str, Any] = {"channel": NotificationChannel.SLACK, "lane": "slack"}
    stuck = delivery("stuck", state=DeliveryState.SENDING, at=NOW - timedelta(minutes=9), **slack)
    old = delivery("old", state=DeliveryState.FAILED, reason="refused", at=NOW - timedelta(hours=2))
    odd = delivery("odd", state=DeliveryState.PLANNED, lane="pager")
    await rows.fill(database)
    await register.keep(database, later, stuck, old, odd)
    lanes = {each.pop("lane"): each for each in (await lead.get("/v1/lanes")).json()["lanes"]}
    assert lanes == {
        "email": _lane(waiting=1, failed_within_an_hour=1),
        "pager": _lane(due=1, oldest_seconds=300.0),
        "slack": _lane(due=1, sending=1, oldest_seconds=540.0),
    }


def _lane(**standing: object) -> dict[str, object]:
    return {
        "due": 0,
        "waiting": 0,
        "sending": 0,
        "at_least": False,
        "oldest_seconds": None,
        "failed_within_an_hour": 0,
    } | standing


async def test_a_bounced_address_gets_mail_again(
    database: Database, lead: httpx.AsyncClient
) -> None:
    """Once somebody clears its mark; a bounce that is heard late does not bring it back."""
    await rows.fill(database)
    listed = (await lead.get("/v1/bounces")).json()
    assert [each["address"] for each in listed["bounces"]] == ["gone@customer.example"]
    with capture_logs() as logs:
        cleared = await lead.delete("/v1/bounces/Gone@customer.example")
    assert cleared.status_code == 204
    assert "gone" not in json.dumps(logs).lower()
    async with database.transaction() as connection:
        await store.mark_bounced(connection, "gone@customer.example", NOW - timedelta(hours=1))
        bounced = await store.read_bounced(connection, ["gone@customer.example"], now=NOW)
    assert bounced == set()
    assert (await lead.get("/v1/bounces")).json()["bounces"] == []
    assert (await lead.delete("/v1/bounces/gone@customer.example")).status_code == 404
    assert (await lead.delete("/v1/bounces/%00")).status_code == 404


async def test_bounces_come_in_pages(database: Database, lead: httpx.AsyncClient) -> None:
    """The last first, each once."""
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO bounces VALUES ($1, $2)",
            [(f"{n}@customer.example", NOW - timedelta(hours=n // 2)) for n in range(5)],
        )
    first = (await lead.get("/v1/bounces?limit=3")).json()
    second = (await lead.get(f"/v1/bounces?limit=3&before={first['next']}")).json()
    found = [each["address"][0] for each in (*first["bounces"], *second["bounces"])]
    assert (found, second["next"]) == (["1", "0", "3", "2", "4"], None)


async def test_agents_look_and_do_not_touch(database: Database, operated: Operated) -> None:
    """Sending again is for leads and admins."""
    await rows.fill(database)
    async with operated.client("agent") as agent:
        for path in (
            "/v1/deliveries",
            f"/v1/deliveries/{rows.SENT.id}",
            "/v1/lanes",
            "/v1/bounces",
        ):
            assert (await agent.get(path)).status_code == 200
        assert (await again(agent, rows.HOSTILE.id)).status_code == 403
        assert (await agent.post("/v1/deliveries/again", json={})).status_code == 403
        assert (await agent.delete("/v1/bounces/gone@customer.example")).status_code == 403
    assert (await row(database, rows.HOSTILE.id))["state"] == "failed"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/deliveries?state=lost", None, 422),
        ("GET", "/v1/deliveries/one", None, 404),
        ("GET", f"/v1/deliveries/{UUID(int=1)}", None, 404),
        ("GET", f"/v1/deliveries/{UUID(int=1)}/content", None, 404),
        ("GET", f"/v1/deliveries/{UUID(int=1)}/content?part=all", None, 422),
        ("POST", f"/v1/deliveries/{UUID(int=1)}/again", None, 404),
        ("POST", f"/v1/deliveries/{UUID(int=1)}/again", b"{", 400),
        ("POST", f"/v1/deliveries/{UUID(int=1)}/again", b'{"round": -1}', 422),
        ("POST", "/v1/deliveries/again", b'{"limit": 1001}', 422),
        ("POST", "/v1/deliveries/again", b'{"digest": "%s"}' % str(UUID(int=1)).encode(), 422),
        ("POST", "/v1/deliveries/again", b" " * 600_000, 413),
        ("GET", "/v1/bounces?before=1", None, 422),
    ],
)
async def test_whatever_is_wrong_is_answered_with_what_to_mend(
    lead: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int
) -> None:
    """As a problem document."""
    headers = {"Content-Type": "application/json"} if body else {}
    answer = await lead.request(method, path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
