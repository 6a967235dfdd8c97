"""What is posted to chats, pagers and webhooks. Pure: no secret stands in it, and no personal data.

It is kept as it is posted, so that operators see it; keys and signatures are added on the way out.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, assert_never

from services.notifier.alerting import STORMY
from services.notifier.deliveries import About, Content, Delivery, DeliveryKind
from services.notifier.letters.desk import Desk
from services.notifier.letters.links import inbox_of
from shared.deadlines import DeadlineState
from shared.notifications import NotificationChannel
from shared.tickets import ticket_number

MEDIA_TYPE = "application/json"

_HEADINGS = {
    DeliveryKind.AT_RISK_ALERT: "At risk",
    DeliveryKind.BREACH_ALERT: "Breached",
    DeliveryKind.BREACH_RETRACTION: "Retracted",
}
_TYPES = {
    DeliveryKind.AT_RISK_ALERT: "deadline.at_risk",
    DeliveryKind.BREACH_ALERT: "deadline.breached",
    DeliveryKind.BREACH_RETRACTION: "deadline.breach_retracted",
}
_FACTS = ("plan", "priority", "due", "overdue_seconds", "warned", "breach", "state", "due_now")
"""What a webhook is told of what is known about an alert: as in the event, personal data never."""
_STANDINGS = {
    DeadlineState.RUNNING: "still running",
    DeadlineState.PAUSED: "paused",
    DeadlineState.MET: "done in time",
    DeadlineState.CANCELLED: "nothing is owed any more",
    DeadlineState.BREACHED: "breached all the same, by another due time",
}
_BLOCK = 2800
"""Characters of a block of text; Slack takes 3,000."""
_SUMMARY = 1024
"""Characters that PagerDuty takes as a summary."""


class UnpostableError(ValueError):
    """Something that only mail carries, planned for another way out."""


def compose(delivery: Delivery, about: About, *, desk: Desk) -> Content:
    """What is posted for a delivery; the same facts give the same bytes.

    Raises:
        UnpostableError: it is nothing that goes to people of ours.
    """
    if delivery.kind is DeliveryKind.DIGEST and delivery.channel in STORMY:
        return _content(_slack_digest(delivery, about, desk))
    if delivery.kind not in _TYPES:
        raise UnpostableError(f"{delivery.kind} does not go by {delivery.channel}")
    match delivery.channel:
        case NotificationChannel.SLACK:
            return _content(_slack_alert(delivery, desk))
        case NotificationChannel.PAGERDUTY:
            return _content(_pagerduty(delivery, desk))
        case NotificationChannel.WEBHOOK:
            return _content(_webhook(delivery, desk))
        case NotificationChannel.EMAIL:
            raise UnpostableError("a mail is no post")
        case _:
            assert_never(delivery.channel)


def _content(body: Mapping[str, Any]) -> Content:
    return Content(json.dumps(body, ensure_ascii=False).encode(), MEDIA_TYPE)


def _list(digest: Delivery, desk: Desk) -> str:
    """All that a digest carries."""
    return f"{desk.operators}/deliveries?digest={digest.id}"


def _digest_title(about: About) -> str:
    amounts = (
        f"{amount} {_HEADINGS[kind].lower()}"
        for kind, amount in sorted(about.carried_by_kind.items())
    )
    return f"{_amount(about)} alerts: {', '.join(amounts)}"


def _title(delivery: Delivery) -> str:
    return f"{_HEADINGS[delivery.kind]}: {_promise(delivery)}"


def _promise(delivery: Delivery) -> str:
    number = ticket_number(delivery.ticket) if delivery.ticket else ""
    return f"{_clock(delivery)} of {number}"


def _clock(delivery: Delivery) -> str:
    return (delivery.clock or "deadline").replace("_", " ")


def _amount(about: About) -> int:
    return sum(about.carried_by_kind.values())


def _lines(delivery: Delivery) -> list[str]:
    """What is to be known of an alert beside its title."""
    facts = delivery.facts
    lines = [f"Plan: {facts['plan']}"] if facts.get("plan") else []
    if facts.get("due"):
        is_over = delivery.kind is not DeliveryKind.AT_RISK_ALERT
        lines.append(f"{'Was due' if is_over else 'Due'}: {_instant(facts['due'])}")
    if facts.get("state"):
        now = _STANDINGS[DeadlineState(facts["state"])]
        due = f" ({_instant(facts['due_now'])})" if facts.get("due_now") else ""
        lines.append(f"That does not hold. How it stands now: {now}{due}")
    if delivery.step:
        lines.append("Nobody has reacted to earlier alerts of it.")
    return lines


def _instant(written: str) -> str:
    return f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _slack_digest(digest: Delivery, about: About, desk: Desk) -> dict[str, Any]:
    lines = [f"• {_linked(_title(each), inbox_of(each.ticket, desk))}" for each in about.carried]
    if (more := _amount(about) - len(about.carried)) > 0:
        lines.append(f"… and {more} more")
    lines.append(_linked("The whole list", _list(digest, desk)))
    return _slack(_digest_title(about), lines, desk)


def _slack_alert(delivery: Delivery, desk: Desk) -> dict[str, Any]:
    lines = [_plain(line) for line in _lines(delivery)]
    lines.append(_linked("Open the conversation", inbox_of(delivery.ticket, desk)))
    return _slack(_title(delivery), lines, desk)


def _slack(title: str, lines: list[str], desk: Desk) -> dict[str, Any]:
    texts = [f"*{_plain(title)}*", *_blocks(lines)]
    return {
        "text": _plain(f"{desk.brand.name}: {title}"),
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts],
    }


def _plain(text: str) -> str:
    """Text that Slack takes for nothing else: no link, and nobody is called by it."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Others that take Slack's posts call everybody at a mere @channel.
    return escaped.replace("@", "@\u200b")


def _linked(text: str, url: str) -> str:
    return f"<{url}|{_plain(text).replace('|', '¦')}>"


def _blocks(lines: list[str]) -> list[str]:
    """Lines in as few blocks as they fit into."""
    blocks = [""]
    for line in lines:
        if blocks[-1] and len(blocks[-1]) + len(line) > _BLOCK:
            blocks.append("")
        blocks[-1] += f"{line}\n"
    return [block.rstrip("\n") for block in blocks]


def _pagerduty(delivery: Delivery, desk: Desk) -> dict[str, Any]:
    if delivery.kind is DeliveryKind.BREACH_RETRACTION:
        if delivery.facts.get("state") != DeadlineState.BREACHED:
            return {"event_action": "resolve", "dedup_key": _incident(delivery)}
        # Breached all the same, by another due time: the incident stays open.
        delivery = replace(delivery, kind=DeliveryKind.BREACH_ALERT)
    is_breach = delivery.kind is DeliveryKind.BREACH_ALERT
    return {
        "event_action": "trigger",
        "dedup_key": _incident(delivery),
        "client": desk.brand.name,
        "client_url": desk.operators,
        "links": [{"href": inbox_of(delivery.ticket, desk), "text": "The conversation"}],
        "payload": {
            "summary": _title(delivery)[:_SUMMARY],
            "source": desk.brand.name,
            "severity": "critical" if is_breach else "warning",
            "timestamp": delivery.caused_at.isoformat(),
            "class": _TYPES[delivery.kind],
            "custom_details": _data(delivery, desk),
        },
    }


def _incident(delivery: Delivery) -> str:
    """One for each promise: its breach joins the warning's, and a retraction resolves both."""
    clock = delivery.clock and delivery.clock.value
    return f"{delivery.ticket}/{clock}/{delivery.cycle}"


def _webhook(delivery: Delivery, desk: Desk) -> dict[str, Any]:
    return {
        "type": _TYPES[delivery.kind],
        "timestamp": delivery.caused_at.isoformat(),
        "data": _data(delivery, desk),
    }


def _data(delivery: Delivery, desk: Desk) -> Mapping[str, Any]:
    return {
        "event": str(delivery.caused_by),
        "ticket": str(delivery.ticket),
        "number": ticket_number(delivery.ticket) if delivery.ticket else None,
        "clock": delivery.clock and delivery.clock.value,
        "cycle": delivery.cycle,
        "step": delivery.step,
        **{name: delivery.facts[name] for name in _FACTS if name in delivery.facts},
        "link": inbox_of(delivery.ticket, desk),
    }
