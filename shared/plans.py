"""The plan catalogue: what each plan promises, in which calendar, and who is told when it slips.

An organisation writes it as one TOML file. A file that is wrong is refused as a whole, with the
line and the reason of every problem, so that no service starts on half a catalogue.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.calendars import Calendar
from shared.plan_problems import in_words
from shared.plan_values import (
    Duration,
    Id,
    LanguageTag,
    Recipient,
    Text,
    Version,
    WarningPoint,
    spell_duration,
)
from shared.toml_file import FileError, read_tables, read_text, refuse
from shared.toml_lines import KeyPath

PLAN_IDS = ("self-service", "starter", "basic", "advanced", "professional", "centurion")
"""The plans that accounts are on: every catalogue says what they promise. It may have more."""


class Priority(StrEnum):
    """How urgent a ticket is."""

    LOW = "low"
    """It can wait longer than others."""
    NORMAL = "normal"
    """What a ticket has unless somebody said otherwise."""
    HIGH = "high"
    """Work is held up by it."""
    URGENT = "urgent"
    """Nothing goes on without an answer."""


class Clock(StrEnum):
    """What is timed on a ticket."""

    FIRST_RESPONSE = "first_response"
    """From the request to the first public message by an agent."""
    NEXT_RESPONSE = "next_response"
    """From the first of a customer's messages that nobody answered to a public one by an agent."""
    UPDATE = "update"
    """From one public word to the next: something is said every so often while a ticket is open."""
    RESOLUTION = "resolution"
    """From the request until the ticket is resolved."""


class CatalogueError(FileError):
    """A catalogue is refused."""


class UnknownPlanError(LookupError):
    """The catalogue has no plan of this id."""


_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Targets(BaseModel):
    """Working time until each clock is due; a clock without a target isn't run."""

    model_config = _FROZEN

    first_response: Duration | None = None
    next_response: Duration | None = None
    update: Duration | None = None
    resolution: Duration | None = None

    def of(self, clock: Clock) -> timedelta | None:
        """The target of one clock."""
        target: timedelta | None = getattr(self, clock)
        return target


def _one_of(*names: str) -> AfterValidator:
    def known(key: str) -> str:
        if key not in names:
            raise ValueError(f"unknown key; there are {', '.join(names)}")
        return key

    return AfterValidator(known)


_Points = tuple[WarningPoint, ...]
_ByPriority = Mapping[Priority, Targets]
_ByClock = Mapping[Clock, _Points]
_TARGET_TABLE = TypeAdapter(dict[Annotated[str, _one_of("default", *Priority)], Targets])
_WARNING_TABLE = TypeAdapter(dict[Annotated[str, _one_of("default", *Clock)], _Points])


def _for_every_priority(value: object) -> _ByPriority:
    """Take from `default` what a priority doesn't say itself."""
    table = _TARGET_TABLE.validate_python(value)
    default = table.get("default", Targets())
    own = {at: targets.model_dump(exclude_unset=True) for at, targets in table.items()}
    return {at: default.model_copy(update=own.get(at)) for at in Priority}


def _for_every_clock(value: object) -> _ByClock:
    table = _WARNING_TABLE.validate_python(value)
    return {clock: table.get(clock, table.get("default", ())) for clock in Clock}


class PlanWords(BaseModel):
    """How a plan is described in another language; what is left out stays as it is."""

    model_config = _FROZEN

    name: Text | None = None
    service_level: Text | None = None
    support: Text | None = None
    reach: Text | None = None


def _not_empty(value: Sequence[object]) -> Sequence[object]:
    if not value:
        raise ValueError("must not be empty")
    return value


class AlertStep(BaseModel):
    """Whom to tell of a clock that slips, and how long after."""

    model_config = _FROZEN

    tell: Annotated[tuple[Recipient, ...], AfterValidator(_not_empty)]
    """Mail addresses and names of destinations."""
    after: Duration | None = None
    """Working time to wait, in the plan's calendar; none at all if it is left out."""
    clocks: Annotated[tuple[Clock, ...], AfterValidator(_not_empty)] = tuple(Clock)
    """Which clocks it is about."""
    queues: Annotated[tuple[Text, ...], AfterValidator(_not_empty)] | None = None
    """Whose tickets it is about; all queues if it is left out."""


def _step(value: object) -> object:
    """An address or a destination by itself is told at once."""
    if isinstance(value, str):
        return {"tell": [_RECIPIENT.validate_python(value)]}
    if not isinstance(value, dict | AlertStep):
        raise ValueError('must be an address, or a table such as { tell = ["..."], after = "1h" }')  # noqa: TRY004 - pydantic reports this one
    return value


_RECIPIENT = TypeAdapter(Recipient)
_Alerts = Mapping[
    Literal["at_risk", "breached"], tuple[Annotated[AlertStep, BeforeValidator(_step)], ...]
]


class Plan(BaseModel):
    """What one plan promises; a plan without targets promises no time."""

    model_config = _FROZEN

    id: Id
    name: Text
    service_level: Text
    support: Text
    """What the customer gets."""
    reach: Text
    """How the customer reaches us."""
    translations: Mapping[LanguageTag, PlanWords] = {}
    """The same in other languages, by tags such as "de" or "pt-BR"."""
    calendar: str | None = None
    """The id of the calendar in which the targets count."""
    targets: Annotated[_ByPriority, BeforeValidator(_for_every_priority)] = _for_every_priority({})
    """Every priority has an entry."""
    warnings: Annotated[_ByClock, BeforeValidator(_for_every_clock)] = _for_every_clock({})
    """Every clock has an entry."""
    alerts: _Alerts = {}
    """Whom to tell when a clock is at risk, and whom when it is breached; nobody if left out."""

    def in_language(self, tag: str) -> Self:
        """The plan as it is described in a language: "de-AT" falls back to "de", then to itself."""
        words = self.translations.get(tag) or self.translations.get(tag.partition("-")[0])
        return self.model_copy(update=words.model_dump(exclude_none=True)) if words else self

    @field_validator("targets")
    @classmethod
    def _counted_somewhere(cls, value: _ByPriority, info: ValidationInfo) -> _ByPriority:
        promises = any(targets != Targets() for targets in value.values())
        if promises and info.data.get("calendar", "") is None:
            raise ValueError("targets need a calendar to count in")
        return value

    @field_validator("alerts")
    @classmethod
    def _waits_somewhere(cls, value: _Alerts, info: ValidationInfo) -> _Alerts:
        waits = any(step.after for steps in value.values() for step in steps)
        if waits and info.data.get("calendar", "") is None:
            raise ValueError("steps that come after some time need a calendar to count it in")
        return value

    @field_validator("warnings")
    @classmethod
    def _after_start(cls, value: _ByClock, info: ValidationInfo) -> _ByClock:
        if early := list(_early_warnings(value, info.data.get("targets", {}))):
            raise ValidationError.from_exception_data("warnings", early)
        return value


def _early_warnings(warnings: _ByClock, targets: _ByPriority) -> Iterator[InitErrorDetails]:
    """Warnings that would come before their clock has started."""
    for clock, points in warnings.items():
        shortest = min(filter(None, (each.of(clock) for each in targets.values())), default=None)
        for point in points:
            if shortest and isinstance(point, timedelta) and point >= shortest:
                early, due = spell_duration(point), spell_duration(shortest)
                reason = f"{early} before {clock} is due, but it may be due after {due}"
                error = PydanticCustomError("early_warning", "{reason}", {"reason": reason})
                yield InitErrorDetails(type=error, loc=(clock.value,), input=point)


def _opens(calendar: Calendar) -> Calendar:
    if not any(calendar.hours.values()):
        raise ValueError("no weekday has hours, and exceptions alone run out: it is never open")
    return calendar


def _in_order(value: object) -> object:
    """The tables of the plans as plans: a table's name is its plan's id."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict):
        raise ValueError("each plan is a table of its own, such as [plans.starter]")  # noqa: TRY004 - pydantic reports this one
    tables = {key: {"id": key, **x} if isinstance(x, dict) else x for key, x in value.items()}
    plans = TypeAdapter(dict[str, Plan]).validate_python(tables)
    if odd := [key for key, plan in plans.items() if plan.id != key]:
        raise ValueError(f"leave the id out of {', '.join(odd)}: the table's name is the id")
    return tuple(plans.values())


class Catalogue(BaseModel):
    """All plans of an organisation."""

    model_config = _FROZEN

    version: Version
    """Recorded with each deadline, so that anyone can compute it again."""
    default_plan: Text
    """The plan of an account that is on no other."""
    calendars: Mapping[Id, Annotated[Calendar, AfterValidator(_opens)]]
    plans: Annotated[tuple[Plan, ...], BeforeValidator(_in_order)]
    """From the lowest to the highest, which is also the order in which they are shown."""

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """How high each plan stands, by its id."""
        return {each.id: rank for rank, each in enumerate(self.plans)}

    def __copy__(self) -> Self:
        """A copy may be given other plans: it looks them up anew."""
        copy = super().__copy__()
        copy.__dict__.pop("ranks", None)
        return copy


def plan(catalogue: Catalogue, plan_id: str) -> Plan:
    """Look a plan up.

    Raises:
        UnknownPlanError: the catalogue has no such plan.
    """
    at = catalogue.ranks.get(plan_id)
    if at is None:
        known = ", ".join(catalogue.ranks)
        raise UnknownPlanError(f"no plan {plan_id!r}; {catalogue.version} has {known}")
    return catalogue.plans[at]


def rank(catalogue: Catalogue, plan_id: str) -> int:
    """How high a plan stands: a change to a higher one is an upgrade.

    A plan that the catalogue doesn't have counts as the default plan, as it does everywhere.
    """
    return catalogue.ranks.get(plan_id, catalogue.ranks[catalogue.default_plan])


def warn_after(target: timedelta, point: float | timedelta) -> timedelta:
    """The working time from a clock's start to a warning."""
    return target - point if isinstance(point, timedelta) else target * point


def load_catalogue(path: Path) -> Catalogue:
    """Read a catalogue from its file.

    Raises:
        CatalogueError: the file can't be read, or anything in it is wrong.
    """
    return parse_catalogue(read_catalogue(path), str(path))


def read_catalogue(path: Path) -> str:
    """The text of a catalogue's file.

    Raises:
        CatalogueError: the file can't be read, or is not UTF-8.
    """
    return read_text(path, CatalogueError)


def parse_catalogue(text: str, name: str) -> Catalogue:
    """Read a catalogue from TOML; problems are reported under `name`.

    Raises:
        CatalogueError: anything in it is wrong.
    """
    tables = read_tables(text, name, CatalogueError)
    findings = list(_loose_ends(tables))
    try:
        catalogue = Catalogue.model_validate(tables)
    except ValidationError as error:
        findings += in_words(error.errors())
    refuse(findings, text, name, CatalogueError)
    return catalogue


def _loose_ends(tables: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """References to what isn't there: looked for even if something else is wrong."""
    plans, calendars = tables.get("plans"), tables.get("calendars")
    if not isinstance(plans, dict) or not isinstance(calendars, dict):
        return
    yield from ((("plans", id_), "is missing") for id_ in PLAN_IDS if id_ not in plans)
    yield from _out_of_order(plans)
    if isinstance(default := tables.get("default_plan"), str) and default not in plans:
        yield ("default_plan",), f"there is no plan {default!r}"
    for plan_id, table in plans.items():
        calendar = table.get("calendar") if isinstance(table, dict) else None
        if isinstance(calendar, str) and calendar not in calendars:
            yield ("plans", plan_id, "calendar"), f"there is no calendar {calendar!r}"


def _out_of_order(plans: Iterable[str]) -> Iterator[tuple[KeyPath, str]]:
    """Known plans that stand before a lower one: an upgrade would be taken for a downgrade."""
    known = [id_ for id_ in plans if id_ in PLAN_IDS]
    for earlier, later in pairwise(known):
        if PLAN_IDS.index(later) < PLAN_IDS.index(earlier):
            yield ("plans", later), f"is lower than {earlier}; put plans from lowest to highest"
