"""The stream as somebody reads it who has `docs/events/` and nothing else of ours.

Two clients that share no code with the services, librdkafka through confluent-kafka and the `kcat`
command, and what validators that aren't ours say of a record. Nothing of `shared` may be imported.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.support.schemas import FOLDER, complaints

ASYNCAPI: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
CONTENT_TYPE = {"content-type": "application/cloudevents+json"}
SEALED = {"person", "key", "sealed"}
MAY_HAVE_TOMBSTONES = "keys"


@dataclass(frozen=True)
class Record:
    """One record as a foreign client shows it."""

    channel: str
    """The topic, as the AsyncAPI document names it."""
    partition: int
    key: str
    headers: Mapping[str, str]
    raw: str | None
    """Its value; none in a tombstone."""

    @property
    def value(self) -> dict[str, Any]:
        """The event in it."""
        assert self.raw is not None, f"a tombstone on {self.channel}"
        event: dict[str, Any] = json.loads(self.raw)
        return event


Client = Callable[[str, str, str], Iterator[Record]]
"""Reads a topic (bootstrap servers, its name, its channel) from offset 0 to its end."""


def topic(channel: str, namespace: str) -> str:
    """The topic of a channel at a desk, whose namespace may be another than the document's."""
    address: str = ASYNCAPI["channels"][channel]["address"]
    return f"{namespace}.{address.partition('.')[2]}"


def everything(client: Client, bootstrap_servers: str, namespace: str) -> list[Record]:
    """All records of all topics that the document names."""
    return [
        record
        for channel in ASYNCAPI["channels"]
        for record in client(bootstrap_servers, topic(channel, namespace), channel)
    ]


def by_confluent(bootstrap_servers: str, topic: str, channel: str) -> Iterator[Record]:
    """By librdkafka: every partition, in no group."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        left = set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        while left:
            message = consumer.poll(10)
            assert message is not None, f"{topic} answers nothing"
            if (error := message.error()) is None:
                yield _record(channel, message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error  # noqa: SLF001 - its only name
                left.discard(message.partition())
    finally:
        consumer.close()


def by_kcat(bootstrap_servers: str, topic: str, channel: str) -> Iterator[Record]:
    """The same by a program of its own."""
    command = ["kcat", "-C", "-q", "-e", "-J", "-o", "beginning", "-b", bootstrap_servers]
    shown = subprocess.run(  # noqa: S603 - a fixed command
        [*command, "-t", topic], capture_output=True, text=True, timeout=60, check=True
    )
    for line in shown.stdout.splitlines():
        record = json.loads(line)
        names, values = record.get("headers", [])[::2], record.get("headers", [])[1::2]
        headers = dict(zip(names, values, strict=True))
        yield Record(channel, record["partition"], record["key"], headers, record["payload"])


def refusals(record: Record) -> list[str]:
    """All that is wrong with a record, by whichever validator; none of a rightful one."""
    if record.raw is None:
        return [] if record.channel == MAY_HAVE_TOMBSTONES else [f"tombstone on {record.channel}"]
    return [*complaints(record.value), *_misplaced(record), *_no_cloudevent(record), *_open(record)]


def _misplaced(record: Record) -> Iterator[str]:
    """What the AsyncAPI document says of the type's channel, key and headers."""
    messages = ASYNCAPI["components"]["messages"]
    names = ASYNCAPI["channels"][record.channel]["messages"]
    if record.value["type"] not in {messages[name]["name"] for name in names}:
        yield f"{record.value['type']} on {record.channel}"
    if record.key != record.value["subject"]:
        yield f"{record.value['type']} has the key {record.key}"
    if record.headers != CONTENT_TYPE:
        yield f"{record.value['type']} has the headers {record.headers}"


def _no_cloudevent(record: Record) -> Iterator[str]:
    """What the CloudEvents SDK reads of it is what stands there, and what it writes is the same."""
    headers = {name: value.encode() for name, value in record.headers.items()}
    message = kafka.KafkaMessage(headers, record.key, (record.raw or "").encode())
    # It raises for whatever the specification forbids.
    event = kafka.from_kafka(message, JSONFormat())
    written = kafka.to_structured_event(event)
    back = json.loads(written.value)
    # The SDK has the key as an extension, and leaves out the microseconds of a whole second.
    if back.pop("partitionkey") != record.key or written.key not in (record.key, None):
        yield f"{record.value['type']}: the SDK has another key"
    back["time"] = record.value["time"] if _same(back["time"], record.value["time"]) else "another"
    if back != record.value:
        yield f"{record.value['type']}: the SDK makes something else of it"


def _same(one: str, other: str) -> bool:
    return one.removesuffix("Z").partition(".")[0] == other.removesuffix("Z").partition(".")[0]


def _open(record: Record) -> Iterator[str]:
    """Whatever is personal is sealed."""
    private = record.value["data"].get("private")
    if private is not None and set(private) != SEALED:
        yield f"{record.value['type']}: private has {sorted(private)}"


def _record(channel: str, message: Any) -> Record:  # noqa: ANN401 - the client has no types
    headers = {name: value.decode() for name, value in message.headers() or ()}
    value = message.value()
    raw = None if value is None else value.decode()
    return Record(channel, message.partition(), message.key().decode(), headers, raw)
