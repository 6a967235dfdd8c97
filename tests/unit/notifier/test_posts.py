"""What is posted to chats, pagers and webhooks."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.notifier import posts
from services.notifier.deliveries import About, Delivery, DeliveryKind
from services.notifier.letters.brand import Brand
from services.notifier.letters.desk import Desk
from shared.notifications import NotificationChannel
from shared.tickets import ticket_number
from tests.support import alerts

DESK = Desk(
    brand=Brand(name="Careline"),
    sender="support@careline.example",
    messaging_center="https://care.example",
    operators="https://deliveries.example",
)
SLACK, PAGERDUTY, WEBHOOK = (
    NotificationChannel.SLACK,
    NotificationChannel.PAGERDUTY,
    NotificationChannel.WEBHOOK,
)


def posted(delivery: Delivery, about: About = About()) -> Any:  # noqa: ANN401, B008 - JSON; frozen
    """The JSON that goes out."""
    content = posts.compose(delivery, about, desk=DESK)
    assert content.media_type == "application/json"
    return json.loads(content.body)


def storm(channel: NotificationChannel, amount: int = 3) -> tuple[Delivery, About]:
    """A digest of so many breaches, of which as many are shown as may be."""
    carried = [
        alerts.breach_alert(str(number), channel=channel) for number in range(min(amount, 50))
    ]
    return alerts.digest(carried[0]), alerts.about(carried, amount=amount)


@pytest.mark.parametrize("channel", [SLACK, PAGERDUTY, WEBHOOK])
def test_the_same_facts_give_the_same_bytes(channel: NotificationChannel) -> None:
    """A second copy is known as one."""
    alert = alerts.breach_alert(channel=channel)
    once, again = (posts.compose(alert, About(), desk=DESK) for _ in range(2))
    assert once == again


def test_a_chat_reads_which_promise_was_broken_and_where_to_go() -> None:
    """Text for notifications, blocks for the channel, a link to the conversation."""
    alert = alerts.breach_alert()
    assert alert.ticket is not None
    number = ticket_number(alert.ticket)
    body = posted(alert)
    assert body["text"] == f"Careline: Breached: first response of {number}"
    said = "\n".join(block["text"]["text"] for block in body["blocks"])
    assert "Plan: centurion" in said
    assert f"<https://care.example/inbox/{alert.ticket}|Open the conversation>" in said


def test_nobody_is_called_and_nothing_linked_by_what_is_quoted() -> None:
    """`<!channel>`, `<@U1>` and a mere @channel stay text."""
    plan = "<!channel> & <@U1> @here <https://evil.example|click>"
    body = posted(alerts.breach_alert(plan=plan))
    said = "\n".join(block["text"]["text"] for block in body["blocks"])
    assert "&lt;!channel&gt; &amp; &lt;@\u200bU1&gt; @\u200bhere" in said
    assert "<!" not in said
    assert "<@" not in said
    assert "<https://evil" not in said
    assert "@here" not in json.dumps(body, ensure_ascii=False)


def test_a_chat_s_digest_says_how_many_which_and_where_the_list_is() -> None:
    """Fifty are named, the rest is counted; no block is too long for Slack."""
    digest, about = storm(SLACK, 10_000)
    body = posted(digest, about)
    assert "10000 alerts: 10000 breached" in body["text"]
    texts = [block["text"]["text"] for block in body["blocks"]]
    said = "\n".join(texts)
    assert said.count("• <https://care.example/inbox/") == 50
    assert "… and 9950 more" in said
    assert f"<https://deliveries.example/deliveries?digest={digest.id}|The whole list>" in said
    assert max(map(len, texts)) <= 3000
    assert len(texts) <= 50


def test_a_chat_reads_how_a_retracted_breach_stands_in_truth() -> None:
    """It was met."""
    body = posted(alerts.retraction(alerts.breach_alert()))
    assert body["text"].startswith("Careline: Retracted: first response of ")
    said = "\n".join(block["text"]["text"] for block in body["blocks"])
    assert "That does not hold. How it stands now: done in time" in said


def test_a_pager_has_one_incident_for_each_promise_and_a_retraction_resolves_it() -> None:
    """Whoever is told in a later step joins the incident of the first."""
    alert = alerts.breach_alert(channel=PAGERDUTY)
    opened = posted(alert)
    assert opened["event_action"] == "trigger"
    assert opened["dedup_key"] == f"{alert.ticket}/first_response/1"
    assert opened["payload"]["severity"] == "critical"
    assert "routing_key" not in opened
    later = posted(replace(alert, id=alert.caused_by, step=2))
    assert later["dedup_key"] == opened["dedup_key"]
    resolved = posted(alerts.retraction(alert))
    assert resolved == {"event_action": "resolve", "dedup_key": opened["dedup_key"]}


def test_a_pager_takes_a_warning_as_a_warning_and_the_breach_raises_it() -> None:
    """At risk is not broken yet; what breaks then is the same incident."""
    breach = alerts.breach_alert(channel=PAGERDUTY)
    warning = replace(breach, kind=DeliveryKind.AT_RISK_ALERT, caused_by=breach.id)
    warned, opened = posted(warning), posted(breach)
    assert warned["payload"]["severity"] == "warning"
    assert warned["dedup_key"] == opened["dedup_key"]
    another = posted(replace(breach, cycle=2))
    assert another["dedup_key"] != opened["dedup_key"]


def test_an_incident_stays_open_if_it_is_breached_by_another_due_time() -> None:
    """The retraction is of one due time; the promise is broken all the same."""
    alert = alerts.breach_alert(channel=PAGERDUTY)
    retraction = alerts.retraction(alert)
    still = replace(retraction, facts={**retraction.facts, "state": "breached"})
    body = posted(still)
    assert (body["event_action"], body["dedup_key"]) == ("trigger", posted(alert)["dedup_key"])
    assert body["payload"]["severity"] == "critical"


def test_a_webhook_is_told_the_facts_of_the_event() -> None:
    """Type, time and what the event says, and nothing that only the desk is to know."""
    alert = alerts.breach_alert(channel=WEBHOOK, note="for us alone", address="team-chat")
    body = posted(alert)
    assert alert.ticket is not None
    assert body == {
        "type": "deadline.breached",
        "timestamp": alert.caused_at.isoformat(),
        "data": {
            "event": str(alert.caused_by),
            "ticket": str(alert.ticket),
            "number": ticket_number(alert.ticket),
            "clock": "first_response",
            "cycle": 1,
            "step": 0,
            "plan": "centurion",
            "due": alert.facts["due"],
            "overdue_seconds": alert.facts["overdue_seconds"],
            "link": f"https://care.example/inbox/{alert.ticket}",
        },
    }


@pytest.mark.parametrize("channel", [PAGERDUTY, WEBHOOK])
def test_machines_get_each_alert_and_no_digest(channel: NotificationChannel) -> None:
    """Storm control is for people: a digest planned for a machine is a mistake, and said so."""
    digest, about = storm(channel)
    with pytest.raises(posts.UnpostableError):
        posted(digest, about)


@pytest.mark.parametrize("kind", [DeliveryKind.ACKNOWLEDGEMENT, DeliveryKind.REPLY])
def test_what_goes_to_customers_is_never_posted(kind: DeliveryKind) -> None:
    """A chat is no place for it, whatever planned it so."""
    with pytest.raises(posts.UnpostableError):
        posted(replace(alerts.breach_alert(), kind=kind))
