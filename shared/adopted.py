"""What sla says of plan catalogues: one is in force, or a ticket counts by another from now on.

With them whoever reads the stream knows what any version promised, and counts again what was said.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.deadlines import CatalogueVersion
from shared.envelope import Envelope, Fact, Topic

SUBJECT = "catalogue:"
"""Before a version it is the subject of what is said of it: no account's id has a colon."""


class CatalogueAdoptedData(Fact):
    """From now on tickets may be slotted by this catalogue; a version is adopted once."""

    catalogue_version: CatalogueVersion
    catalogue: Annotated[
        str, Field(description="All of it, as the organisation wrote it, in TOML.")
    ]


class CatalogueMovedData(Fact):
    """A ticket's clocks count by another version of the catalogue from now on."""

    catalogue_version: CatalogueVersion
    move: UUID
    """Which request of an admin it follows: many tickets follow one."""


class CatalogueAdopted(Envelope[CatalogueAdoptedData]):
    """Said by sla; its key is `catalogue:` and the version, so that each one is kept."""

    TOPIC: ClassVar[Topic] = Topic.ACCOUNTS
    type: Literal["careline.catalogue.adopted.v1"] = "careline.catalogue.adopted.v1"


class CatalogueMoved(Envelope[CatalogueMovedData]):
    """Said by sla, before what it says of the ticket's deadlines."""

    TOPIC: ClassVar[Topic] = Topic.SLA
    type: Literal["careline.ticket.catalogue_moved.v1"] = "careline.ticket.catalogue_moved.v1"
