"""Whatever happens to a ticket: sla on a real database agrees with the slow clocks.

The machine of `tests/unit/sla/test_state_machine.py` works the service's own parts here: its
handler, its timer, its recounts and all of their SQL. What was said is read back from the outbox.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from services.sla import accounts, settling, store
from services.sla.catalogues import Adoption, Book
from services.sla.deadlines import Deadline
from services.sla.handlers import Rules, handle_with
from services.sla.plans_said import plan_changed
from services.sla.recounts import Recounts
from services.sla.timer import LOOK_BACK, Timer
from shared import events, outbox
from shared.catalogue_file import CatalogueFile
from shared.consumer import Heard
from shared.events import TicketStatus
from shared.plans import Catalogue
from tests.support.crashing import CrashError, CrashingDatabase, read_outbox
from tests.support.databases import Databases
from tests.support.slow_catalogues import BEGIN, CATALOGUES, TEXTS
from tests.support.slow_course import Order
from tests.support.slow_machine import SlaMachine
from tests.support.slow_story import PARTITION, TICKET, Move
from tests.support.slow_verdict import Key, ids

MIGRATIONS = Path(__file__).parents[3] / "services" / "sla" / "migrations"


@dataclass
class World:
    """The parts that main would put together."""

    now: datetime = BEGIN
    heard: datetime = BEGIN
    catalogue: Catalogue = CATALOGUES["one"]

    def clock(self) -> datetime:
        """The present."""
        return self.now

    async def heard_until(self) -> dict[int, datetime]:
        """The read position of the ticket's partition."""
        return {PARTITION: self.heard}


class PostgresDesk:
    """sla's own parts on a database that is emptied first."""

    def __init__(self, runner: asyncio.Runner, database: CrashingDatabase) -> None:
        self._run = runner.run
        self._database = database
        self._world = world = World()
        self._book = Book(world)
        self._handle = handle_with(Rules(self._book), world.clock)
        self._timer = Timer(database, world, self._book, clock=world.clock, margin=0)
        self._recounts = Recounts(database, self._book, clock=world.clock)
        self._said: list[events.Event] = []
        self._saved: dict[Key, Deadline] | None = None
        self._run(self._empty())

    async def _empty(self) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                """
                TRUNCATE tickets, facts, deadlines, plan_changes, plan_requests, recounts,
                    catalogues, outbox
                """
            )
        adoption = Adoption(self._database, CatalogueFile(Path("plans.toml")), self._world.clock)
        for version, catalogue in CATALOGUES.items():
            await adoption.adopt(catalogue, TEXTS[version])
        async with self._database.transaction() as connection:
            await connection.execute("TRUNCATE outbox")  # that catalogues are there is no news

    def adopt(self, version: str) -> None:
        """From now on, new tickets are slotted by this catalogue."""
        self._world.catalogue = CATALOGUES[version]

    def put_plans(self, changes: Sequence[accounts.PlanChange]) -> None:
        """The directory changes."""
        self._do(lambda: self._put_plans(changes))

    async def _put_plans(self, changes: Sequence[accounts.PlanChange]) -> None:
        async with self._database.transaction() as connection:
            await store.lock_accounts(connection, [change.account for change in changes])
            asked = [(change.account, change.since) for change in changes]
            found = await store.plans_at(connection, asked)
            assert [each.plan if each else None for each in found] == [c.previous for c in changes]
            assert await store.add_plan_changes(connection, changes) == {c.id for c in changes}
            await store.add_plan_recounts(connection, changes)
            await outbox.append(connection, [plan_changed(change) for change in changes])

    def ask_for_move(self, move: Move) -> None:
        """Somebody wants open tickets to count by another catalogue."""
        wished = store.Recount(
            id=move.id,
            account=None,
            from_version=None,
            to_version=move.to,
            due_at=move.asked_at,
            asked_by="somebody",
            asked_at=move.asked_at,
            after=UUID(int=0),
            tickets=0,
            done_at=None,
        )
        self._do(lambda: self._add_move(wished))

    async def _add_move(self, wished: store.Recount) -> None:
        async with self._database.transaction() as connection:
            await store.add_move(connection, wished)

    def hear(self, said: Sequence[events.Event], now: datetime, *, crashes: bool) -> None:
        """A batch comes from the stream."""
        self._world.now = now
        self._do(lambda: self._hear(said), crashes=crashes)

    async def _hear(self, said: Sequence[events.Event]) -> None:
        async with self._database.transaction() as connection:
            await self._handle(connection, [Heard(event, PARTITION) for event in said])

    def settle_again(self, now: datetime) -> None:
        """Settle what is settled: nothing is said."""
        self._world.now = now
        self._do(self._settle_again)

    async def _settle_again(self) -> None:
        async with self._database.transaction() as connection:
            clock = self._world.clock
            again = await settling.settle(connection, [TICKET], self._book, clock=clock)
        assert again == []

    def recount(self, now: datetime, *, crashes: bool) -> None:
        """Open tickets follow what the directory and the moves want of them by now."""
        self._world.now = now
        self._do(lambda: _until_done(self._recounts.step), crashes=crashes)

    def fire(self, until: datetime, now: datetime, *, crashes: bool) -> None:
        """The timer looks until nothing is due, and then once more from the beginning."""
        self._world.now, self._world.heard = now, until
        self._do(lambda: _until_done(self._timer.step), crashes=crashes)
        self._world.now = now + LOOK_BACK
        self._do(lambda: _until_done(self._timer.step))

    def _do(self, work: Callable[[], Awaitable[None]], *, crashes: bool = False) -> None:
        """Do it; after a crash, do it again: that says the same."""
        self._saved = None
        self._database.crashes = crashes
        try:
            self._run(_awaited(work))
        except CrashError:
            self._run(_awaited(work))
            assert ids(self.said())[: len(self._database.lost)] == self._database.lost
        self._database.crashes = False

    def deadlines(self) -> dict[Key, Deadline]:
        """As they are kept."""
        if self._saved is None:
            self._saved = self._run(self._read_deadlines())
        return self._saved

    async def _read_deadlines(self) -> dict[Key, Deadline]:
        async with self._database.connection() as connection:
            found = await store.read_deadlines(connection, TICKET)
        return {(each.clock, each.cycle): each for each in found}

    def status(self) -> TicketStatus | None:
        """How the ticket stands, or None as long as it has not begun."""
        return self._run(self._read_status())

    async def _read_status(self) -> TicketStatus | None:
        async with self._database.connection() as connection:
            ticket = await store.read_ticket(connection, TICKET)
        return ticket.status if ticket else None

    def said(self) -> list[events.Event]:
        """Everything that was ever said, in order."""
        self._said += self._run(self._read_said())
        return self._said

    async def _read_said(self) -> list[events.Event]:
        async with self._database.connection() as connection:
            return await read_outbox(connection, after=len(self._said))


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _until_done(step: Callable[[], Awaitable[bool]]) -> None:
    while await step():
        pass


@pytest.fixture
def desks(databases: Databases) -> Iterator[Callable[[], PostgresDesk]]:
    """Makes desks on one database, one after the other."""
    with asyncio.Runner() as runner:
        open_ = AsyncExitStack()
        dsn = runner.run(open_.enter_async_context(databases.fresh(MIGRATIONS)))
        database = CrashingDatabase(dsn, service="test", size=2)
        runner.run(database.start())
        open_.push_async_callback(database.stop)
        yield lambda: PostgresDesk(runner, database)
        runner.run(open_.aclose())


@pytest.mark.hypothesis
@pytest.mark.parametrize("heard", Order)
def test_whatever_happens_sla_agrees_with_the_slow_clocks(
    desks: Callable[[], PostgresDesk], heard: Order
) -> None:
    """Rows and events are those of the slow clocks: in order, in any order, and too late."""

    class OnPostgres(SlaMachine):
        order = heard

        def make_desk(self) -> PostgresDesk:
            return desks()

    drawn = settings().max_examples // 5  # each of them is a hundred transactions
    run_state_machine_as_test(
        OnPostgres, settings=settings(max_examples=drawn, stateful_step_count=30)
    )
