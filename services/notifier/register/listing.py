"""Which deliveries an operator asks for, and where in the list they are. Pure."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from starlette.datastructures import QueryParams

from services.notifier.deliveries import (
    DeliveryKind,
    DeliveryState,
    DigestReason,
    RebuiltReason,
)
from shared import problems
from shared.envelope import Instant, format_instant
from shared.notifications import FailureReason, NotificationChannel, SuppressionReason
from shared.tickets import read_ticket_number

ModelT = TypeVar("ModelT", bound=BaseModel)

PAGE = 50
LONGEST_PAGE = 200
MOST_AT_ONCE = 1000
"""Deliveries that are sent again by one request."""

_MOST_VALUES = 10
"""Of one field: as many states, kinds and lanes as anybody chooses among."""


@dataclass(frozen=True, slots=True)
class Place:
    """Behind this delivery the list goes on."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class BouncePlace:
    """Behind this address the list of bounces goes on."""

    at: datetime
    address: str


def _text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("holds characters that can't be printed")
    return value


def _ticket(value: str) -> str:
    if ticket_id(value) is None and read_ticket_number(value) is None:
        raise ValueError("is no ticket's id and no number such as CL-0000-0000-0000")
    return value


def _place(value: object) -> object:
    if not isinstance(value, str):
        return value
    at, name = _unwritten(value)
    return Place(at, UUID(name))


def _bounce_place(value: object) -> object:
    return BouncePlace(*_unwritten(value)) if isinstance(value, str) else value


def _unwritten(value: str) -> tuple[datetime, str]:
    """What `written` wrote, read."""
    try:
        plain = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
        at, _, name = plain.partition(" ")
        return _aware(datetime.fromisoformat(at)), _text(name)
    except (ValueError, OverflowError):
        raise ValueError("is no `next` that was given out here") from None


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("has no zone")
    return value


def written(place: Place | BouncePlace) -> str:
    """A place as callers hand it back; opaque to them."""
    name = place.id if isinstance(place, Place) else place.address
    plain = f"{format_instant(place.at)} {name}".encode()
    return base64.urlsafe_b64encode(plain).decode("ascii").rstrip("=")


Line = Annotated[str, StringConstraints(min_length=1, max_length=320), AfterValidator(_text)]
"""One line of text, such as an address."""
_LINE: TypeAdapter[str] = TypeAdapter(Line)
Lane = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Before = Annotated[Place, BeforeValidator(_place), PlainSerializer(written, return_type=str)]


class Filter(BaseModel):
    """Which deliveries; of fields that may be given several times, any of the values will do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Annotated[tuple[DeliveryState, ...], Field(max_length=_MOST_VALUES)] = ()
    kind: Annotated[tuple[DeliveryKind, ...], Field(max_length=_MOST_VALUES)] = ()
    channel: Annotated[tuple[NotificationChannel, ...], Field(max_length=_MOST_VALUES)] = ()
    lane: Annotated[tuple[Lane, ...], Field(max_length=_MOST_VALUES)] = ()
    reason: Annotated[
        tuple[FailureReason | SuppressionReason | DigestReason | RebuiltReason, ...],
        Field(max_length=_MOST_VALUES),
    ] = ()
    ticket: Annotated[Line, AfterValidator(_ticket)] | None = None
    """Its id, or its number."""
    digest: UUID | None = None
    """What this digest carries."""
    address: Line | None = None
    """To whom: in any case, but whole."""

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for what one ticket, digest or recipient has."""
        return not self.ticket == self.digest == self.address is None


class Listing(Filter):
    """A page of them, the newest first."""

    before: Before | None = None
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = PAGE


class Batch(Filter):
    """What is to be sent again at once; what a digest carried goes with its digest."""

    state: Annotated[
        tuple[Literal[DeliveryState.FAILED, DeliveryState.SUPPRESSED], ...],
        Field(min_length=1, max_length=2),
    ] = (DeliveryState.FAILED,)
    digest: None = None
    since: Instant | None = None
    """Only what has ended since then."""
    limit: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = MOST_AT_ONCE


class Bounces(BaseModel):
    """A page of the addresses that mail came back from, the last first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Line | None = None
    before: (
        Annotated[
            BouncePlace, BeforeValidator(_bounce_place), PlainSerializer(written, return_type=str)
        ]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = PAGE


class Search(Listing):
    """What the search box of the page asks for, beside the rest of its form."""

    q: Line | None = None
    """A ticket's id or number, or else somebody's address."""


def read_search(query: QueryParams) -> Listing:
    """What a page is asked for.

    Raises:
        Problem: 422 for what nobody can look for.
    """
    search = read(query, Search, forgiving=True)
    told = search.model_dump(exclude={"q"})
    if search.q is not None:
        sought = search.q.strip()
        is_ticket = ticket_id(sought) is not None or read_ticket_number(sought) is not None
        told |= {"ticket": None, "address": None, "ticket" if is_ticket else "address": sought}
    return Listing.model_validate(told)


def read_address(value: str) -> str | None:
    """An address as it was given, or None for what can be nobody's."""
    try:
        return _LINE.validate_python(value)
    except ValidationError:
        return None


def ticket_id(value: str) -> UUID | None:
    """A ticket's id as somebody wrote it, or None."""
    try:
        return UUID(value.strip())
    except ValueError:
        return None


def ending_of(number: str) -> str | None:
    """How the id of the ticket with this number ends, or None for what is no number."""
    bits = read_ticket_number(number)
    return None if bits is None else f"{bits >> 48:03x}-{bits & (1 << 48) - 1:012x}"


def read(query: QueryParams, model: type[ModelT], *, forgiving: bool = False) -> ModelT:
    """A query as a model; a field that may be given several times takes all its values.

    Args:
        query: As it came.
        model: What it must be.
        forgiving: Leave out what is empty: a form sends its empty fields too. And `told`, by which
            a page shows what was done just before.

    Raises:
        Problem: 422 for what is not as the model says.
    """
    given: dict[str, Any] = {}
    for name in query:
        if forgiving and name == "told":
            continue
        values = [value for value in query.getlist(name) if value or not forgiving]
        field = model.model_fields.get(name)
        if field is not None and isinstance(field.default, tuple):
            given[name] = values
        elif values:
            given[name] = values[0] if len(values) == 1 else values
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise problems.invalid(error) from None


def query_of(asked: BaseModel, **changes: object) -> str:
    """The query that asks for the same, but for these changes; empty where nothing is asked."""
    told: Mapping[str, Any] = asked.model_dump(mode="json", exclude_defaults=True) | changes
    pairs: list[tuple[str, str]] = []
    for name, value in told.items():
        values: Sequence[object] = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, str(each)) for each in values if each is not None]
    return f"?{urlencode(pairs)}" if pairs else ""
