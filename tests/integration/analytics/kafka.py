"""A stream for analytics to read, written by a client that shares nothing with the services."""

import json
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # it is there

from tests.integration.analytics import history

TOPICS = ("tickets", "messages", "sla", "notifications", "accounts", "privacy")
PARTITIONS = 3


class Written:
    """A namespace on the broker, and what is put on its topics."""

    def __init__(self, bootstrap_servers: str, namespace: str) -> None:
        self.bootstrap_servers, self.namespace = bootstrap_servers, namespace
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        self._producer = Producer(
            {"bootstrap.servers": bootstrap_servers, "linger.ms": 5, "enable.idempotence": True}
        )

    def make(self, *topics: str, **config: str) -> None:
        """Make topics."""
        made = self._admin.create_topics(
            [NewTopic(self.name(topic), PARTITIONS, 1, config=config) for topic in topics]
        )
        for future in made.values():
            future.result()

    def drop(self, *topics: str) -> None:
        """Remove topics with all that they hold."""
        for future in self._admin.delete_topics([self.name(topic) for topic in topics]).values():
            future.result()

    def name(self, topic: str) -> str:
        """A topic's name."""
        return f"{self.namespace}.{topic}"

    def say(self, records: Iterable[dict[str, Any]]) -> None:
        """Put records on their topics by their key, as the services do."""
        for record in records:
            value = json.dumps(record).encode()
            self.put(history.topic(record), value, key=record["subject"])
        self.flush()

    def put(
        self, topic: str, value: bytes | None, *, key: str = "a key", partition: int = -1
    ) -> None:
        """Put any bytes on a topic; `flush` waits for it."""
        while True:
            try:
                self._producer.produce(self.name(topic), value, key.encode(), partition)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def flush(self) -> None:
        """Wait until the broker has everything."""
        assert self._producer.flush(60) == 0

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Delete the beginning of a partition, as retention does."""
        at = TopicPartition(self.name(topic), partition, before)
        for future in self._admin.delete_records([at]).values():
            future.result()
