"""Edits of the released schemas, with what the gate has to say of each."""

import json
from collections.abc import Callable
from typing import Any

POSTED = "careline.message.posted.v1"
SLOTTED = "careline.ticket.slotted.v1"
OLDER = "readers of 0.1.0"
OURS = "we, reading what 0.1.0 wrote,"

Edit = Callable[[dict[str, Any]], object]


def data(tree: dict[str, Any], kind: str = POSTED) -> Any:  # noqa: ANN401 - JSON may be anything
    """The model of an event's data."""
    schema = tree["schemas"][kind]
    return schema["$defs"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]


def model(tree: dict[str, Any], name: str, kind: str = POSTED) -> Any:  # noqa: ANN401 - the same
    """A model that an event's schema names."""
    return tree["schemas"][kind]["$defs"][name]


def sealed(tree: dict[str, Any], kind: str = POSTED) -> Any:  # noqa: ANN401 - the same
    """What is sealed in an event."""
    return tree["private"][kind]


def grow_everywhere(tree: dict[str, Any]) -> None:
    """A field more in every model that there is."""
    for schema in [*tree["schemas"].values(), *tree["private"].values()]:
        for each in (schema, *schema.get("$defs", {}).values()):
            if each["type"] == "object":
                each["properties"]["added_later"] = {"type": "string"}


def _rename(tree: dict[str, Any]) -> None:
    fields = data(tree)["properties"]
    fields["answers"] = fields.pop("in_reply_to")


def _demand(tree: dict[str, Any]) -> None:
    data(tree)["properties"]["thread"] = {"type": "string"}
    data(tree)["required"].append("thread")


def _drop(tree: dict[str, Any]) -> None:
    data(tree)["required"].remove("author")
    del data(tree)["properties"]["author"]


def _without_private(tree: dict[str, Any]) -> None:
    del data(tree)["properties"]["private"]
    del tree["private"][POSTED]


def _add(model: Any, name: str) -> None:  # noqa: ANN401 - the same
    model["properties"][name] = {"type": "string"}


def _put(model: Any, field: str, **schema: object) -> None:  # noqa: ANN401 - the same
    model["properties"][field] = schema


def _bound(**more: float) -> str:
    return f"integer with {json.dumps(more)}"


def _new_type(tree: dict[str, Any]) -> None:
    for part in ("places", "schemas", "private"):
        tree[part]["careline.message.posted.v2"] = tree[part][POSTED]


def _drop_type(tree: dict[str, Any]) -> None:
    for part in ("places", "schemas", "private"):
        del tree[part][POSTED]


def older(refused: str, kind: str = POSTED) -> str:
    """What readers of the release refuse."""
    return f"{kind}: {OLDER} refuse {refused}"


def ours(refused: str, kind: str = POSTED) -> str:
    """What we refuse of what the release wrote."""
    return f"{kind}: {OURS} refuse {refused}"


def missed(field: str) -> str:
    """What readers of the release may have used."""
    return f"{POSTED}: {OLDER} miss {field}, which is no longer written"


HARMLESS: dict[str, tuple[Edit, list[str]]] = {
    "nothing": (lambda _: None, []),
    "other words": (lambda tree: data(tree).update(description="Something was written."), []),
    "a new type": (_new_type, ["careline.message.posted.v2: a new type"]),
    "a field that may be missing": (
        lambda tree: _add(data(tree), "mood"),
        [f"{POSTED}: data.mood is new, and may be missing"],
    ),
    "a sealed field that may be missing": (
        lambda tree: _add(sealed(tree), "mood"),
        [f"{POSTED}: mood of what is sealed in data.private is new, and may be missing"],
    ),
    "a field within a list": (
        lambda tree: _add(model(tree, "SlotTarget", SLOTTED), "mood"),
        [f"{SLOTTED}: data.targets[].mood is new, and may be missing"],
    ),
}

ANY = '{"anyOf": [{"type": "integer"}, {"type": "string"}]}'
MEANS = f"{OLDER} take new records for old ones, and we old ones for new ones"

BREAKS: dict[str, tuple[Edit, list[str]]] = {
    "a value more": (
        lambda tree: model(tree, "Visibility")["enum"].append("lead"),
        [older('data.visibility: it may now be "lead", and has to be "public" or "note"')],
    ),
    "a value less": (
        lambda tree: model(tree, "Visibility")["enum"].remove("note"),
        [ours('data.visibility: it may there be "note", and has to be "public"')],
    ),
    "a field that has to be there": (
        _demand,
        [ours("data.thread: it may there be missing, and has to be there")],
    ),
    "a field that had to be there and may be missing": (
        lambda tree: data(tree)["required"].remove("author"),
        [older("data.author: it may now be missing, and has to be there")],
    ),
    "a field that had to be there is gone": (
        _drop,
        [older("data.author: it may now be missing, and has to be there")],
    ),
    "a field that might be missing is gone": (
        lambda tree: data(tree)["properties"].pop("in_reply_to"),
        [missed("data.in_reply_to")],
    ),
    "another name": (_rename, [missed("data.in_reply_to")]),
    "another type": (
        lambda tree: _put(data(tree), "sequence", type="string"),
        [
            older("data.sequence: it may now be string, and has to be integer"),
            ours("data.sequence: it may there be integer, and has to be string"),
        ],
    ),
    "a wider type": (
        lambda tree: _put(data(tree), "sequence", type="number"),
        [older("data.sequence: it may now be number, and has to be integer")],
    ),
    "one of two types": (
        lambda tree: _put(data(tree), "sequence", anyOf=[{"type": "integer"}, {"type": "string"}]),
        [older(f"data.sequence: it may now be anything with {ANY}, and has to be integer")],
    ),
    "a bound": (
        lambda tree: _put(data(tree), "sequence", type="integer", minimum=1),
        [ours(f"data.sequence: it may there be integer, and has to be {_bound(minimum=1)}")],
    ),
    "a bound that is no part of it": (
        lambda tree: _put(data(tree), "sequence", type="integer", exclusiveMinimum=0),
        [
            ours(
                "data.sequence: it may there be integer, and has to be "
                + _bound(exclusiveMinimum=True, minimum=0)
            )
        ],
    ),
    "a format": (
        lambda tree: _put(data(tree), "author", type="string", format="uuid"),
        [ours("data.author: it may there be string, and has to be text in the format uuid")],
    ),
    "no format any more": (
        lambda tree: _put(data(tree), "message", type="string"),
        [older("data.message: it may now be string, and has to be text in the format uuid")],
    ),
    "another type within a list": (
        lambda tree: _put(model(tree, "SlotTarget", SLOTTED), "due", type="integer"),
        [
            older(
                "data.targets[].due: it may now be integer, and has to be "
                "text in the format date-time",
                SLOTTED,
            ),
            ours(
                "data.targets[].due: it may there be text in the format date-time, and has to be "
                "integer",
                SLOTTED,
            ),
        ],
    ),
    "another default": (
        lambda tree: data(tree)["properties"]["channel"].update(default="mail"),
        [
            f"{POSTED}: data.channel means something else: its default was 'api' and is 'mail'; "
            + MEANS
        ],
    ),
    "a sealed field that has to be there": (
        lambda tree: sealed(tree)["required"].append("author_name"),
        [
            ours(
                "author_name of what is sealed in data.private: it may there be missing, and has "
                "to be there"
            )
        ],
    ),
    "personal data in the open": (
        lambda tree: _add(data(tree), "author_name"),
        [
            (
                f"{POSTED}: data.author_name stands open, and was sealed in data.private; {OLDER} "
                "drop that alone where nobody may see who somebody is"
            )
        ],
    ),
    "no personal part": (_without_private, [missed("data.private")]),
    "a type is gone": (
        _drop_type,
        [f"{POSTED}: is gone; {OLDER} miss it, and we can't read it any more"],
    ),
    "another topic": (
        lambda tree: tree["places"][POSTED].update(topic="tickets"),
        [
            (
                f"{POSTED}: stands on topic tickets instead of messages; {OLDER} look for it on "
                "messages, and its order there is lost"
            )
        ],
    ),
    "another key": (
        lambda tree: tree["places"][POSTED].update(key="message"),
        [
            (
                f"{POSTED}: keyed by message instead of ticket; for {OLDER} what belongs together "
                "is no longer in one partition, in order"
            )
        ],
    ),
    "what nobody can judge": (
        lambda tree: _put(data(tree), "author", type="string", propertyNames={}),
        [
            (
                f"{POSTED}: whether it breaks anybody can't be told, so it does: "
                "nobody can judge propertyNames yet"
            )
        ],
    ),
}
