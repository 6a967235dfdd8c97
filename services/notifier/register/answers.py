"""What operators are told, as JSON and as parts of what was sent."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from starlette.responses import JSONResponse, Response

from services.notifier.deliveries import Content, Delivery, DeliveryState
from services.notifier.register import contents, wording
from services.notifier.register.register import Entry
from services.notifier.store import overview, shown
from shared import problems
from shared.envelope import format_instant
from shared.tickets import ticket_number

PRIVATE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A mail may ask for nothing from anywhere, run nothing, lead nowhere and send nothing; only a page
# of ours may frame it.
_MAIL = PRIVATE | {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'; sandbox"
    )
}


_DOCTYPE = re.compile(r"\A\s*(<!doctype[^>]*>)?", re.IGNORECASE)
_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_EITHER = re.compile(r"color-scheme\s*:\s*light\s+dark", re.IGNORECASE)

Part = Literal["source", "html", "text"]


def answer_content(id_: UUID, content: Content | None, part: Part | None) -> Response:
    """What was sent, taken apart, or one part of it as it is.

    Raises:
        Problem: 404 for what is not kept, or not in it.
    """
    if content is None:
        detail = "Nothing is kept: it was never tried, it went in a digest, or it is too old."
        raise problems.Problem(404, "Not found", detail)
    if part == "source":
        headers = _MAIL | {
            "Content-Disposition": f'attachment; filename="{id_}.{_ending(content)}"'
        }
        return Response(contents.source(content), media_type=content.media_type, headers=headers)
    looked = contents.take_apart(content)
    if part is None:
        return JSONResponse(_show_content(content, looked), headers=PRIVATE)
    words = looked.html if part == "html" else looked.text
    if words is None:
        raise problems.Problem(404, "Not found", f"What was sent has no {part} part.")
    if part == "html":
        words = _for_the_frame(words)
    kind = "text/html" if part == "html" else "text/plain"
    return Response(words.encode("utf-8", "replace"), media_type=kind, headers=_MAIL)


def _for_the_frame(html: str) -> str:
    """A mail for the frame of a page: light on any screen, and never gone to where a link leads.

    Links open windows, of which a sandbox has none.
    """
    html = _EITHER.sub("color-scheme: light", _DARK.sub("(max-width: 0)", html))
    first = '<base target="_blank"><meta name="color-scheme" content="only light">'
    return _DOCTYPE.sub(lambda found: found[0] + first, html, count=1)


def _ending(content: Content) -> str:
    return "eml" if content.media_type == contents.MAIL else "json"


def show(delivery: Delivery) -> dict[str, Any]:
    """A delivery as JSON."""
    ticket, digest = delivery.ticket, delivery.digest
    return {
        "id": str(delivery.id),
        "kind": delivery.kind,
        "state": delivery.state,
        "channel": delivery.channel,
        "lane": delivery.lane,
        "address": delivery.address,
        "ticket": ticket and str(ticket),
        "number": ticket and ticket_number(ticket),
        "digest": digest and str(digest),
        "reason": delivery.reason,
        "why": wording.why(delivery),
        "code": delivery.code,
        "detail": delivery.detail,
        "attempts": delivery.attempts,
        "round": delivery.round,
        "caused_at": format_instant(delivery.caused_at),
        "not_before": format_instant(delivery.not_before),
        "ended_at": _instant(delivery.ended_at),
        "bounced_at": _instant(delivery.bounced_at),
        "again_at": _instant(delivery.again_at),
        "again_by": delivery.again_by,
    }


def show_entry(entry: Entry) -> dict[str, Any]:
    """All that is known of one as JSON."""
    delivery, refusal = entry.delivery, entry.refusal
    return {
        **show(delivery),
        "clock": delivery.clock,
        "cycle": delivery.cycle,
        "step": delivery.step,
        "held": delivery.held,
        "facts": dict(delivery.facts),
        "second_copy_possible": delivery.uncertain,
        "withdrawn_by": delivery.withdrawn_by and str(delivery.withdrawn_by),
        "caused_by": str(delivery.caused_by),
        "correlation": str(delivery.correlation),
        "tries": [_show_try(each) for each in entry.tries],
        "content": entry.media_type,
        "carries": None if entry.carries is None else show_counts(entry.carries),
        "mail_comes_back": entry.bounce and show_bounce(entry.bounce),
        "not_again": refusal and {"reason": refusal.reason, "detail": refusal.words},
    }


def _show_try(each: shown.Try) -> dict[str, Any]:
    return {
        "attempt": each.attempt,
        "began_at": format_instant(each.began_at),
        "ended_at": _instant(each.ended_at),
        "outcome": each.outcome,
        "code": each.code,
        "detail": each.detail,
    }


def show_counts(counts: Mapping[DeliveryState, shown.Count]) -> dict[str, Any]:
    """How many there are, by state, as JSON."""
    return {
        "counts": {state: count.number for state, count in counts.items()},
        # The newest of these were counted, and there are more behind them.
        "counts_at_least": [state for state, count in counts.items() if count.at_least],
    }


def _show_content(content: Content, looked: contents.Shown) -> dict[str, Any]:
    if looked.posted is not None:
        return {"media_type": content.media_type, "posted": looked.posted}
    return {
        "media_type": content.media_type,
        "headers": [[name, value] for name, value in looked.headers],
        "text": looked.text,
        "html": looked.html,
        "attachments": [
            {"name": each.name, "media_type": each.media_type, "size": each.size}
            for each in looked.attachments
        ],
    }


def show_lane(lane: overview.Lane, now: datetime) -> dict[str, Any]:
    """How a lane stands as JSON."""
    oldest = lane.oldest
    return {
        "lane": lane.lane,
        "due": lane.due,
        "waiting": lane.waiting,
        "sending": lane.sending,
        "at_least": lane.at_least,
        "oldest_seconds": oldest and max(0.0, (now - oldest).total_seconds()),
        "failed_within_an_hour": lane.failed,
    }


def show_bounce(bounce: overview.Bounce) -> dict[str, Any]:
    """A bounced address as JSON."""
    return {
        "address": bounce.address,
        "bounced_at": format_instant(bounce.bounced_at),
        "status": bounce.status,
        "detail": bounce.detail,
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else format_instant(value)
