"""`docs/events/index.html`: the stream for people, one file without script or network."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from deploy.event_docs.example_keys import on_the_stream, opened
from deploy.event_docs.examples import examples
from deploy.event_docs.fields import Field, data_fields, top_fields
from deploy.event_docs.guide import TEMPLATES, guide
from deploy.event_docs.parties import (
    NAMESPACE,
    PARTIES,
    SERVICES,
    Parties,
    dead_letter_topics,
    events_on,
    key_of,
    topics,
)
from deploy.event_docs.picture import Picture, picture
from deploy.event_docs.reasons import REASONS
from deploy.event_docs.schemas import documented, private_documented
from shared.envelope import Topic
from shared.event_schemas import meaning, type_name
from shared.events import EVENT_TYPES, Event
from shared.topics import DAY_MS, Declared

LOOK = Path(__file__).parents[2] / "shared" / "look"
ORDERS = {
    "ticket": "All of one ticket in the order in which it was said.",
    "account": "All of one account in the order in which it was said.",
    "key": "What is said of one key: that it was made, and perhaps that it was thrown away.",
    "person": "All of one person in the order in which it was said.",
}
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Said:
    """An event type, as its section shows it."""

    name: str
    kind: str
    topic: Topic
    meaning: str
    note: str
    """What its class says of itself: by whom it is said, and what is odd about that."""
    why: str
    """And what those do about it who hear it."""
    key: str
    parties: Parties
    fields: list[Field]
    private: list[Field]
    record: str
    opened: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic, as its section shows it."""

    name: str
    declared: Declared
    key: str
    order: str
    kept: str
    says: tuple[str, ...]
    hears: tuple[str, ...]
    events: list[Said]


def site() -> str:
    """The page."""
    channels = [_channel(topic, declared) for topic, declared in topics().items()]
    envelope = top_fields(documented(EVENT_TYPES[0]), but=("data", "type", "dataschema"))
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("index.html.jinja").render(
        namespace=NAMESPACE,
        look=Markup((LOOK / "look.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
        guide=_sections(guide()),
        envelope=envelope,
        channels=channels,
        values=_values(),
        dead=[(name, each, _kept(each)) for name, each in dead_letter_topics().items()],
        picture=_picture(channels),
        services=SERVICES,
        code=_code,
    )
    return "\n".join(line.rstrip() for line in page.splitlines() if line.strip()) + "\n"


def _channel(topic: Topic, declared: Declared) -> Channel:
    events = [_said(event) for event in events_on(topic)]
    return Channel(
        name=topic.value,
        declared=declared,
        key=key_of(topic),
        order=ORDERS[key_of(topic)],
        kept=_kept(declared),
        says=_in_order(service for each in events for service in each.parties.said_by),
        hears=_in_order(service for each in events for service in each.parties.heard_by),
        events=events,
    )


def _said(event: type[Event]) -> Said:
    (example,) = [each for each in examples() if type(each) is event]
    private = private_documented(event)
    inside = opened(example)
    return Said(
        name=event.__name__,
        kind=type_name(event),
        topic=event.TOPIC,
        meaning=meaning(event),
        note=" ".join(str(event.__doc__).split()).removeprefix("Said by ").removesuffix("."),
        why=REASONS[event],
        key=key_of(event.TOPIC),
        parties=PARTIES[event],
        fields=data_fields(documented(event)),
        private=top_fields(private) if private else [],
        record=_json(on_the_stream(example)),
        opened=_json(inside) if inside else "",
    )


def _picture(channels: list[Channel]) -> Picture:
    lanes = [(each.name, each.key, each.says, each.hears) for each in channels]
    return picture(lanes, SERVICES)


def _kept(declared: Declared) -> str:
    if declared.retention_ms is None:
        return "the last record of each key, for ever"
    days = declared.retention_ms // DAY_MS
    return f"{days} days" + (
        ", and less once it is replaced" if "compact" in declared.cleanup else ""
    )


def _in_order(services: Iterator[str]) -> tuple[str, ...]:
    found = set(services)
    return tuple(service for service in SERVICES if service in found)


@cache
def _values() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Every list of values that a field may say: its name, what it is about, what each means."""
    found: dict[str, tuple[str, str, list[tuple[str, str]]]] = {}
    for schema in filter(
        None, (f(e) for e in EVENT_TYPES for f in (documented, private_documented))
    ):
        for name, definition in schema.get("$defs", {}).items():
            if "enum" in definition:
                found[name] = (name, *_explained(definition))
    return [found[name] for name in sorted(found)]


def _explained(definition: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """What is said of all values, and of each."""
    words: str = definition["description"]
    places = {value: words.find(f" `{value}`: ") for value in definition["enum"]}
    known = sorted((place, value) for value, place in places.items() if place >= 0)
    ends = [place for place, _ in known[1:]] + [len(words)]
    about = words[: known[0][0]] if known else words
    said = [
        (value, words[place + len(f" `{value}`: ") : end])
        for (place, value), end in zip(known, ends, strict=True)
    ]
    return about, said


def _sections(markdown: str) -> list[tuple[str, str, Markup]]:
    """The guide's parts: an anchor, a title, and what stands below it."""
    parts = [part.partition("\n") for part in markdown.removeprefix("## ").split("\n## ")]
    return [(_anchor(title), title, _html(text)) for title, _, text in parts]


def _anchor(title: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def _html(markdown: str) -> Markup:
    html = _MARKDOWN.render(markdown)
    # What is wider than a phone is scrolled in its own box, by keyboard too.
    html = html.replace("<pre>", '<pre tabindex="0">')
    html = html.replace("<table>", '<div class="scrolls"><table>').replace(
        "</table>", "</table></div>"
    )
    return Markup(html)  # noqa: S704 - of our own text


def _code(text: str) -> Markup:
    """A sentence whose words between backticks are code."""
    return Markup(_MARKDOWN.renderInline(text))  # noqa: S704 - of our own text


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
