"""A sender with several ways out, of which some are dead: on a real database, to real servers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.local.ports import free_ports
from services.notifier import lanes
from services.notifier.deliveries import MAIL_LANE, About, Content, Delivery
from shared.database import Database
from shared.envelope import derive_id
from shared.notifications import FailureReason, NotificationFailed, NotificationSent
from tests.support import alerts, said, sending
from tests.support.mailbox import running_mailbox
from tests.support.sending import Sending, measured
from tests.support.waiting import until
from tests.support.webhooks import Hook, Reply, running_hook

CHAT = "team-chat"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A chat."""
    with running_hook() as made:
        yield made


@pytest.fixture
async def desk(database: Database, hook: Hook) -> AsyncIterator[Sending]:
    """Mail and one chat; nothing is sent yet."""
    with running_mailbox(free_ports().smtp) as mailbox:
        yield Sending(database, mailbox, {CHAT: hook})


async def test_a_webhook_that_hangs_delays_no_mail(desk: Sending, hook: Hook) -> None:
    """Twenty posts wait for it, two at a time; twenty mails go out meanwhile."""
    hook.default = Reply(hang=True)
    await desk.plan_posts(CHAT, 20)
    await desk.plan_mails(20)
    async with desk.running():
        await desk.ended(MAIL_LANE, 20)
        await until(lambda: len(hook.posts) == 2, what="two posts hang")
        await desk.plan_mails(25)  # five of them are new
        await desk.ended(MAIL_LANE, 25)
        assert await desk.states(CHAT) == {"planned": 18, "sending": 2}
        assert measured("notifier_in_flight", CHAT) == 2
    assert len(desk.mailbox.mails) == 25


async def test_a_webhook_that_refuses_delays_no_mail_and_is_left_alone(
    desk: Sending, hook: Hook
) -> None:
    """After five failures nothing is posted for a while, and what waits uses up no tries."""
    hook.default = Reply(500)
    await desk.plan_posts(CHAT, 20)
    await desk.plan_mails(20)
    async with desk.running():
        await desk.ended(MAIL_LANE, 20)
        await until(lambda: measured("notifier_lane_open", CHAT) == 1, what="the lane is open")
        # Two places: at the fifth failure one more try may be under way.
        assert lanes.FAILURES <= len(hook.posts) <= lanes.FAILURES + 1
        seen = len(hook.posts)
        await desk.plan_mails(30)
        await desk.ended(MAIL_LANE, 30)
        assert len(hook.posts) == seen
    (row,) = await desk.query("SELECT sum(attempts) AS tries FROM deliveries WHERE lane = $1", CHAT)
    assert row["tries"] == seen


async def test_a_webhook_that_is_back_gets_all_that_waited(
    desk: Sending, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One try shows that it works again; the others follow."""
    monkeypatch.setattr(lanes, "FIRST_REST", 0.5)
    hook.default = Reply(500)
    await desk.plan_posts(CHAT, 12)
    async with desk.running():
        await until(lambda: measured("notifier_lane_open", CHAT) == 1, what="the lane is open")
        hook.default = Reply()
        await desk.ended(CHAT, 12)
        assert measured("notifier_lane_open", CHAT) == 0
    assert all(isinstance(event, NotificationSent) for event in await desk.said())


async def test_a_mail_server_that_refuses_one_recipient_keeps_its_lane(desk: Sending) -> None:
    """Ten recipients in a row are unknown: the eleventh has its mail at once."""
    for number in range(10):
        desk.mailbox.refused[f"{number}@careline.example"] = "550 5.1.1 no such user"
    await desk.plan_mails(11)
    async with desk.running():
        await desk.ended(MAIL_LANE, 10, "failed")
        await desk.ended(MAIL_LANE, 1)
        assert measured("notifier_lane_open", MAIL_LANE) == 0


async def test_a_mail_server_that_is_gone_opens_its_lane_and_delays_no_post(
    desk: Sending, hook: Hook
) -> None:
    """Connections are refused: mail waits, the chat goes on."""
    desk.mailbox.port = 9
    await desk.plan_mails(10)
    async with desk.running():
        await until(lambda: measured("notifier_lane_open", MAIL_LANE) == 1, what="it is open")
        await desk.plan_posts(CHAT, 5)
        await desk.ended(CHAT, 5)
    assert len(hook.posts) == 5


async def test_words_that_can_t_be_made_are_no_failure_of_the_lane(desk: Sending) -> None:
    """Ten deliveries break: each says why, and what comes behind them goes out."""

    def broken(delivery: Delivery, about: About) -> Content:
        if delivery.facts.get("broken"):
            raise KeyError(delivery.address)
        return sending.compose(delivery, about)

    desk.compose = broken
    first = alerts.breach_alert("another", lane=CHAT, broken=True)
    spoiled = [replace(first, id=derive_id(first.id, str(n))) for n in range(10)]
    await desk.plan(*spoiled)
    await desk.plan_posts(CHAT, 3)
    async with desk.running():
        await desk.ended(CHAT, 3)
        broke = "SELECT 1 FROM tries WHERE detail = 'could not be composed: KeyError'"
        await until(lambda: _amount(desk, broke, 10), what="ten tries broke")
        assert measured("notifier_lane_open", CHAT) == 0


async def test_what_was_posted_is_kept_as_it_was(desk: Sending, hook: Hook) -> None:
    """With its try: for operators to look at."""
    hook.default = Reply(410, body=b"no such channel")
    alert = alerts.breach_alert()
    await desk.plan(alert)
    async with desk.running():
        await desk.ended(CHAT, 1, "failed")
    (content,) = await desk.query("SELECT * FROM contents")
    assert content["body"] == hook.posts[0].body
    assert content["media_type"] == "application/json"
    (tried,) = await desk.query("SELECT * FROM tries")
    assert (tried["attempt"], tried["outcome"], tried["code"]) == (1, "refused", 410)
    assert tried["detail"] == "410: no such channel"
    assert tried["began_at"] <= tried["ended_at"]
    (event,) = await desk.said()
    assert isinstance(event, NotificationFailed)
    assert (event.data.reason, event.data.code) == (FailureReason.REFUSED, 410)


async def test_a_post_that_may_have_arrived_comes_again_as_the_same(
    desk: Sending, hook: Hook
) -> None:
    """The chat hung up without an answer: the second copy has the same bytes, and is said."""
    hook.default = Reply(close=True)
    await desk.plan(alerts.breach_alert())
    async with desk.running():
        await until(lambda: hook.posts, what="the first copy came")
        hook.default = Reply()
        await desk.ended(CHAT, 1)
    first, second = hook.posts
    assert first.body == second.body
    (event,) = await desk.said()
    assert isinstance(event, NotificationSent)
    assert event.data.second_copy_possible


async def test_a_stop_waits_for_no_webhook_that_hangs(desk: Sending, hook: Hook) -> None:
    """Tries under way have four seconds; what is cut off comes again after its hold."""
    hook.default = Reply(hang=True)
    await desk.plan_posts(CHAT, 1)
    async with desk.running() as sender:
        await until(lambda: hook.posts, what="a post hangs")
        async with asyncio.timeout(10):
            await sender.stop()
        assert await desk.states(CHAT) == {"sending": 1}


async def test_what_waits_for_a_destination_that_is_no_more_fails(desk: Sending) -> None:
    """Found after it has waited for long enough; what a digest carries fails with it."""
    alert = alerts.breach_alert(lane="old-chat", at=said.now() - timedelta(minutes=2))
    digest = alerts.digest(alert)
    carried = replace(alert, id=derive_id(alert.id, "carried"), digest=digest.id)
    await desk.plan(alert, digest, carried)
    await desk.look_out(patience=timedelta(hours=1))
    assert await desk.states("old-chat") == {"planned": 3}
    await desk.look_out(patience=timedelta(minutes=1))
    assert await desk.states("old-chat") == {"failed": 3}
    told = await desk.said()
    assert len(told) == 2
    for event in told:
        assert isinstance(event, NotificationFailed)
        assert event.data.reason is FailureReason.UNKNOWN_DESTINATION


async def test_how_long_a_lane_is_waited_for_is_measured(desk: Sending) -> None:
    """By the delivery that could have gone out first; nothing waits elsewhere."""
    await desk.plan(alerts.breach_alert(at=said.now() - timedelta(minutes=2)))
    await desk.look_out(patience=timedelta(hours=1))
    waited = measured("notifier_oldest_pending_seconds", CHAT)
    assert waited is not None
    assert 60 < waited < 600
    assert measured("notifier_oldest_pending_seconds", MAIL_LANE) == 0


async def _amount(desk: Sending, sql: str, wanted: int) -> bool:
    return len(await desk.query(sql)) >= wanted
