"""Messages in order and exactly once, while replicas, the broker and Postgres come and go.

`CARELINE_FAULTS_SEED` chooses the faults; without it each run draws other ones, and says which.
"""

import os
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random  # noqa: TID251 - a seed makes a run's faults repeatable

import pytest

from tests.support import order_course, order_faults
from tests.support.desk import running_desk
from tests.support.lone_broker import running_broker
from tests.support.lone_postgres import running_postgres
from tests.support.order_course import Course
from tests.support.order_desk import BROKER_WITHIN, FAILPOINT, OrderDesk
from tests.support.stack import Stack
from tests.support.thread_history import History, find_faults

SHOWN = 40
"""Findings of a run that failed, at the most: the first ones tell what went wrong."""
pytestmark = [
    pytest.mark.timeout(600),  # more than all waits of the test together
    pytest.mark.long,
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[OrderDesk]:
    """Kafka and Postgres of the test's own, and nothing started yet that uses them."""
    with running_broker(within=BROKER_WITHIN) as broker, running_postgres() as server:
        stack = Stack(broker.bootstrap_servers, server.admin_dsn)
        with running_desk(stack, tmp_path) as made:
            yield OrderDesk(made, broker, server)


async def test_every_message_is_there_once_and_in_order(desk: OrderDesk) -> None:
    """Whatever dies while people write on pages and by mail, threads, stream and pages agree."""
    seed = os.environ.get("CARELINE_FAULTS_SEED") or str(secrets.randbelow(10**6))
    print(f"CARELINE_FAULTS_SEED={seed}")  # noqa: T201 - what it takes to have this run again
    random = Random(seed)  # noqa: S311 - nothing is kept secret with it
    faults = order_faults.draw(random)
    for replica in order_faults.REPLICAS:
        desk.start(replica)
    async with desk.kept_up():
        await desk.ready()
        async with order_course.begun(desk, random) as course, course.followed():
            await course.write(partial(desk.suffer, faults))
            await course.settle()
        history = await course.look()
        dead = await desk.dead_letters()
    print(_summary(course, history))  # noqa: T201 - what a run was like
    found = find_faults(history)
    assert not found, "\n".join([f"seed {seed}", *found[:SHOWN]])
    assert dead == [], f"seed {seed}"
    assert [each.refused for each in course.followers if each.refused] == [], f"seed {seed}"
    assert set(desk.ended) <= {FAILPOINT}, f"seed {seed}"
    assert not {"500", "stream 500"} & set(course.load.answers), f"seed {seed}"


def _summary(course: Course, history: History) -> str:
    desk = course.desk
    repeats = len(history.said) - len({each.event for each in history.said})
    lines = [
        *desk.happened,
        f"ended by themselves: {dict(desk.ended)}",
        f"answers: {dict(course.load.answers)}",
        f"messages: {len(history.kept)}; said again on the stream: {repeats}",
        f"cuts of open pages: {[each.cuts for each in course.followers]}",
    ]
    return "\n".join(lines)
