"""notifier's database is lost: the stream has what became of it all, and nobody hears twice."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from shared import events
from shared.envelope import Topic
from shared.notifications import NotificationSent
from tests.support.desk import Desk, running_desk
from tests.support.lost_database import Record, lose_database, new_since, records_on
from tests.support.notifier_history import (
    BUSY,
    Rows,
    kept,
    set_up,
    settled,
    tell_everything,
)
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.support.webhooks import Hook, running_hook

pytestmark = pytest.mark.timeout(360)  # more than all waits of a test together


@dataclass
class Told:
    """What was kept, said, mailed and posted before the database was lost for the first time."""

    kept: Rows = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    mails: int = 0
    posts: int = 0


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """Where alerts are posted."""
    with running_hook() as made:
        yield made


@pytest.fixture(scope="module")
def desk(stack: Stack, hook: Hook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for all tests of this module."""
    with running_desk(stack, tmp_path_factory.mktemp("rebuild")) as made:
        set_up(made, hook)
        yield made


@pytest.fixture(scope="module")
def told() -> Told:
    """Filled once it was told."""
    return Told()


@pytest.fixture
async def before(desk: Desk, hook: Hook, told: Told) -> AsyncIterator[Told]:
    """All is told, notifier doesn't run, and its database is gone."""
    if not told.records:
        desk.start("notifier")
        await desk.ready("notifier")
        await tell_everything(desk)
        desk.stop("notifier")
        told.kept, told.records = await kept(desk), await records_on(desk, Topic.NOTIFICATIONS)
        told.mails, told.posts = len(desk.mailbox.mails), len(hook.posts)
    await lose_database(desk, "notifier")
    yield told
    for name in list(desk.processes):
        desk.stop(name)


def comparable(rows: Rows) -> Rows:
    """But for what nobody says: how often something on its way was tried, and each yes in words."""
    pending = {"attempts", "uncertain", "code", "state"}
    unsaid = {"planned": pending, "sending": pending, "sent": {"code"}}
    return {
        id_: {
            name: value
            for name, value in row.items()
            if name not in unsaid.get(str(row["state"]), ())
        }
        for id_, row in rows.items()
    }


async def assert_as_before(desk: Desk, hook: Hook, before: Told) -> None:
    """Each delivery as it was; nothing mailed, posted or said again."""
    await settled(desk, on_the_way=1)
    rebuilt, were = comparable(await kept(desk)), comparable(before.kept)
    assert rebuilt.keys() == were.keys()
    for id_, row in were.items():
        assert rebuilt[id_] == row
    assert len(desk.mailbox.mails) == before.mails
    assert len(hook.posts) == before.posts
    assert new_since(before.records, await records_on(desk, Topic.NOTIFICATIONS)) == []
    assert not [line for line in desk.log("notifier") if line["event"] == "dead_letter"]


async def test_the_history_has_every_kind_and_every_end(before: Told) -> None:
    """Else the other tests would show little."""
    known = {(row["kind"], row["state"]) for row in before.kept.values()}
    assert known >= {
        ("acknowledgement", "sent"),
        ("acknowledgement", "suppressed"),
        ("acknowledgement", "failed"),
        ("acknowledgement", "planned"),
        ("reply", "sent"),
        ("at_risk_alert", "sent"),
        ("breach_alert", "sent"),
        ("breach_alert", "planned"),
        ("breach_alert", "suppressed"),
        ("breach_retraction", "sent"),
        ("assignment", "sent"),
        ("digest", "sent"),
    }
    (reply,) = [row for row in before.kept.values() if row["kind"] == "reply"]
    assert len(reply["messages"]) == 2
    assert [row for row in before.kept.values() if row["bounced_at"]]


async def test_a_lost_database_is_rebuilt_and_nobody_hears_twice(
    desk: Desk, hook: Hook, before: Told
) -> None:
    """Every delivery is as it was; no mail, no post, no record more."""
    desk.start("notifier")
    await desk.ready("notifier")
    await assert_as_before(desk, hook, before)


# The others go with `make long`: every service passes them the same way.
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("rebuilding.drawn", marks=pytest.mark.long),
        pytest.param("notifier.before_commit", marks=pytest.mark.long),
        pytest.param("notifier.committed", marks=pytest.mark.long),
        "rebuilding.finished",
    ],
)
async def test_whoever_dies_on_the_way_begins_again(
    desk: Desk, hook: Hook, before: Told, place: str
) -> None:
    """Killed in the middle and started anew, it comes to the same."""
    desk.start("notifier", CARELINE_FAILPOINT=place)
    await desk.died("notifier")
    desk.start("notifier")
    await desk.ready("notifier")
    await assert_as_before(desk, hook, before)


async def test_replicas_rebuild_together(desk: Desk, hook: Hook, before: Told) -> None:
    """Each hears its partitions; one finishes, and both go on from there."""
    desk.start("notifier")
    desk.start("notifier", name="another", CARELINE_HTTP_PORT=str(desk.ports.intake))
    await desk.ready("notifier")

    async def is_ready() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"{desk.url('intake')}/health/ready")
            except httpx.TransportError:
                return False
        return bool(answer.status_code == 200)

    await until(is_ready, within=60, what="the other replica is ready")
    await assert_as_before(desk, hook, before)


async def test_what_was_owed_goes_out_once(desk: Desk, hook: Hook, before: Told) -> None:
    """It had no outcome when the database was lost; it may be a second copy, and says so."""
    del desk.mailbox.refused[BUSY]
    desk.start("notifier")
    await desk.ready("notifier")
    await settled(desk, on_the_way=0)
    assert len(desk.mailbox.to(BUSY)) == 1
    assert len(desk.mailbox.mails) == before.mails + 1
    assert len(hook.posts) == before.posts
    (new,) = new_since(before.records, await records_on(desk, Topic.NOTIFICATIONS))
    said = events.read(new[2])
    assert isinstance(said, NotificationSent)
    assert said.data.second_copy_possible
