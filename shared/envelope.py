"""The CloudEvents envelope around every event: ids, time, topic and key.

Ids are derived from what caused them (UUIDv5), so the same cause handled twice gives the same
event, and every reader can drop repeats by id.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar
from uuid import UUID, uuid5

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.functional_validators import AfterValidator

NAMESPACE = UUID("5a1de1f0-0c1e-5c3b-9d1b-ca4e11e00001")
"""The root of every derived id. Changing it would give every ticket a second identity."""

SCHEMA_URN = "urn:careline:schema:"
"""Before a type it is the `$id` of the whole record's schema, a file in `docs/events/schemas/`."""
DATA_POINTER = "#/properties/data"
"""Where in that schema stands what `data` holds, which is what `dataschema` speaks of."""

CONTENT_TYPE = "application/cloudevents+json"


class Topic(StrEnum):
    """The topics of the stream; the namespace of the desk (`careline`) stands before each."""

    TICKETS = "tickets"
    MESSAGES = "messages"
    ATTACHMENTS = "attachments"
    SLA = "sla"
    NOTIFICATIONS = "notifications"
    ACCOUNTS = "accounts"
    KEYS = "keys"
    PRIVACY = "privacy"


OF_TICKETS = frozenset(Topic) - {Topic.ACCOUNTS, Topic.KEYS, Topic.PRIVACY}
"""Topics whose records have a ticket's id as their key."""


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


def format_instant(value: datetime) -> str:
    """RFC 3339 in UTC with microseconds: the one way an instant is written on the stream."""
    # Not strftime: it writes the year 999 with three digits.
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time with a zone; kept in UTC, written as RFC 3339 with microseconds."""


_CONFIG = ConfigDict(
    frozen=True, extra="ignore", use_attribute_docstrings=True, allow_inf_nan=False
)


class Fact(BaseModel):
    """What an event says. Fields that a reader doesn't know are passed over."""

    model_config = _CONFIG


class Private(Fact):
    """The personal part of an event, as services hold it; on the stream it is sealed."""

    person: str
    """Pseudonym of whose it is: sealed with a key of theirs, and lost with it."""


STAFF = "staff"
"""Stands for people of the organisation where an event speaks of them alone."""

DataT = TypeVar("DataT", bound=Fact)


class _Attributes(BaseModel):
    """What CloudEvents 1.0 says of every event, with the desk's two extensions."""

    model_config = _CONFIG

    specversion: Literal["1.0"] = "1.0"
    """The version of CloudEvents."""
    id: UUID
    """Derived from its cause: a record that comes again has the same."""
    source: str
    """The service that said it, for example `/services/sla`."""
    type: str
    """What happened; anything but a new optional field is a new type."""
    time: Instant
    """When it happened, which may be before we got to hear of it."""
    subject: str
    """What it is about, and the record's key: mostly a ticket's id; on `accounts` an account's, on
    `keys` a key's, on `privacy` a person's pseudonym."""
    datacontenttype: Literal["application/json"] = "application/json"
    """What `data` is written in."""
    dataschema: str
    """Which JSON Schema `data` keeps to: a part of the record's, in `docs/events/schemas/`."""
    traceparent: str | None = None
    """W3C trace context of what led to this: finds the trace in which it happened."""
    correlationid: UUID
    """Id of the first event of a story, of a ticket's its `TicketCreated`; the same in all that
    follows from it."""
    causationid: UUID | None = None
    """Id of the event that led to this one; none where something outside did, such as a request."""


class Envelope(_Attributes, Generic[DataT]):
    """CloudEvents 1.0, with the desk's two extensions."""

    # Whoever starts waits for every event's model: no docstrings are looked for where none stand,
    # and none is built that only stands between an event and this.
    model_config = ConfigDict(use_attribute_docstrings=False, defer_build=True)

    TOPIC: ClassVar[Topic]

    data: DataT

    @classmethod
    def say(
        cls, data: DataT, *, cause: "Cause", source: str, time: datetime, part: str = ""
    ) -> Self:
        """The event of this type that follows from `cause`.

        Args:
            data: What it says.
            cause: What led to it; the same cause gives the same id.
            source: The service that says it, for example `/services/sla`.
            time: When it happened.
            part: Tells events of one type apart that follow from one cause.
        """
        kind = cls.model_fields["type"].default
        event_id = derive_id(cause.id, kind, part)
        return cls(
            id=event_id,
            source=source,
            type=kind,
            time=time,
            subject=cause.subject,
            dataschema=f"{SCHEMA_URN}{kind}{DATA_POINTER}",
            traceparent=cause.traceparent,
            correlationid=cause.correlation_id or event_id,
            causationid=cause.event_id,
            data=data,
        )

    @property
    def as_cause(self) -> "Cause":
        """This event as the cause of another on the same subject."""
        return Cause(self.id, self.subject, self.correlationid, self.id, self.traceparent)


@dataclass(frozen=True, slots=True)
class Cause:
    """What leads to an event: another event, or a request from outside (then no `event_id`)."""

    id: UUID
    subject: str
    correlation_id: UUID | None = None
    event_id: UUID | None = None
    traceparent: str | None = None


def derive_id(root: UUID, *parts: str) -> UUID:
    """UUIDv5 of the parts below a root: the same parts give the same id, everywhere and always."""
    return uuid5(root, "\x1f".join(parts))
