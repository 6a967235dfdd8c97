"""Giving the topics of tickets more partitions without breaking the order per ticket.

A ticket's key decides its partition by their number. After the change its next event goes to
another partition than the ones before, so everything before must have been read by everybody, and
nobody may write while the number changes: then whoever goes on reading meets no event before one
that led to it. Each topic is changed by a request of its own and the conditions hold for all of
them, so a change that died in the middle is ended by saying it again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import InvalidPartitionsError

from deploy.broker import Meant
from deploy.local.errors import DeskError
from deploy.local.readiness import wait_until
from deploy.local.screen import Screen
from deploy.topics.groups import Group, groups_of, is_own
from shared.topic_survey import ends, survey
from shared.topics import declared_topics

DONE, NOT_DONE = 0, 1
STILL_SECONDS = 5.0
"""How long nothing may be written before the change is begun."""
SEEN_WITHIN = 30
"""Seconds until every broker tells the new number."""

Ends = Mapping[TopicPartition, range]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody said."""

    partitions: int
    intake_is_stopped: bool
    yes: bool


async def grow(admin: AIOKafkaAdminClient, desk: Meant, asked: Asked, screen: Screen) -> int:
    """Show what would be done and what stands against it; do it when told to and nothing does.

    Raises:
        DeskError: Something stands against it; the text says all of it.
    """
    counts = await _counts(admin, desk.namespace)
    left = to_grow(counts, asked.partitions)
    if not left:
        screen.say(f"All topics of tickets have {asked.partitions} partitions.", "green")
        return DONE
    for name in left:
        screen.say(f"  {name}: {counts[name]} partitions, then {asked.partitions}")
    before = await ends(desk.bootstrap_servers, counts, desk.security)
    against = [
        *_running(desk, asked),
        *readers_against(await groups_of(admin, desk.namespace, before), desk.namespace),
        *await _writers_against(desk, counts, before, screen),
    ]
    if against:
        listed = "\n".join(f"  - {reason}" for reason in against)
        raise DeskError(f"Not now; nothing was changed:\n{listed}\n{_RUNBOOK}")
    if not asked.yes:
        screen.say("Nothing stands against it. Nothing was changed: --yes does it.")
        return NOT_DONE
    await _change(admin, left, asked.partitions)
    await _look_back(desk, counts, before)
    screen.say(f"All topics of tickets have {asked.partitions} partitions.", "green")
    screen.say(f"Start every service, and intake, with CARELINE_PARTITIONS={asked.partitions}.")
    return DONE


_RUNBOOK = "How it is done step by step: docs/runbooks/add-partitions.md"


async def _counts(admin: AIOKafkaAdminClient, namespace: str) -> dict[str, int]:
    names = [each.name for each in declared_topics(namespace, 1) if each.grows]
    found = await survey(admin, names)
    if missing := sorted(set(names) - set(found)):
        raise DeskError(f"There is no topic {', '.join(missing)}: {_MISSING}")
    return {name: found[name].partitions for name in names}


_MISSING = "services make them when they start, with CARELINE_PARTITIONS partitions."


def to_grow(counts: Mapping[str, int], wanted: int) -> list[str]:
    """The topics that have fewer partitions than are wanted.

    Raises:
        DeskError: There are more already, or the topics differ in another way than a change to this
            very number leaves them when it dies in the middle.
    """
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    numbers = sorted(set(counts.values()))
    most = numbers[-1]
    if len(numbers) > 2:  # noqa: PLR2004 - before and after
        raise DeskError(f"The topics differ, as no change leaves them: find out why. ({told})")
    if len(numbers) > 1 and wanted != most:
        raise DeskError(f"A change to {most} was not ended: say --partitions {most}. ({told})")
    if wanted < most:
        raise DeskError(f"Kafka takes no partitions away: there are {most} already. ({told})")
    return [name for name, count in counts.items() if count < wanted]


def _running(desk: Meant, asked: Asked) -> list[str]:
    if desk.runs_here:
        return ["The desk runs on this machine, and its intake with it: stop it first."]
    if not asked.intake_is_stopped:
        return [_NOBODY_KNOWS]
    return []


_NOBODY_KNOWS = (
    "No broker can tell whether intake runs while nobody writes. Stop it, look that it is gone, "
    "and say --intake-is-stopped"
)


def readers_against(groups: Sequence[Group], namespace: str) -> list[str]:
    """What groups have against it: those that have not read everything, and services that run."""
    reasons = []
    for group in groups:
        behind = {topic: records for topic, records in group.behind.items() if records}
        for topic, records in behind.items():
            reasons.append(f"Group {group.name} has not read {records:,} records of {topic}.")
        if group.members and is_own(group.name, namespace):
            reasons.append(
                f"Group {group.name} has {group.members} members: that service runs, and writes."
            )
    return reasons


async def _writers_against(
    desk: Meant, counts: Mapping[str, int], before: Ends, screen: Screen
) -> list[str]:
    screen.say(f"Watching for {STILL_SECONDS:.0f} s whether anybody writes", "dim")
    await asyncio.sleep(STILL_SECONDS)
    return grown_since(before, await ends(desk.bootstrap_servers, counts, desk.security))


def grown_since(before: Ends, after: Ends) -> list[str]:
    """What was written in between, by topic."""
    written: dict[str, int] = {}
    for partition, there in after.items():
        # A partition that is new has nothing that was there before.
        earlier = before[partition].stop if partition in before else 0
        if more := there.stop - earlier:
            written[partition.topic] = written.get(partition.topic, 0) + more
    return [
        f"Somebody writes to {topic}: {more:,} records just now."
        for topic, more in sorted(written.items())
    ]


async def _change(admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int) -> None:
    for name in names:
        try:
            await admin.create_partitions({name: NewPartitions(partitions)})
        except InvalidPartitionsError as error:
            raise DeskError(
                f"The broker refuses: {error}. Say the same again. {_RUNBOOK}"
            ) from None

    async def seen() -> bool:
        found = await survey(admin, names)
        return all(found[name].partitions == partitions for name in names)

    await wait_until(seen, SEEN_WITHIN, "Not every broker tells the new number yet. Look again.")


async def _look_back(desk: Meant, counts: Mapping[str, int], before: Ends) -> None:
    """Look once more: whoever wrote in the middle was not stopped.

    Raises:
        DeskError: Somebody did.
    """
    written = grown_since(before, await ends(desk.bootstrap_servers, counts, desk.security))
    if written:
        listed = "\n".join(f"  - {reason}" for reason in written)
        raise DeskError(
            f"The partitions are there, but somebody wrote meanwhile:\n{listed}\n"
            "For these records' tickets readers may meet a later event before an earlier one. "
            "Find out who it was before you start anything."
        )
