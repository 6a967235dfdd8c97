"""What is told to a schema registry, and where it is."""

import copy
import json

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from shared.envelope import SCHEMA_URN
from shared.event_schemas import schema_of
from shared.events import EVENT_TYPES, Event, TicketCreated
from shared.registry import Address, registered_schema, subject_of
from shared.settings import Settings, load_settings
from tests.support.instances import instances
from tests.support.schemas import FORMATS


@pytest.mark.parametrize("event", EVENT_TYPES)
def test_a_registered_schema_says_what_the_documented_one_says(event: type[Event]) -> None:
    """In draft 7, without references, it passes and refuses the same records."""
    registered, documented = registered_schema(event), schema_of(event)
    Draft7Validator.check_schema(registered)
    assert "$ref" not in json.dumps(registered)
    assert registered["$id"] == f"{SCHEMA_URN}{registered['title']}"
    there = Draft7Validator(registered, format_checker=FORMATS)
    here = Draft202012Validator(documented, format_checker=FORMATS)
    for record in instances(documented):
        assert there.is_valid(record)
        for spoiled in _spoiled(record):
            assert there.is_valid(spoiled) == here.is_valid(spoiled)


def _spoiled(record: dict[str, object]) -> list[dict[str, object]]:
    """A record with one field gone or of another type, outside or in its data."""
    found = [record | {name: value} for name in record for value in ("spoiled", None)]
    found += [{other: each for other, each in record.items() if other != n} for n in record]
    data = record["data"]
    assert isinstance(data, dict)
    for name in data:
        spoiled = copy.deepcopy(record)
        spoiled["data"] = data | {name: {"spoiled": True}}
        found.append(spoiled)
    return found


def test_a_subject_is_topic_and_type() -> None:
    """Readers find a record's schema by the topic that it is on and the type that it has."""
    assert subject_of(TicketCreated, "desk") == "desk.tickets-careline.ticket.created.v1"


@pytest.mark.parametrize(
    ("text", "url", "login"),
    [
        ("http://registry:8081", "http://registry:8081", None),
        ("https://registry/apis/ccompat/v7/", "https://registry/apis/ccompat/v7", None),
        ("https://a%40b:c%3Ad@registry:1/x", "https://registry:1/x", "a@b:c:d"),
        ("https://token@[::1]:8081", "https://[::1]:8081", "token:"),
    ],
)
def test_an_address_may_hold_a_login(text: str, url: str, login: str | None) -> None:
    """Name and password are taken out of the address, in whatever characters they are."""
    address = Address.of(text)
    assert (address.url, address.login) == (url, login)
    assert "c:d" not in address.host


@pytest.mark.parametrize(
    "text",
    ["registry:8081", "ftp://registry", "http://", "https://registry/?a-secret", "http://r/#x"],
)
def test_what_is_no_address_is_refused_by_its_name(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that is told nonsense ends before it starts, and repeats nothing of it."""
    monkeypatch.setenv("CARELINE_SCHEMA_REGISTRY", text)
    with pytest.raises(SystemExit) as ended:
        load_settings(Settings)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("CARELINE_SCHEMA_REGISTRY: expected a secret text: must be an address")
    assert "a-secret" not in said


def test_by_itself_there_is_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked or told anything unless a registry is named."""
    monkeypatch.delenv("CARELINE_SCHEMA_REGISTRY", raising=False)
    assert load_settings(Settings).schema_registry is None
