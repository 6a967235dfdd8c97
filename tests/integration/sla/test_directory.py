"""The account directory of a running sla over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.events import PlanChanged
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which sla runs, for all tests of this module; each uses accounts of its own."""
    with running_desk(stack, tmp_path_factory.mktemp("directory")) as made:
        made.start("sla")
        yield made


@pytest.fixture
async def admin(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an admin's token."""
    await desk.ready("sla")
    async with httpx.AsyncClient(base_url=desk.url("sla"), headers=desk.bearer("admin")) as client:
        yield client


async def test_a_plan_put_twice_is_one_change(desk: Desk, admin: httpx.AsyncClient) -> None:
    """PUT is idempotent: one row of history, one event."""
    for _ in range(2):
        answer = await admin.put("/v1/accounts/put-twice/plan", json={"plan": "basic"})
        assert (answer.status_code, answer.json()["plan"]) == (200, "basic")
    account = (await admin.get("/v1/accounts/put-twice")).json()
    assert [change["changed_by"] for change in account["history"]] == ["a-admin"]
    assert len(await _changes(desk, "put-twice")) == 1


async def test_history_says_who_changed_what_and_when(admin: httpx.AsyncClient) -> None:
    """The latest change first, each with the plan before it."""
    for plan in ("starter", "centurion"):
        await admin.put("/v1/accounts/history/plan", json={"plan": plan})
    history = (await admin.get("/v1/accounts/history")).json()["history"]
    assert [(change["plan"], change["previous"]) for change in history] == [
        ("centurion", "starter"),
        ("starter", None),
    ]


async def test_a_plan_of_the_future_does_not_hide_the_present_one(
    desk: Desk, admin: httpx.AsyncClient
) -> None:
    """What begins later is kept and said, but counts from then on; asking again adds nothing."""
    later = {"plan": "basic", "since": "2100-01-01T00:00:00Z"}
    await admin.put("/v1/accounts/dated/plan", json={"plan": "starter"})
    for _ in range(2):
        answer = (await admin.put("/v1/accounts/dated/plan", json=later)).json()
        assert (answer["plan"], len(answer["history"])) == ("starter", 2)
    now = (await admin.put("/v1/accounts/dated/plan", json={"plan": "basic"})).json()
    assert (now["plan"], len(now["history"])) == ("basic", 3)
    query = {"after": "date", "limit": "1"}
    listed = (await admin.get("/v1/accounts", params=query)).json()["accounts"]
    assert [(account["account"], account["plan"]) for account in listed] == [("dated", "basic")]

    async def all_said() -> bool:
        return len(await _changes(desk, "dated")) == 3

    await until(all_said, what="three changes are on the stream")


async def test_an_import_is_done_whole_or_not_at_all(admin: httpx.AsyncClient) -> None:
    """One wrong row: nothing is imported, and the row is named."""
    refused = await admin.post(
        "/v1/accounts/import", content="account,plan\nwhole-a,basic\nwhole-b,gold\n", headers=CSV
    )
    assert refused.status_code == 422
    assert [error["row"] for error in refused.json()["errors"]] == ["2"]
    assert (await admin.get("/v1/accounts/whole-a")).status_code == 404
    done = await admin.post(
        "/v1/accounts/import", content="account,plan\nwhole-a,basic\nwhole-b,starter\n", headers=CSV
    )
    assert done.json() == {"changed": 2, "unchanged": 0}
    again = await admin.post(
        "/v1/accounts/import",
        json=[{"account": "whole-a", "plan": "basic"}, {"account": "whole-b", "plan": "basic"}],
    )
    assert again.json() == {"changed": 1, "unchanged": 1}


async def test_the_list_leads_through_all_accounts_in_pages(admin: httpx.AsyncClient) -> None:
    """`next` goes into `after`; `plan` narrows it down."""
    rows = [{"account": f"page-{n:02}", "plan": "advanced"} for n in range(7)]
    assert (await admin.post("/v1/accounts/import", json=rows)).status_code == 200
    seen: list[str] = []
    after = ""
    while True:
        query = {"after": after, "limit": "3", "plan": "advanced"}
        page = (await admin.get("/v1/accounts", params=query)).json()
        seen += [account["account"] for account in page["accounts"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [row["account"] for row in rows]


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        (None, "GET", "/v1/accounts", 401),
        ("customer", "GET", "/v1/accounts", 403),
        ("customer", "GET", "/v1/accounts/put-twice", 403),
        ("agent", "GET", "/v1/accounts", 200),
        ("agent", "PUT", "/v1/accounts/x/plan", 403),
        ("lead", "PUT", "/v1/accounts/x/plan", 403),
        ("agent", "POST", "/v1/accounts/import", 403),
        (None, "PUT", "/v1/accounts/x/plan", 401),
        ("admin", "DELETE", "/v1/accounts/x", 405),
        ("admin", "GET", "/v1/nothing", 404),
        ("admin", "GET", "/v1/accounts?after=%00", 422),
        ("admin", "GET", "/v1/accounts?limit=0", 422),
    ],
)
async def test_roles_decide_who_reads_and_who_changes(
    desk: Desk, admin: httpx.AsyncClient, role: str | None, method: str, path: str, status: int
) -> None:
    """Agents read, admins change; every refusal is a problem document."""
    headers = desk.bearer(role) if role else {"Authorization": ""}
    if role is None:
        del admin.headers["Authorization"]
        headers = {}
    answer = await admin.request(method, path, headers=headers, json={"plan": "basic"})
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_plan_that_the_catalogue_does_not_have_is_refused(
    admin: httpx.AsyncClient,
) -> None:
    """The refusal lists the plans that there are."""
    answer = await admin.put("/v1/accounts/gold/plan", json={"plan": "gold"})
    assert answer.status_code == 422
    assert "centurion" in answer.json()["detail"]


async def test_a_wrong_catalogue_stops_the_service_with_its_lines(
    desk: Desk, tmp_path: Path
) -> None:
    """No service starts on half a catalogue: exit 2, and what is wrong where."""
    wrong = tmp_path / "plans.toml"
    wrong.write_text('version = "1"\ndefault_plan = "gold"\n[calendars]\n[plans]\n')
    port = str(desk.ports.mail_web)
    running = desk.processes.pop("sla")
    desk.start("sla", CARELINE_CATALOGUE=str(wrong), CARELINE_HTTP_PORT=port)
    assert await desk.died("sla") == 2
    desk.processes["sla"] = running
    log = (desk.folder / "sla.log").read_text()
    assert "plans.toml:2: default_plan" in log


async def _changes(desk: Desk, account: str) -> list[PlanChanged]:
    async def found() -> list[PlanChanged]:
        events = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.ACCOUNTS)
        return [e for e in events if isinstance(e, PlanChanged) and e.subject == account]

    return await until(found, what="the change is on the stream")
