"""Examples of what is said of plan catalogues: one is in force, and a ticket counts by another."""

from datetime import datetime, timedelta

from deploy.event_docs.deadline_examples import ASKED, CATALOGUE, SLA
from shared import adopted
from shared.envelope import NAMESPACE, Cause, derive_id
from shared.events import TicketCreated

TOML = f"""\
version = "{CATALOGUE}"
default_plan = "self-service"

[calendars.business]
tz = "UTC"
hours.mon = [["09:00", "17:00"]]

# The other days, and the plans, follow.
"""
NEXT = "2026-12"
ADOPTED = ASKED - timedelta(days=22)
MOVED = timedelta(days=8)


def catalogue_adopted() -> adopted.CatalogueAdopted:
    """The file of plans was taken into force."""
    data = adopted.CatalogueAdoptedData(catalogue_version=CATALOGUE, catalogue=TOML)
    subject = f"{adopted.SUBJECT}{CATALOGUE}"
    cause = Cause(derive_id(NAMESPACE, "catalogue", CATALOGUE), subject)
    return adopted.CatalogueAdopted.say(data, cause=cause, source=SLA, time=ADOPTED)


def catalogue_moved(created: TicketCreated) -> adopted.CatalogueMoved:
    """An admin lets running clocks count by the next one."""
    move = derive_id(NAMESPACE, "catalogue move", NEXT, "example-7")
    data = adopted.CatalogueMovedData(catalogue_version=NEXT, move=move)
    cause = Cause(
        derive_id(move, created.subject),
        created.subject,
        created.correlationid,
        traceparent=created.traceparent,
    )
    return adopted.CatalogueMoved.say(data, cause=cause, source=SLA, time=_at(created))


def _at(created: TicketCreated) -> datetime:
    return created.time + MOVED
