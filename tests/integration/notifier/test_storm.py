"""Ten thousand breaches at once, through a running notifier: a handful of mails, nothing lost."""

import pytest

from shared.envelope import Topic
from shared.notifications import NotificationKind, NotificationSent
from tests.support import said
from tests.support.desk import Desk
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = [
    pytest.mark.timeout(300),  # more than all waits of a test together
    pytest.mark.long,
]

LEADS = "support-leads@careline.example"
BREACHES = 10_000
BY_THEMSELVES = 5
"""Alerts that one person gets one by one within a minute."""
SHOWN = 50
"""Alerts that a digest names; the rest is in the list that it leads to."""
LEFT = "SELECT count(*) FROM deliveries WHERE kind = 'breach_alert' AND state <> 'sent'"


async def test_a_storm_of_breaches_becomes_a_handful_of_mails(desk: Desk) -> None:
    """Each breach is said to have been told, and the mails count and name them."""
    desk.start("notifier", CARELINE_DIGEST_PAUSE="3")
    await desk.ready("notifier")
    breached = [
        said.breach(said.slot(said.ticket_created(f"storm-{number}"))) for number in range(BREACHES)
    ]
    await publish(desk.stack.bootstrap_servers, desk.namespace, breached)
    told = await until(lambda: _told(desk), within=120, what="every breach was told")
    assert told == {breach.subject for breach in breached}
    ((left,),) = await desk.query("notifier", LEFT)
    assert left == 0

    mails = desk.mailbox.to(LEADS)
    digests = [mail for mail in mails if mail["Subject"].startswith(tuple("123456789"))]
    assert len(mails) - len(digests) <= BY_THEMSELVES
    assert 1 <= len(digests) <= 5
    rows = await desk.query("notifier", "SELECT id FROM deliveries WHERE kind = 'digest'")
    texts = [mail.get_body(("plain",)).get_content() for mail in digests]  # type: ignore[union-attr] # all have one
    assert all(any(str(row["id"]) in text for text in texts) for row in rows)
    assert all(text.count("CL-") <= SHOWN + 1 for text in texts)


async def _told(desk: Desk) -> set[str] | None:
    """The tickets whose breach was told, once there are as many as there were breaches."""
    heard = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.NOTIFICATIONS)
    told = [
        event.subject
        for event in heard
        if isinstance(event, NotificationSent) and event.data.kind is NotificationKind.BREACH_ALERT
    ]
    assert len(told) == len(set(told))
    return set(told) if len(told) >= BREACHES else None
