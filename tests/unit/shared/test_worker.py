"""A worker goes on until it is stopped, whatever happens in its steps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from shared import worker
from shared.worker import Worker
from tests.support.waiting import until

AN_HOUR = 3600.0


@asynccontextmanager
async def running(step: Callable[[], Awaitable[bool]], idle: float) -> AsyncIterator[Worker]:
    """A worker that runs until the end of the block."""
    made = Worker("a worker", step, idle=idle)
    await made.start()
    yield made
    await made.stop()


class Steps:
    """Steps with outcomes told in advance: an error is raised, True means more. Then no work."""

    def __init__(self, *outcomes: bool | Exception) -> None:
        self.outcomes = list(outcomes)
        self.done = 0

    async def __call__(self) -> bool:
        """One step."""
        self.done += 1
        outcome = self.outcomes.pop(0) if self.outcomes else False
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def failures() -> float:
    """What is counted of the worker of these tests."""
    labels = {"worker": "a worker"}
    return REGISTRY.get_sample_value("careline_worker_failures_total", labels) or 0


async def test_it_steps_again_at_once_while_there_is_work() -> None:
    """Only a step that finds nothing more is followed by a pause."""
    steps = Steps(True, True, True)
    async with running(steps, AN_HOUR):
        await until(lambda: steps.done == 4)


async def test_it_looks_by_itself_after_the_idle_time() -> None:
    """Nobody needs to wake it."""
    steps = Steps()
    async with running(steps, 0.001):
        await until(lambda: steps.done >= 5)


async def test_it_can_be_woken() -> None:
    """A wake ends the idle time, also one that comes while a step is under way."""
    entered, let = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def step() -> bool:
        entered.set()
        await let.wait()
        done.append(len(done))
        return False

    async with running(step, AN_HOUR) as awake:
        await entered.wait()
        awake.wake()
        let.set()
        await until(lambda: len(done) == 2)
        awake.wake()
        await until(lambda: len(done) == 3)


async def test_a_failing_step_is_tried_again() -> None:
    """Failures are counted and shown until a step succeeds."""
    before = failures()
    steps = Steps(ValueError("first"), ConnectionError(), OSError())
    async with running(steps, AN_HOUR) as tried:
        assert tried.ready() is None
        await until(lambda: tried.ready() == "failed 3 times in a row")
        await until(lambda: steps.done == 4)
        assert tried.ready() is None
    assert failures() == before + 3


async def test_a_wake_does_not_hurry_a_failing_step() -> None:
    """What wakes it all the time must not make it knock on a closed door all the time."""
    failing = Steps(*[ConnectionError() for _ in range(1000)])

    async def step() -> bool:
        tried.wake()
        return await failing()

    tried = Worker("a worker", step, idle=AN_HOUR)
    await tried.start()
    await until(lambda: failing.done >= 2)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert failing.done < 10
    await tried.stop()


async def test_it_outlives_a_night_of_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """After thousands of failures in a row it still tries, and recovers."""
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.0)
    steps = Steps(*[ConnectionError() for _ in range(3000)])
    async with running(steps, AN_HOUR) as tried:
        await until(lambda: steps.done == 3001)
        assert tried.ready() is None


async def test_a_stop_lets_the_step_at_hand_finish() -> None:
    """What was begun is done when stop returns, and no other step begins."""
    entered, let = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def step() -> bool:
        entered.set()
        await let.wait()
        done.append("step")
        return True

    stepping = Worker("a worker", step, idle=AN_HOUR)
    await stepping.start()
    await entered.wait()
    stopping = asyncio.create_task(stepping.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    let.set()
    await stopping
    assert done == ["step"]


async def test_a_stop_does_not_wait_for_a_step_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the step is cancelled."""
    monkeypatch.setattr(worker, "STOP_WITHIN", 0.05)
    cancelled = asyncio.Event()

    async def step() -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return False

    hanging = Worker("a worker", step, idle=AN_HOUR)
    await hanging.start()
    await asyncio.sleep(0)
    await hanging.stop()
    assert cancelled.is_set()


async def test_a_stop_ends_the_pause_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to stop while a step fails, it does not sit out the long pause."""
    monkeypatch.setattr(worker, "FIRST_PAUSE", AN_HOUR)
    monkeypatch.setattr(worker, "LONGEST_PAUSE", AN_HOUR)
    monkeypatch.setattr(worker, "STOP_WITHIN", AN_HOUR)
    entered, let = asyncio.Event(), asyncio.Event()

    async def step() -> bool:
        entered.set()
        await let.wait()
        raise ConnectionError

    failing = Worker("a worker", step, idle=AN_HOUR)
    await failing.start()
    await entered.wait()
    stopping = asyncio.create_task(failing.stop())
    await asyncio.sleep(0)
    let.set()
    await asyncio.wait_for(stopping, 30)


async def test_a_worker_that_ended_is_not_ready() -> None:
    """Something that cancels it from inside can't pass unseen."""

    async def step() -> bool:
        raise asyncio.CancelledError

    dead = Worker("a worker", step, idle=AN_HOUR)
    await dead.start()
    await until(lambda: dead.ready() == "ended")
    await dead.stop()


async def test_a_worker_that_never_started_can_be_stopped() -> None:
    """A service that ends while it starts stops what it has."""
    await Worker("a worker", Steps(), idle=AN_HOUR).stop()
