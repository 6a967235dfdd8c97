"""Who says and hears what, as documented, is what the services' code does.

Read from the code itself: `X.say(...)` anywhere in a service says X; an `isinstance` or a `match`
in its handlers hears X, on the topics that its `__main__` subscribes to.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.event_docs.parties import PARTIES, SERVICES
from shared.deadlines import DeadlineEvent
from shared.envelope import Topic
from shared.events import EVENT_TYPES, Event

ROOT = Path(__file__).parents[2] / "services"
BY_NAME = {event.__name__: event for event in EVENT_TYPES}
HEARD_AS: dict[str, tuple[type[Event], ...]] = {
    **{name: (event,) for name, event in BY_NAME.items()},
    "DeadlineEvent": DeadlineEvent.__args__,
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_the_table_says(service: str) -> None:
    """The events that a service's code says are those that the table has it say."""
    nodes = [node for path in (ROOT / service).rglob("*.py") for node in _nodes(path)]
    said = {
        BY_NAME[node.func.value.id]
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "say"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in BY_NAME
    }
    assert said == {event for event, parties in PARTIES.items() if service in parties.said_by}
    for event in said:
        names = str(event.__doc__)
        assert names.startswith("Said by ")
        assert service in names


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_what_the_table_says(service: str) -> None:
    """The events that a service's handlers tell apart are those that the table has it hear."""
    assert _handled(service) == {
        event for event, parties in PARTIES.items() if service in parties.heard_by
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_subscribes_to_the_topics_of_what_it_hears(service: str) -> None:
    """A service reads every topic that it needs, and none that it does not."""
    subscribed = {
        Topic[node.attr]
        for call in _nodes(ROOT / service / "__main__.py")
        if isinstance(call, ast.keyword) and call.arg == "hears"
        for node in ast.walk(call.value)
        if isinstance(node, ast.Attribute)
    }
    assert subscribed == {event.TOPIC for event in _handled(service)}


def _handled(service: str) -> set[type[Event]]:
    handlers = ROOT / service / "handlers.py"
    if not handlers.exists():
        return set()
    return {
        event
        for told_apart in _told_apart(handlers)
        for name in ast.walk(told_apart)
        if isinstance(name, ast.Name)
        for event in HEARD_AS.get(name.id, ())
    }


def _told_apart(path: Path) -> Iterator[ast.AST]:
    for node in _nodes(path):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "isinstance"
        ):
            yield node.args[1]
        elif isinstance(node, ast.MatchClass):
            yield node.cls


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))
