"""A breach is taken back by a real notifier, in whichever state its alert is.

Breach and retraction are all that notifier hears here: an alert needs nothing of its ticket.
"""

import pytest

from shared.envelope import Topic
from shared.events import Event
from shared.notifications import NotificationKind, NotificationSent, NotificationSuppressed
from tests.support import said
from tests.support.desk import Desk
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

LEADS = "support-leads@careline.example"
HOLD = "10"
"""Seconds until another sender takes over from one that died: the least that is allowed."""
BREACHED = said.breach(said.slot(said.ticket_created()))
RETRACTED = said.retraction(BREACHED)
MARKED = "SELECT 1 FROM deliveries WHERE kind = 'breach_alert' AND withdrawn_by IS NOT NULL"


async def test_who_was_alerted_is_told_once_however_often_it_is_heard(desk: Desk) -> None:
    """The alert has gone out: one retraction to the same address follows, and it is said."""
    desk.start("notifier")
    await desk.ready("notifier")
    await _publish(desk, BREACHED)
    await _ended(desk, sent=1)
    await _publish(desk, RETRACTED, RETRACTED)
    await _ended(desk, sent=2)
    await _publish(desk, BREACHED, RETRACTED)
    # The other ticket's alert goes out behind all that was heard again before it.
    await _publish(desk, said.breach(said.slot(said.ticket_created("another"))))
    await _ended(desk, sent=3)
    alert, retraction, other = _subjects(desk)
    assert alert.startswith("Breached: first response of ")
    assert retraction == alert.replace("Breached", "Retracted")
    assert other.startswith("Breached")
    assert other != alert

    async def told() -> list[NotificationKind] | None:
        sent = [event for event in await _said(desk) if isinstance(event, NotificationSent)]
        # Two tickets may lie in two partitions, which are read in any order.
        sent.sort(key=lambda event: event.time)
        return [event.data.kind for event in sent] if len(sent) >= len(_subjects(desk)) else None

    assert await until(told, what="all three are said to be sent") == [
        NotificationKind.BREACH_ALERT,
        NotificationKind.BREACH_RETRACTION,
        NotificationKind.BREACH_ALERT,
    ]


async def test_an_alert_under_way_is_not_disturbed_and_its_reader_is_told(desk: Desk) -> None:
    """The server takes its time over the alert when the retraction is heard: both arrive, once."""
    desk.mailbox.kept_waiting.add(LEADS)
    desk.start("notifier")
    await desk.ready("notifier")
    await _publish(desk, BREACHED)
    await _under_way(desk)
    await _publish(desk, RETRACTED)
    await until(lambda: desk.query("notifier", MARKED), what="the retraction is heard")
    desk.mailbox.kept_waiting.clear()
    await _ended(desk, sent=2)
    rows = await desk.query("notifier", "SELECT kind, state, attempts FROM deliveries")
    assert sorted(map(tuple, rows)) == [
        ("breach_alert", "sent", 1),
        ("breach_retraction", "sent", 1),
    ]
    assert sorted(subject.partition(":")[0] for subject in _subjects(desk)) == [
        "Breached",
        "Retracted",
    ]


@pytest.mark.long
async def test_an_alert_refused_for_now_while_it_was_taken_back_is_not_tried_again(
    desk: Desk,
) -> None:
    """Its last try fails after the retraction was heard: only the retraction arrives."""
    desk.mailbox.kept_waiting.add(LEADS)
    desk.start("notifier")
    await desk.ready("notifier")
    await _publish(desk, BREACHED)
    await _under_way(desk)
    await _publish(desk, RETRACTED)
    await until(lambda: desk.query("notifier", MARKED), what="the retraction is heard")
    desk.mailbox.refused[LEADS] = "451 come back later"
    desk.mailbox.kept_waiting.clear()
    await _ended(desk, suppressed=1)
    desk.mailbox.refused.clear()
    await _ended(desk, suppressed=1, sent=1)
    assert [subject.partition(":")[0] for subject in _subjects(desk)] == ["Retracted"]


async def test_an_alert_that_waits_for_its_next_try_never_goes_out(desk: Desk) -> None:
    """The server took no mail at first: when it does, the retraction arrives and no alarm."""
    desk.mailbox.refused[LEADS] = "451 come back later"
    desk.start("notifier")
    await desk.ready("notifier")
    await _publish(desk, BREACHED)
    waiting = "SELECT 1 FROM deliveries WHERE attempts > 0 AND state = 'planned'"
    await until(lambda: desk.query("notifier", waiting), what="one try was refused")
    await _publish(desk, RETRACTED)
    await _ended(desk, suppressed=1)
    desk.mailbox.refused.clear()
    await _ended(desk, suppressed=1, sent=1)
    assert [subject.partition(":")[0] for subject in _subjects(desk)] == ["Retracted"]


async def test_breach_and_retraction_heard_together_reach_nobody(desk: Desk) -> None:
    """After an outage both lie in the backlog: no mail, and it is said that none was sent."""
    desk.start("notifier")
    await desk.ready("notifier")
    assert desk.stop("notifier") == 0
    await _publish(desk, BREACHED, RETRACTED)
    desk.start("notifier")
    (suppressed,) = await _ended(desk, suppressed=1)
    assert isinstance(suppressed, NotificationSuppressed)
    assert suppressed.causationid == RETRACTED.id
    assert suppressed.data.private is not None
    assert suppressed.data.private.address == LEADS
    assert _subjects(desk) == []


@pytest.mark.long
async def test_an_alert_whose_sender_died_is_not_tried_again_once_taken_back(desk: Desk) -> None:
    """Nobody knows whether it had arrived: its reader is told, and no second alarm goes out."""
    desk.start("notifier", CARELINE_FAILPOINT="notifier.claimed", CARELINE_HOLD=HOLD)
    await desk.ready("notifier")
    await _publish(desk, BREACHED)
    assert await desk.died("notifier") == -9
    await _publish(desk, RETRACTED)
    desk.start("notifier", CARELINE_HOLD=HOLD)
    await _ended(desk, suppressed=1, sent=1)
    assert [subject.partition(":")[0] for subject in _subjects(desk)] == ["Retracted"]


# The others go with `make long`: sla passes the same places of the shared code in each run.
@pytest.mark.parametrize(
    "place", [pytest.param("notifier.before_commit", marks=pytest.mark.long), "notifier.committed"]
)
async def test_a_retraction_is_heard_once_though_its_hearer_was_killed(
    desk: Desk, place: str
) -> None:
    """SIGKILL before or after the commit of its batch: one retraction, said once."""
    desk.start("notifier")
    await desk.ready("notifier")
    await _publish(desk, BREACHED)
    await _ended(desk, sent=1)
    assert desk.stop("notifier") == 0
    desk.start("notifier", CARELINE_FAILPOINT=place)
    await desk.ready("notifier")
    await _publish(desk, RETRACTED)
    assert await desk.died("notifier") == -9
    desk.start("notifier")
    await _ended(desk, sent=2)
    assert [subject.partition(":")[0] for subject in _subjects(desk)] == ["Breached", "Retracted"]


def _subjects(desk: Desk) -> list[str]:
    return [str(mail["Subject"]) for mail in desk.mailbox.to(LEADS)]


async def _publish(desk: Desk, *events: Event) -> None:
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _under_way(desk: Desk) -> None:
    sending = "SELECT 1 FROM deliveries WHERE state = 'sending'"
    await until(lambda: desk.query("notifier", sending), what="the alert is under way")


async def _ended(desk: Desk, *, sent: int = 0, suppressed: int = 0) -> list[Event]:
    """What notifier has said, once it has said so many of each; no more of either."""

    async def complete() -> list[Event] | None:
        events = await _said(desk)
        return events if len(events) >= sent + suppressed else None

    events = await until(complete, within=60, what=f"{sent} sent and {suppressed} suppressed")
    assert sum(isinstance(event, NotificationSent) for event in events) == sent
    assert sum(isinstance(event, NotificationSuppressed) for event in events) == suppressed
    return events


async def _said(desk: Desk) -> list[Event]:
    """Repeats of one id left out."""
    heard = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.NOTIFICATIONS)
    return list({event.id: event for event in heard}.values())
