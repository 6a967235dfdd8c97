"""What stands in the fields of the examples, so that each field's own example is a real one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

Found = Mapping[tuple[str, str], Any]
"""By a model's name and a field's, what stands there."""


def found_in(examples: Iterable[BaseModel]) -> Found:
    """What stands in each field: the first that says anything, in its own model or one below it."""
    found: dict[tuple[str, str], Any] = {}
    for example in examples:
        for model, field, value in _walk(example):
            if found.get((model, field)) in (None, []):
                found[model, field] = value
    return found


def ancestors(model: type[BaseModel]) -> list[str]:
    """The names of the model and of those whose fields it has."""
    return [each.__name__ for each in model.__mro__ if issubclass(each, BaseModel)]


def lineage(model: type[BaseModel]) -> dict[str, list[str]]:
    """By name, the ancestors of every model that is made of this one."""
    below = model.__subclasses__()
    own = {model.__name__: ancestors(model)}
    return own | {name: each for child in below for name, each in lineage(child).items()}


def _walk(node: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - fields hold anything
    if isinstance(node, (tuple, list)):
        for each in node:
            yield from _walk(each)
    if isinstance(node, BaseModel):
        written = node.model_dump(mode="json", exclude_none=True)
        for field, value in written.items():
            for name in ancestors(type(node)):
                yield name, field, value
        for field in type(node).model_fields:
            yield from _walk(getattr(node, field))
