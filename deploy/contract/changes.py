"""What changed between a release and now, and whom a change breaks.

Two kinds of readers meet records that they were not written for. Readers of the release read what
we write from now on: a break of theirs is a change of the *writer*. We read what the release wrote,
for as long as it lies on the stream: a break of ours is a change of the *reader*.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.contract.containment import Refusal, UnjudgedError, prepared, refusals
from deploy.contract.stream import Schema, Stream

PRIVATE = "data.private"
SEALED = "what is sealed in data.private"


@dataclass(frozen=True, slots=True)
class Changes:
    """One sentence each."""

    breaks: tuple[str, ...]
    harmless: tuple[str, ...]


def between(released: Stream, now: Stream) -> Changes:
    """All changes, by type."""
    comparison = _Comparison(released, now)
    return Changes(tuple(comparison.breaks()), tuple(comparison.harmless()))


class _Comparison:
    """Of a release with now."""

    def __init__(self, released: Stream, now: Stream) -> None:
        self._released = released
        self._now = now
        self._older = f"readers of {released.version}"
        self._ours = f"we, reading what {released.version} wrote"

    def breaks(self) -> Iterator[str]:
        """Each with for whom."""
        for name in sorted(self._released.places):
            if name not in self._now.places:
                yield f"{name}: is gone; {self._older} miss it, and we can't read it any more"
                continue
            yield from self._misplaced(name)
            before, after = self._released.schemas[name], self._now.schemas[name]
            yield from self._of_schemas(name, before, after)
            yield from self._of_private(name)

    def harmless(self) -> Iterator[str]:
        """New types, and fields that may be missing."""
        for name in sorted(self._now.places):
            if name not in self._released.places:
                yield f"{name}: a new type"
                continue
            for where, before, after in self._pairs(name):
                for path in sorted(_optional(after) - _fields(before).keys()):
                    yield f"{name}: {_at(where, path)} is new, and may be missing"

    def _misplaced(self, name: str) -> Iterator[str]:
        before, after = self._released.places[name], self._now.places[name]
        if before.topic != after.topic:
            yield (
                f"{name}: stands on topic {after.topic} instead of {before.topic}; "
                f"{self._older} look for it on {before.topic}, and its order there is lost"
            )
        if before.key != after.key:
            yield (
                f"{name}: keyed by {after.key} instead of {before.key}; for {self._older} "
                f"what belongs together is no longer in one partition, in order"
            )

    def _of_private(self, name: str) -> Iterator[str]:
        before, after = self._released.private.get(name), self._now.private.get(name)
        if before is not None and after is not None:
            yield from self._of_schemas(name, before, after, SEALED)
        if before is None:
            return
        open_before = _fields(self._released.schemas[name])
        open_now = _fields(self._now.schemas[name])
        for path in sorted(open_now.keys() - open_before.keys() - {PRIVATE}):
            field = path.rpartition(".")[2]
            if field in _fields(before) and not path.startswith(f"{PRIVATE}."):
                yield (
                    f"{name}: {path} stands open, and was sealed in {PRIVATE}; "
                    f"{self._older} drop that alone where nobody may see who somebody is"
                )

    def _of_schemas(
        self, name: str, before: Schema, after: Schema, where: str = ""
    ) -> Iterator[str]:
        if before == after:
            return
        try:
            older, newer = prepared(before), prepared(after)
            for refusal in refusals(newer, older):
                yield f"{name}: {self._older} refuse {_why(where, refusal, 'now')}"
            for refusal in refusals(older, newer):
                yield f"{name}: {self._ours}, refuse {_why(where, refusal, 'there')}"
        except UnjudgedError as error:
            yield f"{name}: whether it breaks anybody can't be told, so it does: {error}"
            return
        yield from self._not_seen_by_validators(name, before, after, where)

    def _not_seen_by_validators(
        self, name: str, before: Schema, after: Schema, where: str
    ) -> Iterator[str]:
        """Records stay valid, and yet somebody misses something or takes it for something else."""
        fields, now = _fields(before), _fields(after)
        needed = fields.keys() - _optional(before)
        for path in sorted(fields.keys() - now.keys()):
            if path not in needed and path.rpartition(".")[0] in {"", *now}:
                yield f"{name}: {self._older} miss {_at(where, path)}, which is no longer written"
        for path in sorted(fields.keys() & now.keys()):
            was, is_now = fields[path].get("default"), now[path].get("default")
            if was != is_now:
                yield (
                    f"{name}: {_at(where, path)} means something else: its default was {was!r} "
                    f"and is {is_now!r}; {self._older} take new records for old ones, and we old "
                    f"ones for new ones"
                )

    def _pairs(self, name: str) -> Iterator[tuple[str, Schema, Schema]]:
        yield "", self._released.schemas[name], self._now.schemas[name]
        after = self._now.private.get(name)
        if after is not None:
            yield SEALED, self._released.private.get(name, {}), after


def _at(where: str, path: str) -> str:
    return f"{path} of {where}" if where else path


def _why(where: str, refusal: Refusal, when: str) -> str:
    reason = refusal.reason.replace("it may be", f"it may {when} be", 1)
    return f"{_at(where, refusal.path)}: {reason}"


def _fields(schema: Schema) -> dict[str, Mapping[str, Any]]:
    """What is said of every field at any depth, by its path."""
    return dict(_walk(schema, schema.get("$defs", {}), ""))


def _walk(
    node: Mapping[str, Any], models: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "$ref" in node:
        node = {**models[node["$ref"].rpartition("/")[2]], **node}
        node.pop("$ref")
    if path:
        yield path, node
    for name, each in node.get("properties", {}).items():
        yield from _walk(each, models, f"{path}.{name}" if path else name)
    if "items" in node:
        yield from _walk(node["items"], models, f"{path}[]")


def _optional(schema: Schema) -> set[str]:
    """Paths of the fields that may be missing."""
    fields = {"": schema} | _fields(schema)
    return {
        path
        for path in fields
        if path and not path.endswith("[]") and not _is_required(path, fields)
    }


def _is_required(path: str, fields: Mapping[str, Mapping[str, Any]]) -> bool:
    above, _, name = path.rpartition(".")
    return name in fields[above].get("required", ())
