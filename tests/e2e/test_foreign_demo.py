"""A whole demonstration as others see it: every record of every topic, by tools of others."""

import re
import shutil
from collections.abc import Iterator

import pytest

from deploy.local import ports
from deploy.local.demo import ANSWER, REPLY, SUBJECT
from shared.envelope import Topic
from tests.support.causality import find_reversed, seen
from tests.support.foreign import ASYNCAPI, Record, by_confluent, by_kcat, everything, refusals
from tests.support.local_desk import Command, command, free_base
from tests.support.stream import read_all

DEMO_WITHIN = 110
WITH_KCAT = pytest.param(
    "kcat", marks=pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
)
SAID_IN_EVERY_DEMO = {
    "careline.account.plan_changed.v1",
    "careline.catalogue.adopted.v1",
    "careline.deadline.at_risk.v1",
    "careline.deadline.breached.v1",
    "careline.deadline.met.v1",
    "careline.deadline.scheduled.v1",
    "careline.key.made.v1",
    "careline.message.posted.v1",
    "careline.message.received.v1",
    "careline.notification.sent.v1",
    "careline.ticket.created.v1",
    "careline.ticket.slotted.v1",
}


# A desk of the tests has every type on its stream (`test_foreign_reader.py`); this looks at all of
# it once more, as commands that people call have it said.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The broker of a desk on which a demonstration was played, and kept its promises."""
    home, base = tmp_path_factory.mktemp("foreign") / "home", free_base()
    with command(home, base, "run", "--catalogue", "demo") as desk:
        desk.says("Ready after")
        with command(home, base, "demo") as demo:
            _is_kept(demo)
        yield f"{ports.HOST}:{ports.from_base(base).kafka}"


def _is_kept(demo: Command) -> None:
    assert demo.process.wait(DEMO_WITHIN) == 0, demo.said()
    assert "promises were kept." in demo.said()


@pytest.fixture(scope="module", params=["confluent-kafka", WITH_KCAT])
def records(broker: str, request: pytest.FixtureRequest) -> list[Record]:
    """Everything on the desk's topics, as this client reads it."""
    client = {"confluent-kafka": by_confluent, "kcat": by_kcat}[request.param]
    return everything(client, broker, "careline")


def test_every_record_is_accepted_by_every_validator(records: list[Record]) -> None:
    """JSON Schema, CloudEvents, and the AsyncAPI document's channels, keys and headers."""
    assert {record.value["type"] for record in records if record.raw} >= SAID_IN_EVERY_DEMO
    assert [wrong for record in records for wrong in refusals(record)] == []
    assert not [record for record in records if record.channel.endswith(".dead")]


def test_nothing_personal_can_be_read(records: list[Record]) -> None:
    """Neither words nor addresses of those who took part, in no key, header or value."""
    whole = "\n".join(f"{record.key} {record.headers} {record.raw}" for record in records)
    for personal in (SUBJECT, ANSWER, REPLY, "@customer.example"):
        assert personal not in whole
    sealed = [record for record in records if record.raw and '"sealed"' in record.raw]
    keys = {record.key for record in records if record.channel == "keys"}
    assert {record.value["data"]["private"]["key"] for record in sealed} <= keys


def test_a_cause_is_on_the_stream(records: list[Record]) -> None:
    """Each `causationid` is the id of an event, and each story begins with its `correlationid`."""
    ids = {record.value["id"] for record in records if record.raw}
    for record in records:
        if record.raw:
            assert record.value["correlationid"] in ids
            assert record.value.get("causationid", record.value["id"]) in ids


async def test_causes_stand_before_their_effects(broker: str) -> None:
    """For each ticket, across all topics, by the broker's own clock and offsets."""
    records = await read_all(broker, *(f"careline.{topic}" for topic in Topic))
    events = seen(records)
    assert len([event for event in events if event.cause]) > len(events) / 2
    assert find_reversed(events) == []


def test_a_ticket_has_one_partition_number_everywhere(records: list[Record]) -> None:
    """On all topics that the document keys by ticket."""
    keyed = {
        name
        for name, each in ASYNCAPI["channels"].items()
        if re.search(r"by ticket\.", each["description"])
    }
    numbers = {(each.key, each.partition) for each in records if each.channel in keyed}
    assert len(numbers) == len({key for key, _ in numbers}) > 1
