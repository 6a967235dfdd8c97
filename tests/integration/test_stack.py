"""The stack that integration tests run on."""

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from tests.support.stack import Stack


async def test_the_stack_is_there_and_empty(stack: Stack) -> None:
    """Kafka answers and has no topics of ours; Postgres lets its superuser make databases."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    topics = await admin.list_topics()
    await admin.close()
    assert not [topic for topic in topics if topic.startswith("careline.never")]
    connection = await asyncpg.connect(stack.postgres_admin_dsn)
    may = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    await connection.close()
    assert may is True
