"""Consumer groups whose members were killed."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.group import LeaveGroupRequest


async def has_heard_all(bootstrap_servers: str, group: str, topics: Sequence[str]) -> bool:
    """Whether a group has committed everything that these topics hold now."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap_servers)
    await admin.start()
    await consumer.start()
    try:
        committed = await admin.list_consumer_group_offsets(group)
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
        return all(
            end == 0 or (partition in committed and committed[partition].offset >= end)
            for partition, end in ends.items()
        )
    finally:
        await consumer.stop()
        await admin.close()


async def dismiss_members(bootstrap_servers: str, group: str) -> None:
    """Tell the broker that all members of a group are gone.

    It finds out by itself, after 6 s in which nobody reads; tests of what else happens after a kill
    need not wait for that. Who is alive all the same joins again.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(group)
        (answer,) = await admin.describe_consumer_groups([group])
        members = [member[0] for described in answer.groups for member in described[5]]
    finally:
        await admin.close()
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers)
    await client.bootstrap()
    try:
        for member in members:
            await client.send(coordinator, LeaveGroupRequest(group, member))
    finally:
        await client.close()


async def delete_group(bootstrap_servers: str, group: str) -> None:
    """Forget a group that nobody reads for, with its offsets, as brokers do after a week."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(group)
    finally:
        await admin.close()
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers)
    await client.bootstrap()
    try:
        answer = await client.send(coordinator, DeleteGroupsRequest([group]))
        assert [code for _, code in answer.results] == [0]
    finally:
        await client.close()


async def unmark_offsets(bootstrap_servers: str, group: str) -> None:
    """Commit what a group has committed as an older version did, which noted nothing."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        known = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(list(known))
        await consumer.commit({partition: each.offset for partition, each in known.items()})
    finally:
        await consumer.stop()
