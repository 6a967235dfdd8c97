"""The course of a ticket: what happened, what was heard when, and whether sla got it right."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from services.sla.accounts import PlanChange
from shared.deadlines import DeadlineState
from shared.events import TicketStatus
from shared.messages import AuthorKind, Visibility
from tests.support import slow_verdict
from tests.support.slow_catalogues import BEGIN
from tests.support.slow_desk import Desk
from tests.support.slow_steps import STEP
from tests.support.slow_story import Happened, Known, Story

SHORTLY = timedelta(microseconds=1)


class Order(Enum):
    """In which order things are heard."""

    AS_IT_HAPPENS = auto()
    HELD_BACK = auto()
    """The timer waits for what is on its way."""
    TOO_LATE = auto()
    """The timer does not wait."""


class Course:
    """Works a desk beside the slow clocks, and lets time go on.

    Args:
        desk: A fresh one.
        order: How what happens comes to be heard.
    """

    def __init__(self, desk: Desk, order: Order) -> None:
        self.desk, self.story, self.known = desk, Story(), Known()
        self.order = order
        self.now = BEGIN
        self.queue: list[Happened] = []
        """What happened and was not heard yet."""
        self.heard: list[Happened] = []
        self.fired_until = BEGIN
        """Everything that was due before then is said."""
        self.was_disordered = self.was_late = self.is_late = False

    def adopt(self, catalogue: str) -> None:
        """Another catalogue is in force for new tickets."""
        self.desk.adopt(catalogue)
        self.known.in_force = catalogue

    def write(
        self, author: AuthorKind, status: TicketStatus | None, *, held: bool, crashes: bool
    ) -> None:
        """Somebody writes to all, and perhaps a status is set at the same instant."""
        self.tick()
        told = [self.story.message(self.now, author, Visibility.PUBLIC)]
        if status is not None:
            told.append(self.story.status(self.now, status))
        self.happen(*told, held=held, crashes=crashes)

    def tick(self) -> None:
        """What is heard as it happens happens one after the other."""
        if self.order is Order.AS_IT_HAPPENS:
            self.now += STEP

    def happen(self, *told: Happened, held: bool, crashes: bool = False) -> None:
        """Something happens, and is heard now, or is held back."""
        if held and self.order is not Order.AS_IT_HAPPENS:
            self.queue += told
        else:
            self.hear(told, crashes=crashes)

    def hear(self, told: Sequence[Happened], *, crashes: bool = False) -> None:
        """A batch is heard."""
        self.desk.hear([each.event for each in told], self.now, crashes=crashes)
        self.heard += told
        before = self.known.in_order
        if self.known.hear(told, self.now):
            self._learn(before)
            self.desk.settle_again(self.now)

    def recount(self, *, crashes: bool = False) -> None:
        """The ticket follows what was asked of the directory and the catalogue."""
        self.desk.recount(self.now, crashes=crashes)
        before = self.known.in_order
        self.known.recount(self.now)
        self._learn(before)

    def _learn(self, before: Mapping[UUID, tuple[datetime, int, int]]) -> None:
        """Note whether what is new came before something that was known, or was said, already."""
        after = self.known.in_order
        news = [after[id_] for id_ in after.keys() - before.keys()]
        if before and any(each < max(before.values()) for each in news):
            self.was_disordered = True
        if any(at < self.fired_until for at, _, _ in news):
            self.was_late = self.is_late = True

    def advance(self, to: datetime, *, polls: bool, hears: bool, crashes: bool = False) -> None:
        """Time goes on to an instant.

        Args:
            to: That instant.
            polls: The timer looks whenever something is due, and not only in the end.
            hears: What was held back is heard before the timer looks for the last time.
            crashes: Who fires dies on the way, and does it again.
        """
        while polls and (at := self._fires_next()) is not None and at < to:
            self.now = max(self.now, at)
            self.fire(self._all_heard_before(at + SHORTLY), crashes=crashes)
            if self._fires_next() == at:
                break  # it waits for something that was not heard
        self.now = to
        if hears:
            self.hear_the_rest()
        self.fire(self._all_heard_before(self.now), crashes=crashes)

    def hear_the_rest(self) -> None:
        """All that was held back is heard, the last first."""
        queue, self.queue = self.queue, []
        if queue:
            self.hear(queue[::-1])
        self.recount()

    def dues(self) -> list[datetime]:
        """When what is kept is due, or was."""
        return [each.due_at for each in self.desk.deadlines().values() if each.due_at]

    def _fires_next(self) -> datetime | None:
        running = DeadlineState.RUNNING
        rows = self.desk.deadlines().values()
        return min((x.fires_at for x in rows if x.state is running and x.fires_at), default=None)

    def _all_heard_before(self, then: datetime) -> datetime:
        """What the read position promises: whatever is still to be heard happened then or later."""
        if self.order is Order.TOO_LATE:
            return then
        held = [each.event.time for each in self.queue]
        changes = [x.takes_effect_at for x in self.known.asked if isinstance(x, PlanChange)]
        return min([then, *held, *changes])

    def fire(self, heard_until: datetime, *, crashes: bool = False) -> None:
        """The timer looks; everything before an instant was heard."""
        if self.known.opening is not None:
            before = len(self.desk.said())
            self.fired_until = max(self.fired_until, heard_until)
            self.desk.fire(self.fired_until - SHORTLY, self.now, crashes=crashes)
            self.is_late = False
            assert not list(slow_verdict.overtaken(self.desk.said()[before:]))

    def compare(self, *, all_heard: bool) -> None:
        """What is kept must be what the slow clocks show, and what was said must be sound."""
        saved, said = self.desk.deadlines(), self.desk.said()
        if self.known.opening is None:
            assert saved == {}
            return
        ticket = self.known.watch()
        assert self.desk.status() is ticket.status
        shown = ticket.show(self.fired_until)
        circumstances = slow_verdict.Circumstances(
            fired_until=self.fired_until,
            heard_until=self.known.heard_until,
            was_disordered=self.was_disordered,
            was_late=self.was_late,
            is_late=self.is_late,
        )
        wrong = [*slow_verdict.differences(shown, saved, circumstances)]
        wrong += slow_verdict.faults(said, saved)
        if not self.was_late:
            wrong += slow_verdict.false_alarms(said, shown, saved, all_heard=all_heard)
        assert not wrong, "\n".join([*wrong, slow_verdict.table(shown, saved)])
