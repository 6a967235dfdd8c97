"""What a setting takes, in words: for whoever set it wrongly, and for `docs/configuration.md`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts, such as seconds."""

    name: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected where the type alone does not say it."""

    words: str


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a setting, without what is around it."""

    type: Any
    metadata: tuple[Any, ...]

    @classmethod
    def of(cls, field: FieldInfo) -> "Kind":
        """Of a field; `None` is left out: it is what a setting is without being given."""
        return cls(*_unwrapped(field.annotation, field.metadata))

    @property
    def is_number(self) -> bool:
        """Whether it counts or measures something."""
        return self.type in (int, float)

    @property
    def is_secret(self) -> bool:
        """Whether it may be shown to nobody."""
        return self.type is SecretStr

    @property
    def unit(self) -> str | None:
        """What it counts."""
        return next((each.name for each in self.metadata if isinstance(each, Unit)), None)


def expected(field: FieldInfo) -> str:
    """What a setting takes, such as `a whole number from 1 to 1000`."""
    kind = Kind.of(field)
    for told in kind.metadata:
        if isinstance(told, Expected):
            return told.words
    if get_origin(kind.type) is Literal:
        return f"one of {', '.join(map(str, get_args(kind.type)))}"
    if kind.is_number:
        return _number(kind)
    if kind.is_secret:
        return _secret(kind)
    return {bool: "true or false", Path: "a path", date: "a day such as 2026-03-01"}.get(
        kind.type, "text"
    )


def got(problem_type: str, given: object) -> str:
    """What came instead; nothing that was given is repeated but numbers: it may be a secret."""
    if problem_type == "missing":
        return "nothing"
    if problem_type.startswith(("greater_than", "less_than")):
        return str(given)
    return "text that is none" if problem_type in _NO_NUMBER else "something else"


_NO_NUMBER = {"int_parsing", "int_from_float", "int_parsing_size", "float_parsing", "finite_number"}


def _unwrapped(annotation: Any, metadata: Sequence[Any]) -> tuple[Any, tuple[Any, ...]]:  # noqa: ANN401 - whatever stands in a class
    found = tuple(metadata)
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            found += tuple(inner for each in more for inner in _parts(each))
        elif get_origin(annotation) in (Union, UnionType):
            (annotation,) = [each for each in get_args(annotation) if each is not NoneType]
        else:
            return annotation, found


def _parts(each: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever stands in an annotation
    """`Field(ge=1)` inside an annotation keeps what it says one level further down."""
    return each.metadata if isinstance(each, FieldInfo) else (each,)


def _number(kind: Kind) -> str:
    words = "a whole number" if kind.type is int else "a number"
    for each in kind.metadata:
        if isinstance(each, Ge):
            words += f" from {each.ge:,}".replace(",", "")
        elif isinstance(each, Gt):
            words += f" above {each.gt}"
        elif isinstance(each, Le):
            words += f" to {each.le}"
        elif isinstance(each, Lt):
            words += f" below {each.lt}"
    return words


def _secret(kind: Kind) -> str:
    least = [each.min_length for each in kind.metadata if isinstance(each, MinLen)]
    return f"a secret text of {least[0]} characters or more" if least else "a secret text"
