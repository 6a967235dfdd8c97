"""A state machine that lets anything happen to a ticket, in any order, and compares.

After every step, what sla keeps of the ticket must be what the slow clocks show of all that sla was
told, and what it said must be sound in itself. The timer is given what the real read position
promises: nothing that is still to be heard happened before the instant it is given. Some machines
break that promise, to see that what was said in error is taken back.
"""

import sys
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.events import TicketStatus
from shared.messages import AuthorKind, Visibility
from shared.plans import Priority
from tests.support.slow_catalogues import CATALOGUES, PLANS
from tests.support.slow_course import Course, Order
from tests.support.slow_desk import Desk
from tests.support.slow_steps import STEP
from tests.support.slow_story import Happened

LONG_AFTER = timedelta(days=60)
DAY = timedelta(days=1) // STEP

plans = st.sampled_from(PLANS)
priorities = st.sampled_from(Priority)
statuses = st.sampled_from(TicketStatus)
catalogues = st.sampled_from(sorted(CATALOGUES))
seldom = st.sampled_from([False, False, False, True])
"""Whether something happens that happens to few."""


class SlaMachine(RuleBasedStateMachine):
    """Subclasses say which desk it works, and how what happens comes to be heard."""

    order = Order.AS_IT_HAPPENS

    def make_desk(self) -> Desk:
        """A fresh desk."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self._handled = sys.exception()
        self.course = Course(self.make_desk(), self.order)

    # --- what happens ---

    @initialize(
        steps=st.integers(0, 6 * DAY),
        plan=st.none() | plans,
        priority=priorities,
        by_agent=seldom,
        catalogue=catalogues,
        held=seldom,
    )
    def open(
        self,
        *,
        steps: int,
        plan: str | None,
        priority: Priority,
        by_agent: bool,
        catalogue: str,
        held: bool,
    ) -> None:
        """A ticket is opened, and perhaps heard of much later."""
        self.course.adopt(catalogue)
        if plan is not None:
            self.course.desk.put_plans(self.course.known.change_plan(plan, None, self.course.now))
            self.course.recount()
        self.course.now += (1 + steps) * STEP
        created = self.course.story.created(self.course.now, priority, by_agent=by_agent)
        self.course.happen(Happened(created, None), held=held)

    @rule(status=st.none() | statuses, held=seldom, crashes=seldom)
    def ask(self, status: TicketStatus | None, *, held: bool, crashes: bool) -> None:
        """The customer writes, and perhaps the ticket is opened again at the same instant."""
        self.course.write(AuthorKind.CUSTOMER, status, held=held, crashes=crashes)

    @rule(status=st.none() | statuses, held=seldom, crashes=seldom)
    def reply(self, status: TicketStatus | None, *, held: bool, crashes: bool) -> None:
        """An agent answers, and perhaps sets a status at the same instant."""
        self.course.write(AuthorKind.AGENT, status, held=held, crashes=crashes)

    @rule(by_agent=st.booleans(), held=seldom)
    def write_what_does_not_count(self, *, by_agent: bool, held: bool) -> None:
        """An agent writes a note, or an automatic answer goes out: that changes nothing."""
        before = len(self.course.desk.said())
        if by_agent:
            told = self.course.story.message(self.course.now, AuthorKind.AGENT, Visibility.NOTE)
        else:
            told = self.course.story.message(self.course.now, AuthorKind.SYSTEM, Visibility.PUBLIC)
        self.course.happen(told, held=held)
        assert len(self.course.desk.said()) == before

    @rule(status=statuses, held=seldom, crashes=seldom)
    def set_status(self, status: TicketStatus, *, held: bool, crashes: bool) -> None:
        """The ticket is paused, resumed, resolved, closed or opened again."""
        self.course.tick()
        self.course.happen(
            self.course.story.status(self.course.now, status), held=held, crashes=crashes
        )

    @rule(priority=priorities, held=seldom, crashes=seldom)
    def set_priority(self, priority: Priority, *, held: bool, crashes: bool) -> None:
        """The ticket gets another priority."""
        self.course.tick()
        self.course.happen(
            self.course.story.priority(self.course.now, priority), held=held, crashes=crashes
        )

    @rule(plan=plans, since=st.none() | st.integers(-2 * DAY, DAY), held=seldom, crashes=seldom)
    def change_plan(self, plan: str, since: int | None, *, held: bool, crashes: bool) -> None:
        """The account gets another plan: from now, an earlier or a later time on."""
        self.course.tick()
        begins = None if since is None else self.course.now + since * STEP
        self.course.desk.put_plans(self.course.known.change_plan(plan, begins, self.course.now))
        if not held or self.course.order is Order.AS_IT_HAPPENS:
            self.course.recount(crashes=crashes)

    @rule(catalogue=catalogues, held=seldom, crashes=seldom)
    def move(self, catalogue: str, *, held: bool, crashes: bool) -> None:
        """Open tickets are moved to another catalogue."""
        self.course.tick()
        move = self.course.story.move(self.course.now, catalogue)
        self.course.known.asked.append(move)
        self.course.desk.ask_for_move(move)
        if not held or self.course.order is Order.AS_IT_HAPPENS:
            self.course.recount(crashes=crashes)

    @precondition(lambda self: not self.course.known.opening)
    @rule(catalogue=catalogues)
    def adopt(self, catalogue: str) -> None:
        """Another catalogue is in force for new tickets."""
        self.course.adopt(catalogue)

    @rule(steps=st.integers(1, DAY), polls=st.booleans(), hears=st.booleans(), crashes=seldom)
    def advance(self, steps: int, *, polls: bool, hears: bool, crashes: bool) -> None:
        """Time goes on; the timer was there all the while, or only at the end."""
        self.course.advance(
            self.course.now + steps * STEP, polls=polls, hears=hears, crashes=crashes
        )

    @rule(steps=st.integers(1, 3), days=st.integers(1, 3), polls=st.booleans())
    def advance_by_days(self, steps: int, days: int, *, polls: bool) -> None:
        """Much time passes, and what was held back is heard in the end."""
        self.course.advance(self.course.now + (days * DAY + steps) * STEP, polls=polls, hears=True)

    @rule(
        which=st.integers(0, 3),
        steps=st.integers(-1, 1),
        polls=st.booleans(),
        hears=st.booleans(),
        crashes=seldom,
    )
    def advance_to_due_time(
        self, which: int, steps: int, *, polls: bool, hears: bool, crashes: bool
    ) -> None:
        """Time goes on to when something is due, or to just before or just after."""
        dues = sorted(set(self.course.dues()))
        to_come = [due + steps * STEP for due in dues if due + steps * STEP > self.course.now]
        if to_come:
            due = to_come[which % len(to_come)]
            self.course.advance(due, polls=polls, hears=hears, crashes=crashes)

    @rule(
        what=st.just(AuthorKind.AGENT) | statuses | priorities,
        which=st.integers(0, 3),
        steps=st.integers(0, 1),
    )
    def act_at_due_time(
        self, what: AuthorKind | TicketStatus | Priority, which: int, steps: int
    ) -> None:
        """Something happens just when something is due, or just after."""
        self.advance_to_due_time(which, steps - 1, polls=False, hears=False, crashes=False)
        self.course.now += STEP
        self.course.happen(self.course.story.tell(self.course.now, what), held=False)

    # --- how it is heard ---

    @precondition(lambda self: self.course.queue)
    @rule(
        picks=st.lists(st.integers(0, 5), min_size=1, max_size=6),
        together=st.booleans(),
        crashes=seldom,
    )
    def deliver(self, picks: list[int], *, together: bool, crashes: bool) -> None:
        """Some of what was held back is heard, in another order, at once or one by one."""
        queue = self.course.queue
        picked = [queue.pop(pick % len(queue)) for pick in picks if queue]
        for batch in [picked] if together else [[each] for each in picked]:
            self.course.hear(batch, crashes=crashes)

    @precondition(lambda self: self.course.heard)
    @rule(picks=st.lists(st.integers(0, 30), min_size=1, max_size=3), crashes=seldom)
    def deliver_again(self, picks: list[int], *, crashes: bool) -> None:
        """What was heard before is heard again: that changes nothing."""
        before = len(self.course.desk.said())
        again = [self.course.heard[pick % len(self.course.heard)] for pick in picks]
        self.course.desk.hear([each.event for each in again], self.course.now, crashes=crashes)
        assert len(self.course.desk.said()) == before

    @precondition(lambda self: self.course.known.asked)
    @rule(crashes=seldom)
    def recount(self, *, crashes: bool) -> None:
        """The ticket follows what was asked of the directory and the catalogue."""
        self.course.recount(crashes=crashes)

    @precondition(lambda self: self.course.order is Order.TOO_LATE and self.course.known.opening)
    @rule(
        what=st.sampled_from(AuthorKind) | statuses | priorities,
        which=st.none() | st.integers(0, 3),
        steps=st.integers(0, DAY),
    )
    def hear_too_late(
        self, what: AuthorKind | TicketStatus | Priority, which: int | None, steps: int
    ) -> None:
        """Something is heard long after it happened, perhaps before a breach that was said."""
        at, dues = self.course.now, self.course.dues()
        if which is not None and dues:
            at = min(at, dues[which % len(dues)])
        at -= steps * STEP
        self.course.hear([self.course.story.tell(at, what)])

    # --- what must hold ---

    @invariant()
    def it_agrees_with_the_slow_clocks(self) -> None:
        """What is kept, and what was said of it."""
        self.course.compare(all_heard=False)

    def teardown(self) -> None:
        """In the end all is heard, and everything that is due is said."""
        if sys.exception() is not self._handled:
            return  # a step has failed, and that is what is to be seen
        self.course.now += LONG_AFTER
        self.course.hear_the_rest()
        self.course.fire(self.course.now)
        self.course.compare(all_heard=True)
