"""The operators' pages and API over a real database, and rows for them to show."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette

from services.notifier import api, pages
from services.notifier.deliveries import (
    MAIL_LANE,
    TO_CUSTOMERS,
    Delivery,
    DeliveryKind,
    DeliveryState,
)
from services.notifier.register.rendering import Links
from shared import web
from shared.database import Database
from shared.envelope import NAMESPACE, STAFF
from shared.identity import Verifier
from shared.notifications import NotificationChannel
from tests.support import said
from tests.support.notifier_rows import query

NOW = datetime(2026, 11, 14, 9, 30, tzinfo=UTC)
KEY = ECKey.generate_key("P-256", {"kid": "desk"})
STRANGER = ECKey.generate_key("P-256", {"kid": "desk"})
HERE = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
"""What browsers say of a form on one of our pages."""


def token(role: str, *, key: ECKey = KEY, holds: timedelta = timedelta(hours=1)) -> str:
    """A bearer token."""
    claims = {
        "iss": "careline",
        "aud": "careline",
        "sub": f"a-{role}",
        "name": role.capitalize(),
        "roles": [role],
        "exp": int((NOW + holds).timestamp()),
    }
    return jwt.encode({"alg": "ES256", "kid": "desk"}, claims, key)


def bearer(role: str) -> dict[str, str]:
    """The header that goes with such a token."""
    return {"Authorization": f"Bearer {token(role)}"}


class Operated:
    """The API and the pages, at a time that a test may change."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
        self.verifier = Verifier(keys, issuer="careline", audience="careline", clock=self.clock)

    def clock(self) -> datetime:
        """The present."""
        return self.now

    @property
    def application(self) -> Starlette:
        """As notifier serves them."""
        lanes = (MAIL_LANE, "slack")
        links = Links("Care & Line", "https://messages.careline.example")
        routes = [
            *api.routes(api.Deliveries(self.database, self.verifier, self.clock, lanes)),
            *pages.routes(pages.Pages(self.database, self.verifier, self.clock, links, lanes)),
        ]
        return web.application(routes, dict)

    def client(self, role: str | None = None, base: str = "http://localhost") -> httpx.AsyncClient:
        """Somebody who calls the API, with a token unless they have no role."""
        transport = httpx.ASGITransport(self.application)
        headers = bearer(role) if role else {}
        return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)

    @asynccontextmanager
    async def browser(
        self, role: str, base: str = "http://localhost"
    ) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody who has signed in to the pages."""
        async with self.client(base=base) as client:
            client.headers.update(HERE)
            answer = await client.post("/sign-in", data={"token": token(role)})
            assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
            yield client


def delivery(
    name: str = "one",
    *,
    kind: DeliveryKind = DeliveryKind.ACKNOWLEDGEMENT,
    state: DeliveryState = DeliveryState.SENT,
    at: datetime = NOW - timedelta(minutes=5),
    **changes: object,
) -> Delivery:
    """A delivery by mail, with an id of its own by its name, but for what is changed."""
    over = state in {DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SUPPRESSED}
    plain = Delivery(
        id=uuid5(NAMESPACE, name),
        ticket=None if kind is DeliveryKind.DIGEST else uuid5(NAMESPACE, f"ticket of {name}"),
        kind=kind,
        channel=NotificationChannel.EMAIL,
        lane=MAIL_LANE,
        address="customer@customer.example",
        person=said.REQUESTER if kind in TO_CUSTOMERS else STAFF,
        state=state,
        not_before=at,
        attempts=1 if over else 0,
        uncertain=False,
        caused_at=at,
        ended_at=at + timedelta(seconds=1) if over else None,
        caused_by=uuid5(NAMESPACE, f"cause of {name}"),
        correlation=uuid5(NAMESPACE, f"ticket of {name}"),
        traceparent=None,
        facts={},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # what a test says


async def keep(database: Database, *deliveries: Delivery) -> None:
    """Rows as they would be by now."""
    names = [field.name for field in fields(Delivery)]
    values = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    async with database.transaction() as connection:
        await connection.executemany(
            f"INSERT INTO deliveries ({', '.join(names)}) VALUES ({values})",  # noqa: S608 - our own names
            [
                [
                    json.dumps(dict(each.facts)) if name == "facts" else getattr(each, name)
                    for name in names
                ]
                for each in deliveries
            ],
        )


async def keep_content(
    database: Database, kept: UUID, body: bytes, media_type: str = "message/rfc822"
) -> None:
    """What was handed over."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO contents (delivery, body, media_type) VALUES ($1, $2, $3)",
            kept,
            body,
            media_type,
        )


async def keep_try(
    database: Database,
    tried: UUID,
    attempt: int = 1,
    outcome: str = "accepted",
    code: int | None = None,
    detail: str | None = None,
) -> None:
    """A try that took a second."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO tries VALUES ($1, $2, $3, $4, $5, $6, $7)",
            tried,
            attempt,
            NOW - timedelta(minutes=5),
            NOW - timedelta(minutes=5, seconds=-1),
            outcome,
            code,
            detail,
        )


async def all_rows(database: Database) -> list[object]:
    """All that could be changed."""
    return [
        *await query(database, "SELECT * FROM deliveries ORDER BY id"),
        *await query(database, "SELECT * FROM bounces"),
    ]


def proof_of(page: str) -> str:
    """What stands in each form of a session."""
    found = re.search(r'name="proof" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]
