"""`POST /v1/tickets`: 202 only once the broker has the event."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from aiokafka.errors import MessageSizeTooLargeError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.intake import domain
from services.intake.asked import TicketRequest
from services.intake.records import Sealing, publish_keys
from shared import events, metrics, problems, tracing, web
from shared.envelope import format_instant
from shared.failpoints import failpoint
from shared.faults import BrokerAwayError
from shared.identity import Caller, Role, Verifier, requester_id
from shared.messages import AuthorKind
from shared.publisher import Publishes
from shared.tickets import ticket_number

log = structlog.get_logger(__name__)


_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Intake:
    """What the routes need, and the routes."""

    publisher: Publishes
    verifier: Verifier
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    """A fresh idempotency key for a request that brings none."""
    sealing: Sealing
    messaging_center: str
    pseudonym_secret: str

    async def post_ticket(self, request: Request) -> Response:
        """Accept a request; again under one `Idempotency-Key` is the same ticket."""
        caller = self.verifier.caller(request)
        key = web.idempotency_key(request) or self.new_key()
        asked = await web.read_json(request, TicketRequest)
        created = _open(self, asked, caller=caller, key=key, traceparent=traceparent(request))
        await _publish(self, created, key=key)
        failpoint("intake.published")
        return _accepted(self, created)


def routes(intake: Intake) -> list[Route]:
    """The routes of intake."""
    return [Route("/v1/tickets", intake.post_ticket, methods=["POST"])]


def _open(
    intake: Intake,
    asked: TicketRequest,
    *,
    caller: Caller | None,
    key: str,
    traceparent: str | None,
) -> events.TicketCreated:
    requester = requester_id(asked.requester.address, secret=intake.pseudonym_secret)
    submission = _submission(asked, caller)
    # A key is its sender's: another sender's request under the same key is another ticket.
    sender = f"subject:{caller.subject}" if caller else f"requester:{requester}"
    return domain.open_ticket(
        submission,
        ticket=domain.ticket_id(sender=sender, key=key),
        requester=requester,
        now=intake.clock(),
        traceparent=traceparent,
    )


def _submission(asked: TicketRequest, caller: Caller | None) -> domain.Submission:
    by_staff = caller is not None and caller.is_staff
    account, verified = asked.account, by_staff and asked.account is not None
    if caller is not None and Role.CUSTOMER in caller.roles and not by_staff:
        if account not in (None, caller.account):
            raise problems.Problem(403, "Forbidden", "The token belongs to another account.")
        account, verified = caller.account, caller.account is not None
    return domain.Submission(
        address=asked.requester.address,
        name=asked.requester.name,
        account=account,
        account_verified=verified,
        queue=asked.queue,
        opened_by=AuthorKind.AGENT if by_staff else AuthorKind.CUSTOMER,
        subject=asked.subject,
        text=asked.text,
        channel=asked.channel,
        priority=asked.priority,
        locale=asked.locale,
        time_zone=asked.time_zone,
    )


async def _publish(intake: Intake, created: events.TicketCreated, *, key: str) -> None:
    records, channel = intake.sealing.records([created]), created.data.channel
    try:
        await publish_keys(intake.publisher, records)
        failpoint("intake.keys_published")
        await intake.publisher.publish(records.sealed)
    except BrokerAwayError:
        metrics.TICKETS.labels(channel, "unavailable").inc()
        detail = "The request was not accepted. Send it again with this Idempotency-Key."
        raise problems.unavailable(detail, idempotency_key=key) from None
    except MessageSizeTooLargeError:
        raise problems.Problem(413, "Request too large", "Shorten the text.") from None
    metrics.TICKETS.labels(channel, "accepted").inc()
    log.info("ticket_accepted", ticket=created.subject, correlation=str(created.correlationid))


def _accepted(intake: Intake, created: events.TicketCreated) -> Response:
    follow = f"{intake.messaging_center}/v1/tickets/{created.subject}"
    body = {
        "ticket": created.subject,
        "number": ticket_number(UUID(created.subject)),
        "accepted_at": format_instant(created.time),
        "follow": follow,
    }
    return JSONResponse(body, 202, headers={"Location": follow})


def traceparent(request: Request) -> str | None:
    """The W3C trace context of a request, or None; where we trace, it is our own part of it."""
    if (own := tracing.traceparent()) is not None:
        return own
    given = request.headers.get("traceparent", "")
    return given if _TRACE.fullmatch(given) else None
