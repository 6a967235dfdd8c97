"""A history of all that notifier does, and what its database and the stream have of it."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from shared.envelope import Topic
from shared.events import Event, TicketCreated
from tests.support import said, said_handling, said_mails
from tests.support.desk import CATALOGUE, Desk
from tests.support.lost_database import has_heard_all
from tests.support.stream import publish
from tests.support.waiting import until
from tests.support.webhooks import Hook

LEADS = "support-leads@careline.example"
BUSY, GONE = "busy@customer.example", "gone@customer.example"
DESTINATIONS = """
[destinations.incident-log]
webhook = {{ url = "{webhook}", secrets = [{{ env = "SIGNING" }}] }}
allow_private = true
"""
STEPS = f'["{LEADS}", "incident-log", {{ tell = ["later@careline.example"], after = "3h" }}]'

HEARD = (Topic.TICKETS, Topic.SLA, Topic.MESSAGES)
Rows = Mapping[str, Mapping[str, Any]]
"""What is kept of deliveries, by id."""

KEPT = """
    ticket, kind, channel, lane, address, person, state, attempts, uncertain, digest, reason, code,
    round, messages, bounced_at, step, cycle, clock
"""


def set_up(desk: Desk, hook: Hook) -> None:
    """Have people told by mail and webhook, in a later step too, and soon in digests."""
    destinations, catalogue = desk.folder / "destinations.toml", desk.folder / "plans.toml"
    destinations.write_text(DESTINATIONS.format(webhook=hook.url("/log")))
    catalogue.write_text(CATALOGUE.read_text().replace(f'["{LEADS}"]', STEPS))
    desk.settings |= {
        "CARELINE_DESTINATIONS": str(destinations),
        "CARELINE_CATALOGUE": str(catalogue),
        "CARELINE_ALERTS_PER_MINUTE": "2",
        "CARELINE_DIGEST_PAUSE": "1",
        "CARELINE_ACKNOWLEDGEMENTS_PER_ADDRESS_HOUR": "10",
        "CARELINE_REPLY_DELAY": "1",
        "CARELINE_PATIENCE": "1",
        "SIGNING": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }
    desk.mailbox.refused |= {
        BUSY: "451 4.3.2 come again",
        GONE: "550 5.1.1 no such mailbox",
    }


def ticket_from(address: str) -> TicketCreated:
    """A request from somebody else than most."""
    created = said.ticket_created(address)
    private = created.data.private
    assert private is not None
    requester = f"r-{address}"
    told = private.model_copy(update={"address": address, "person": requester})
    data = created.data.model_copy(update={"private": told, "requester": requester})
    return created.model_copy(update={"data": data})


async def tell(desk: Desk, *heard: Event) -> None:
    """Put events on the stream."""
    await publish(desk.stack.bootstrap_servers, desk.namespace, heard)


async def settled(desk: Desk, *, on_the_way: int) -> None:
    """Wait until all was heard, no more than so many deliveries are to go out, and all was said."""
    # Else what was told just now would not be among those that are on their way.
    heard = partial(has_heard_all, desk, "notifier", HEARD)
    await until(heard, within=60, what="all was heard")

    async def quiet() -> bool:
        (row,) = await desk.query(
            "notifier",
            """
            SELECT (SELECT count(*) FROM outbox) AS unsaid, (
                SELECT count(*) FROM deliveries
                WHERE state IN ('planned', 'sending') AND step = 0
            ) AS left
            """,
        )
        return bool(row["unsaid"] == 0 and row["left"] == on_the_way)

    await until(quiet, within=60, what=f"all but {on_the_way} have ended")


async def tell_everything(desk: Desk) -> None:
    """All kinds of deliveries, ended in every way; one is refused for now, and pending."""
    created = said.ticket_created("answered")
    retracted, risky = said.ticket_created("retracted"), said.ticket_created("at risk")
    machine = said_mails.ticket_by_mail(said.ticket_created("machine"), automatic=True)
    slips = [said.slot(each) for each in (created, retracted, risky)]
    breached = said.breach(slips[1])
    await tell(
        desk,
        created,
        retracted,
        risky,
        machine,
        ticket_from(GONE),
        ticket_from(BUSY),
        *(event for each in slips for event in each.events),
        said.message_posted(created, key="one", text="One.", sequence=2),
        said.message_posted(created, key="two", text="Two.", sequence=3),
        said_handling.ticket_assigned(created, "a-colleague", change=1),
        said.at_risk(slips[2].scheduled),
        breached,
    )
    await settled(desk, on_the_way=1)
    await tell(desk, said.retraction(breached))
    storm = [said.breach(said.slot(said.ticket_created(f"storm {n}"))) for n in range(6)]
    await tell(desk, *storm)
    rows = await desk.query(
        "notifier",
        "SELECT id FROM deliveries WHERE kind = 'acknowledgement' AND ticket = $1",
        said.ticket_of(created),
    )
    await settled(desk, on_the_way=1)
    sent = rows[0]["id"]
    at = said.now() + timedelta(seconds=1)
    await tell(desk, said_mails.mail_bounced(created, delivery=sent, at=at))

    async def noted() -> bool:
        return bool(
            await desk.query("notifier", "SELECT 1 FROM bounces WHERE address = $1", said.ADDRESS)
        )

    await until(noted, within=30, what="the bounce is known")


async def kept(desk: Desk) -> Rows:
    """What is known of each delivery."""
    sql = f"SELECT id, {KEPT} FROM deliveries"  # noqa: S608 - names of ours
    rows = await desk.query("notifier", sql)
    return {str(row["id"]): dict(row) for row in rows}
