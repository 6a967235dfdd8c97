"""A history of all that sla knows to tell, and what its database and the stream have of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from shared.deadlines import DeadlineBreached
from shared.envelope import Topic
from shared.events import Event, TicketCreated, TicketSlotted, TicketStatus
from shared.handling import PlanChangeDeclined
from shared.identity import Caller, Role
from shared.messages import AuthorKind
from shared.plans import Priority
from tests.support import said
from tests.support.desk import Desk
from tests.support.promises import TEXT, TWO_TEXT
from tests.support.said_handling import plan_change_requested
from tests.support.sla_desk import put_plan, said_of, tell
from tests.support.stream import read_events
from tests.support.waiting import until

TABLES: Mapping[str, str] = {
    "tickets": "*",
    "facts": "*",
    "deadlines": "*",
    "plan_changes": "*",
    "plan_requests": "request, ticket, account",
    "catalogues": "*",
    # How many tickets followed a change, and when, is what nobody says.
    "recounts": "id, account, due_at, asked_by, asked_at, done_at IS NULL AS is_to_come",
}
"""What is rebuilt, by table; of recounts those of plan changes."""

SAID_ON = (Topic.SLA, Topic.ACCOUNTS)
"""The topics that sla writes to."""

Dump = dict[str, list[dict[str, Any]]]
"""Rows by table."""
CUSTOMER = Caller("a-customer", "basic", "A Customer", frozenset({Role.CUSTOMER}))


class History:
    """Tells a desk of tickets of every kind; each as long ago as its clocks need.

    Args:
        desk: Of which sla does not run yet.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._began = said.now()
        self.catalogue = desk.folder / "plans.toml"
        self.catalogue.write_text(TEXT)
        desk.settings["CARELINE_CATALOGUE"] = str(self.catalogue)

    async def tell(self) -> None:
        """Everything, until sla has said all that there is to say of it."""
        for account in ("basic", "starter", "professional"):
            await put_plan(self._desk, account, account, since="2026-01-01T00:00:00Z")
        await self._of_clocks()
        await self._of_plans()
        await self._of_catalogues()
        await self._quiet()

    def opened(self, name: str, hours: float, account: str = "basic", **how: Any) -> TicketCreated:  # noqa: ANN401 - as `ticket_created` takes them
        """A ticket that was opened so many hours ago."""
        return said.ticket_created(name, account=account, at=self.ago(hours), **how)

    def answer(self, created: TicketCreated, hours: float, by: Caller = said.AGENT) -> Event:
        """Somebody wrote so many hours ago."""
        return said.message_posted(created, caller=by, at=self.ago(hours), key=f"{hours} h ago")

    def ago(self, hours: float) -> datetime:
        """So many hours before it began."""
        return self._began - timedelta(hours=hours)

    async def _of_clocks(self) -> None:
        waiting = self.opened("at risk", 5)
        breached, late = self.opened("breached", 9), self.opened("breached in error", 10)
        paused, again = self.opened("paused", 3), self.opened("reopened", 3)
        urgent, resolved = self.opened("urgent", 3), self.opened("resolved", 3)
        agents = self.opened("by an agent", 2, opened_by=AuthorKind.AGENT)
        nobodys, round_clock = (
            self.opened("nobody's", 1, "unknown"),
            self.opened("professional", 0.5, "professional"),
        )
        every = [waiting, breached, late, paused, again, urgent, resolved, agents]
        await self._tell(
            *every,
            nobodys,
            round_clock,
            self._set(paused, 2, TicketStatus.PENDING),
            self._set(again, 2, TicketStatus.RESOLVED),
            self.answer(again, 2.5),
            self._set(again, 1, TicketStatus.OPEN, TicketStatus.RESOLVED),
            self.answer(again, 0.9, CUSTOMER),
            said.priority_changed(urgent, Priority.URGENT, at=self.ago(2.5)),
            self._set(resolved, 1, TicketStatus.RESOLVED),
            self.answer(agents, 1, CUSTOMER),
        )
        await said_of(self._desk, [breached, late], until_each=DeadlineBreached)
        await self._tell(
            self.answer(late, 7),
            self._set(paused, 0.5, TicketStatus.OPEN, TicketStatus.PENDING),
            self._set(resolved, 0.5, TicketStatus.CLOSED, TicketStatus.RESOLVED),
        )

    async def _of_plans(self) -> None:
        """Up, down, from another day on, and as agents ask for it."""
        climbs = self.opened("upgraded", 1, "starter")
        asks = self.opened("asks", 1, "asking")
        await self._tell(climbs, asks)
        await said_of(self._desk, [climbs, asks], until_each=TicketSlotted)
        await put_plan(self._desk, "starter", "professional")
        await put_plan(self._desk, "starter", "basic", since="2999-01-01T00:00:00Z")
        await put_plan(self._desk, "professional", "basic")
        asked = [
            plan_change_requested(asks, "basic", key="one"),
            plan_change_requested(asks, "basic", key="the same"),
            plan_change_requested(asks, "nowhere", key="declined"),
        ]
        await self._tell(*asked, self.opened("after a downgrade", 0, "professional"))
        await said_of(self._desk, [asks], until_each=PlanChangeDeclined)
        # Whoever asked for what was in force then must not have it again.
        await put_plan(self._desk, "asking", "professional")

    async def _of_catalogues(self) -> None:
        """Open tickets move to another version, and new ones are slotted by it."""
        self.catalogue.write_text(TWO_TEXT)
        headers = self._desk.bearer("admin")
        url = self._desk.url("sla")
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:

            async def moved() -> bool:
                answer = await client.get("/v1/catalogue")
                return bool(answer.json()["version"] == "two")

            await until(moved, within=30, what="the second catalogue is in force")
            answer = await client.post("/v1/catalogue/moves", json={"to": "two", "from": "one"})
            assert answer.status_code == 202
            move = answer.headers["Location"]

            async def done() -> bool:
                return bool((await client.get(move)).json()["done_at"])

            await until(done, within=30, what="open tickets are moved")
        await self._tell(self.opened("by the second catalogue", 0.1))

    async def _tell(self, *events: Event) -> None:
        await tell(self._desk, *events)

    def _set(
        self,
        created: TicketCreated,
        hours: float,
        status: TicketStatus,
        previous: TicketStatus = TicketStatus.OPEN,
    ) -> Event:
        return said.status_changed(created, status, previous=previous, at=self.ago(hours))

    async def _quiet(self) -> None:
        await quiet(self._desk)


async def quiet(desk: Desk, *markers: Event) -> None:
    """Wait until sla has heard everything and has nothing left to say."""
    marker = said.ticket_created(f"marker {said.now()}", account="unknown")
    await tell(desk, *markers, marker)
    await said_of(desk, [marker], until_each=TicketSlotted)

    async def nothing_left() -> bool:
        (row,) = await desk.query(
            "sla",
            """
            SELECT (SELECT count(*) FROM outbox)
                + (SELECT count(*) FROM recounts WHERE done_at IS NULL AND due_at <= now())
                + (SELECT count(*) FROM deadlines WHERE fires_at <= now()) AS left
            """,
        )
        return bool(row["left"] == 0)

    await until(nothing_left, within=30, what="sla has said everything")


async def dump(desk: Desk) -> Dump:
    """What sla keeps of tickets, clocks and accounts."""
    kept: Dump = {}
    for table, columns in TABLES.items():
        which = "WHERE account IS NOT NULL" if table == "recounts" else ""
        sql = f"SELECT {columns} FROM {table} AS t {which} ORDER BY t::text"  # noqa: S608 - names of ours
        kept[table] = [dict(row) for row in await desk.query("sla", sql)]
    kept["recounts"].sort(key=lambda row: str(row["id"]))
    return kept


async def events_of_sla(desk: Desk) -> list[Event]:
    """What it says in its own topic."""
    return await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.SLA)
