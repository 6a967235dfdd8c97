"""Who says and hears what, as documented, is what the services' code does.

Read from the code itself: `X.say(...)` anywhere in a service says X; an `isinstance` or a `match`
in its `handlers.py` hears X, on the topics that its `__main__` subscribes to. There or in
`rebuilding.py` it remembers X, if it is what the service says itself: that is heard for a new
database alone.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from deploy.event_docs.parties import PARTIES, SERVICES
from shared.deadlines import DeadlineEvent
from shared.envelope import Topic
from shared.events import EVENT_TYPES, Event
from shared.privacy import KeyMade, say_key

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
    said = (
        {
            BY_NAME[node.func.value.id]
            for node in nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "say"
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in BY_NAME
        }
        | _keys(service)
        | _keys_of_its_own(service)
    )
    assert said == {event for event, parties in PARTIES.items() if service in parties.said_by}
    for event in said:
        names = str(event.__doc__)
        assert names.startswith("Said by ")
        assert service in names


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_registers_what_it_says(service: str) -> None:
    """What a service tells a schema registry is the schema of every event that it says."""
    registered = import_module(f"services.{service}.__main__").SAYS
    assert len(registered) == len(set(registered))
    assert set(registered) == {e for e, parties in PARTIES.items() if service in parties.said_by}
    handed = [
        node.args[-1].id
        for node in _nodes(ROOT / service / "__main__.py")
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "run"
        and isinstance(node.args[-1], ast.Name)
    ]
    assert handed == ["SAYS"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_what_the_table_says(service: str) -> None:
    """The events that a service's handlers tell apart are those that the table has it hear."""
    assert _handled(service) | _keys(service) == {
        event for event, parties in PARTIES.items() if service in parties.heard_by
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_remembers_what_the_table_says(service: str) -> None:
    """Of its own events, those that it tells apart when its database is new are in the table."""
    assert _remembered(service) == {
        event for event, parties in PARTIES.items() if service in parties.remembered_by
    }
    assert all(set(parties.remembered_by) <= set(parties.said_by) for parties in PARTIES.values())


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
    assert subscribed == {event.TOPIC for event in _handled(service) | _remembered(service)}


def _keys(service: str) -> set[type[Event]]:
    """What `shared/keyring.py` says and hears for whoever is put together with keys."""
    wired = [
        node
        for node in _nodes(ROOT / service / "__main__.py")
        if isinstance(node, ast.keyword) and node.arg == "keys"
    ]
    return {KeyMade} if wired else set()


def _keys_of_its_own(service: str) -> set[type[Event]]:
    """What is said through `say_key` by whoever has no database to be put together with."""
    called = [
        node
        for path in (ROOT / service).rglob("*.py")
        for node in _nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == say_key.__name__
    ]
    return {KeyMade} if called else set()


def _handled(service: str) -> set[type[Event]]:
    """Without what nobody else says: live, a service passes over its own events."""
    return {
        event
        for event in _events_told_apart(ROOT / service / "handlers.py")
        if PARTIES[event].said_by != (service,)
    }


def _remembered(service: str) -> set[type[Event]]:
    return {
        event
        for room in ("handlers.py", "rebuilding.py")
        for event in _events_told_apart(ROOT / service / room)
        if service in PARTIES[event].said_by
    }


def _events_told_apart(path: Path) -> set[type[Event]]:
    if not path.exists():
        return set()
    return {
        event
        for told_apart in _told_apart(path)
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
