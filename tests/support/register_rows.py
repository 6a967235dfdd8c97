"""A register with a bit of everything, hostile things among it."""

from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from services.notifier.deliveries import Delivery, DeliveryKind, DeliveryState
from shared.database import Database
from shared.notifications import NotificationChannel
from shared.plans import Clock
from tests.support import register
from tests.support.register import NOW, delivery

SCRIPT = "<script>document.title='taken'</script>"
REMOTE = "https://tracker.example/pixel.gif"
HOSTILE = delivery(
    "hostile",
    state=DeliveryState.FAILED,
    at=NOW - timedelta(minutes=3),
    address=f'"{SCRIPT}"@customer.example',
    reason="refused",
    code=550,
    detail=f"5.1.1 {SCRIPT}<img src=x onerror=alert(1)> no such user here",
    attempts=2,
)
SENT = delivery("sent", at=NOW - timedelta(minutes=12), round=1, again_at=NOW, again_by="a-lead")
BREACH = delivery(
    "breach",
    kind=DeliveryKind.BREACH_ALERT,
    state=DeliveryState.PLANNED,
    at=NOW - timedelta(minutes=8),
    attempts=3,
    not_before=NOW + timedelta(minutes=2),
    channel=NotificationChannel.SLACK,
    lane="slack",
    address="slack",
    code=503,
    detail="upstream connect error",
    clock=Clock.FIRST_RESPONSE,
    cycle=1,
)
DIGEST = delivery(
    "digest",
    kind=DeliveryKind.DIGEST,
    state=DeliveryState.FAILED,
    at=NOW - timedelta(hours=2),
    address="leads@careline.example",
    reason="attempts_exhausted",
    attempts=9,
)
CARRIED = [
    delivery(
        f"carried {number}",
        kind=DeliveryKind.BREACH_ALERT,
        state=DeliveryState.FAILED,
        at=NOW - timedelta(hours=2, seconds=number),
        address="leads@careline.example",
        reason="attempts_exhausted",
        digest=DIGEST.id,
        clock=Clock.FIRST_RESPONSE,
        cycle=1,
        attempts=9,
    )
    for number in range(3)
]
BOUNCED = delivery(
    "bounced",
    kind=DeliveryKind.REPLY,
    at=NOW - timedelta(days=1),
    address="gone@customer.example",
    bounced_at=NOW - timedelta(hours=20),
)
SUPPRESSED = delivery(
    "suppressed",
    state=DeliveryState.SUPPRESSED,
    at=NOW - timedelta(days=2),
    reason="automatic_mail",
    attempts=0,
    address="robot@monitoring.example",
)
ALL: list[Delivery] = [HOSTILE, SENT, BREACH, DIGEST, *CARRIED, BOUNCED, SUPPRESSED]

HTML = f"""
<html><head>{SCRIPT}<meta name="color-scheme" content="light dark">
<style>:root {{ color-scheme: light dark }} body {{ font-family: sans-serif }}
@media (prefers-color-scheme: dark) {{ body {{ background: #000 }} }}</style></head>
<body onload="document.title='taken'"><h1>Thank you, {{name}}</h1>
<img src="{REMOTE}" alt="a remote picture"><p>We have your request.</p>
<p>You will hear from us by <strong>Monday, 16 November 2026, 10:00 CET</strong>.</p>
<form action="https://tracker.example/"><input name="password"><button>Send</button></form>
<a href="https://customer.example/">A link</a></body></html>
"""


def mail(html: str = HTML) -> bytes:
    """As it went out."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "Careline <support@careline.example>"
    message["To"] = "customer@customer.example"
    message["Subject"] = f"[CL-72FV-6692-2VYT] We have your request {SCRIPT}"
    message["Message-ID"] = "<one@careline.example>"
    message.set_content(f"Thank you.\n\nWe have your request {SCRIPT}\n")
    message.add_alternative(html, subtype="html")
    message.set_boundary("the-same-each-time")
    return message.as_bytes()


async def fill(database: Database) -> None:
    """Keep it all."""
    await register.keep(database, *sorted(ALL, key=lambda each: each.digest is not None))
    for each in (SENT, HOSTILE):
        await register.keep_content(database, each.id, mail())
    body = b'{"routing_key": "R0UT1NG", "payload": {"summary": "<script>alert(1)</script>"}}'
    await register.keep_content(database, BREACH.id, body, "application/json")
    await register.keep_try(database, SENT.id)
    await register.keep_try(database, HOSTILE.id, 1, "lost", None, "no answer within 30 s")
    await register.keep_try(database, HOSTILE.id, 2, "refused", 550, HOSTILE.detail)
    for attempt in (1, 2, 3):
        await register.keep_try(database, BREACH.id, attempt, "refused", 503, "upstream error")
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO bounces VALUES ($1, $2, NULL, '5.1.1', $3)",
            BOUNCED.address,
            BOUNCED.bounced_at,
            f"550 {SCRIPT} mailbox unavailable",
        )
        await connection.execute(
            "INSERT INTO tickets (ticket, plan) SELECT unnest($1::uuid[]), 'advanced'",
            [each.ticket for each in ALL if each.ticket],
        )
        # The reply that came back still has its words.
        await connection.execute(
            """
            INSERT INTO messages (
                message, ticket, sequence, author_kind, text, posted_at, caused_by, correlation,
                delivery
            )
            VALUES ($1, $2, 1, 'agent', 'It works now.', $3, $1, $1, $4)
            """,
            UUID(int=1),
            BOUNCED.ticket,
            NOW,
            BOUNCED.id,
        )
