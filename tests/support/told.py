"""A small stream for readers of every kind: tickets on three plans, and what became of them.

Each record begins as the example of its type in `docs/events/examples`, so it is what the desk
writes; nothing of `shared` is imported. Some records come twice, at once or much later; there are
types and fields that nobody knows.
"""

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.support.schemas import EXAMPLES, FOLDER

Event = dict[str, Any]

ASYNCAPI = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
TOPICS: tuple[str, ...] = tuple(channel["address"] for channel in ASYNCAPI["channels"].values())
FIRST = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVERY, TARGET, STATUS_AFTER = timedelta(minutes=20), timedelta(hours=4), timedelta(hours=5)


@dataclass(frozen=True)
class Story:
    """One ticket: its plan, how its first response ended, after how much work, how it stands."""

    plan: str
    ended: str
    """met, breached, retracted (said to be breached, and met in truth) or running."""
    minutes: int = 0
    status: str = "open"


STORIES = (
    Story("starter", "met", 31, "resolved"),
    Story("starter", "met", 95, "resolved"),
    Story("starter", "breached"),
    Story("starter", "retracted", 220, "pending"),
    Story("starter", "running"),
    Story("advanced", "met", 12, "resolved"),
    Story("advanced", "met", 44, "closed"),
    Story("advanced", "met", 61),
    Story("advanced", "breached"),
    Story("advanced", "breached", status="on_hold"),
    Story("advanced", "retracted", 239, "resolved"),
    Story("centurion", "met", 3, "resolved"),
    Story("centurion", "met", 9),
    Story("centurion", "running"),
)
PLANS = ("advanced", "centurion", "starter")


def events() -> list[Event]:
    """Every record in the order in which it is put on the stream."""
    told = [event for number, story in enumerate(STORIES) for event in _of(number, story)]
    twice = [event for event in told if event["type"] == "careline.deadline.breached.v1"]
    stranger = told[0] | {"id": _id("stranger"), "type": "careline.ticket.sang.v1"}
    late = [event for event in told if event["data"].get("revision") == 1]
    return [*(each for event in told for each in _again(event, twice)), stranger, *late, told[0]]


def news(name: str) -> Event:
    """One more record, on the topic of deadlines, that changes none of the numbers below."""
    tell = _Teller("ticket-0", STORIES[0].plan, FIRST)
    return tell.deadline("scheduled", FIRST, 1, "running", {"clock": "update", "what": name}) | {
        "id": _id(name)
    }


def topic_of(event: Event) -> str:
    """The topic that the AsyncAPI document names for its type."""
    kind = event["type"].replace("ticket.sang", "ticket.created")
    for channel in ASYNCAPI["channels"].values():
        for name in channel["messages"]:
            if ASYNCAPI["components"]["messages"][name]["name"] == kind:
                return str(channel["address"])
    raise LookupError(kind)


def written(event: Event) -> bytes:
    """As it stands on the wire."""
    return json.dumps(event, separators=(",", ":")).encode()


def attainment() -> dict[str, tuple[int, int]]:
    """By plan how many first responses were met and how many breached."""
    return {
        plan: (len(_minutes(plan, "met", "retracted")), len(_minutes(plan, "breached")))
        for plan in PLANS
    }


def first_response() -> dict[str, tuple[float, float]]:
    """By plan the median and the 90th percentile in seconds; a breach counts with its target."""
    found = {}
    for plan in PLANS:
        seconds = [60.0 * minutes for minutes in _minutes(plan, "met", "retracted")]
        seconds += [TARGET.total_seconds() for _ in _minutes(plan, "breached")]
        tenths = statistics.quantiles(seconds, n=10, method="inclusive")
        found[plan] = (statistics.median(seconds), tenths[8])
    return found


def backlog() -> dict[str, int]:
    """By plan how many tickets are neither resolved nor closed."""
    waiting = [story.plan for story in STORIES if story.status not in {"resolved", "closed"}]
    return {plan: waiting.count(plan) for plan in PLANS}


def breaches_by_hour() -> dict[tuple[str, str], int]:
    """How many breaches hold, by plan and the hour in which they were due."""
    found: dict[tuple[str, str], int] = {}
    for number, story in enumerate(STORIES):
        if story.ended == "breached":
            key = (story.plan, f"{FIRST + number * EVERY + TARGET:%Y-%m-%d %H:00}")
            found[key] = found.get(key, 0) + 1
    return found


def breaches_said() -> dict[str, int]:
    """By plan how many breaches were said, those among them that were taken back later."""
    return {plan: len(_minutes(plan, "breached", "retracted")) for plan in PLANS}


def _minutes(plan: str, *ended: str) -> list[int]:
    return [story.minutes for story in STORIES if story.plan == plan and story.ended in ended]


def _again(event: Event, twice: list[Event]) -> Iterator[Event]:
    yield event
    if event in twice:
        yield event


def _of(number: int, story: Story) -> Iterator[Event]:
    """What is said of one ticket, in order."""
    asked = FIRST + number * EVERY
    tell = _Teller(f"ticket-{number}", story.plan, asked)
    yield tell("ticket.created", asked, {})
    yield tell("ticket.slotted", asked, {"plan": story.plan})
    yield tell.deadline("scheduled", asked, 1, "running")
    met = {"met": _instant(asked + timedelta(minutes=story.minutes))}
    met |= {"elapsed_seconds": 60.0 * story.minutes}  # type: ignore[dict-item] # JSON of both kinds
    used = {"elapsed_seconds": TARGET.total_seconds()}
    if story.ended == "met":
        yield tell.deadline("met", asked + timedelta(minutes=story.minutes), 2, "met", met)
    if story.ended in {"breached", "retracted"}:
        yield tell.deadline("breached", asked + TARGET, 2, "breached", used)
    if story.ended == "retracted":
        yield tell.deadline("breach_retracted", asked + TARGET, 3, "met")
        yield tell.deadline("met", asked + timedelta(minutes=story.minutes), 4, "met", met)
    if story.status != "open":
        yield tell("ticket.status_changed", asked + STATUS_AFTER, {"status": story.status})


@dataclass(frozen=True)
class _Teller:
    """Makes the events of one ticket out of the examples."""

    name: str
    plan: str
    asked: datetime

    def __call__(self, kind: str, time: datetime, data: Mapping[str, Any]) -> Event:
        example: Event = json.loads(
            EXAMPLES[f"careline.{kind}.v1"].read_text(encoding="utf-8"),
        )
        return example | {
            "id": _id(f"{self.name} {kind} {data.get('revision')}"),
            "time": _instant(time),
            "subject": _id(self.name),
            "data": example["data"] | data | {"not_known_yet": True},
        }

    def deadline(
        self,
        what: str,
        time: datetime,
        revision: int,
        state: str,
        more: Mapping[str, Any] | None = None,
    ) -> Event:
        """Something that is said of its first response."""
        data = {
            "revision": revision,
            "state": state,
            "plan": self.plan,
            "started": _instant(self.asked),
            "due": _instant(self.asked + TARGET),
        }
        return self(f"deadline.{what}", time, data | dict(more or {}))


def _instant(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))
