"""Consumer groups: who is in them, and how far each has read."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group that has read some of the topics.

    Attributes:
        name: Its id.
        members: How many read now.
        behind: Records that it has not read yet, per topic that it reads.
    """

    name: str
    members: int
    behind: Mapping[str, int]


async def groups_of(
    admin: AIOKafkaAdminClient, namespace: str, ends: Mapping[TopicPartition, range]
) -> list[Group]:
    """Every group that has read one of these topics, and every one of the desk's own services."""
    names = sorted(name for name, *_ in await admin.list_consumer_groups())
    found = [await _group(admin, name, ends) for name in names]
    return [each for each in found if each.behind or is_own(each.name, namespace)]


def is_own(group: str, namespace: str) -> bool:
    """Whether a service of the desk reads by this group: then it writes, too."""
    return group.startswith(f"{namespace}.")


async def _group(
    admin: AIOKafkaAdminClient, name: str, ends: Mapping[TopicPartition, range]
) -> Group:
    offsets = await admin.list_consumer_group_offsets(name)
    read = {each: known.offset for each, known in offsets.items() if known.offset >= 0}
    heard = {each.topic for each in read} & {each.topic for each in ends}
    behind = dict.fromkeys(sorted(heard), 0)
    for partition, there in ends.items():
        if partition.topic in heard:
            # What has been deleted by its age can't be read any more.
            position = max(read.get(partition, 0), there.start)
            behind[partition.topic] += max(0, there.stop - position)
    return Group(name, await _members(admin, name), behind)


async def _members(admin: AIOKafkaAdminClient, name: str) -> int:
    # One group at a time: of several the broker hangs up.
    (answer,) = await admin.describe_consumer_groups([name])
    return sum(len(described[5]) for described in answer.groups)
