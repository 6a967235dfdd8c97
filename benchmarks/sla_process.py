"""sla as a whole process on real servers, made ready to be measured."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from benchmarks import servers
from services.sla import store
from services.sla.accounts import PlanChange
from shared.database import Connection, Database
from shared.envelope import NAMESPACE, Topic, derive_id
from shared.schema import Schema
from shared.topics import declared_topics, ensure_topics, topic_name
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import read_all


@contextmanager
def desk(stack: Stack, catalogue: Path) -> Iterator[Desk]:
    """A desk of which nothing is started yet, with as many partitions as by default."""
    with (
        tempfile.TemporaryDirectory(prefix="careline-bench-") as folder,
        running_desk(stack, Path(folder)) as made,
    ):
        made.settings |= {
            "CARELINE_CATALOGUE": str(catalogue),
            "CARELINE_PARTITIONS": str(servers.PARTITIONS),
        }
        yield made


@asynccontextmanager
async def prepared(made: Desk) -> AsyncIterator[Database]:
    """Its topics and sla's tables, as sla would make them at its first start."""
    topics = declared_topics(made.namespace, servers.PARTITIONS)
    await ensure_topics(made.stack.bootstrap_servers, topics, 1)
    database = Database(made.dsn("sla"), service="benchmark", size=1)
    await database.start()
    try:
        await Schema(database, servers.MIGRATIONS).start()
        yield database
    finally:
        await database.stop()


async def register(connection: Connection, plans: Iterable[tuple[str, str]], at: datetime) -> None:
    """Put accounts onto plans since a year before an instant."""
    since = at - timedelta(days=365)
    changes = [
        PlanChange(
            id=derive_id(NAMESPACE, "benchmark", account),
            account=account,
            plan=plan,
            previous=None,
            since=since,
            changed_by="benchmark",
            changed_at=since,
        )
        for account, plan in plans
    ]
    await store.add_plan_changes(connection, changes)


async def said_so_far(made: Desk) -> int:
    """How many events sla has said; to ask costs it little."""
    async with AIOKafkaConsumer(bootstrap_servers=made.stack.bootstrap_servers) as consumer:
        topic = topic_name(made.namespace, Topic.SLA)
        partitions = [TopicPartition(topic, number) for number in range(servers.PARTITIONS)]
        ends = await consumer.end_offsets(partitions)
    return sum(ends.values())


async def said(made: Desk, *, kind: str) -> Sequence[ConsumerRecord]:
    """What sla has said of this type so far, as it stands on the stream."""
    topic = topic_name(made.namespace, Topic.SLA)
    written = f'"type":"{kind}"'.encode()
    records = await read_all(made.stack.bootstrap_servers, topic)
    return [record for record in records if written in record.value]
