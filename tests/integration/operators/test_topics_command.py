"""`make topics`: every topic as declared and as found, and settings mended when told to."""

import asyncio
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.topics.standing import declared
from shared.topic_survey import survey
from shared.topics import DAY_MS, Declared, ensure_topics
from tests.support.operators import Said, command
from tests.support.stack import Stack

PARTITIONS = 3


@pytest.fixture
def topics(namespace: str) -> tuple[Declared, ...]:
    """All topics of a desk."""
    return declared(namespace, PARTITIONS)


async def ask(stack: Stack, namespace: str, *arguments: str) -> Said:
    """Run the command."""
    return await asyncio.to_thread(
        command,
        "deploy.topics",
        *arguments,
        KAFKA=stack.bootstrap_servers,
        NAMESPACE=namespace,
        PARTITIONS=str(PARTITIONS),
    )


async def make(stack: Stack, *topics: NewTopic) -> None:
    """Make topics as somebody else would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    await admin.create_topics(list(topics))
    await admin.close()


async def test_all_as_declared(stack: Stack, namespace: str, topics: tuple[Declared, ...]) -> None:
    """Each topic stands in the table with its settings, and the status is 0."""
    await ensure_topics(stack.bootstrap_servers, topics, 1)
    said = await ask(stack, namespace)
    assert said.status == 0, said.out + said.err
    lines = said.out.splitlines()
    for topic in topics:
        assert any(line.split()[:2] == [topic.name, str(topic.partitions)] for line in lines)
    sla = next(line for line in lines if line.startswith(f"{namespace}.sla "))
    assert sla.split()[2:] == ["1", "delete", "365", "d", "uncompressed", "LogAppendTime", "0"]
    assert "All topics are as declared." in said.out


async def test_each_difference_is_told(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """A topic missing, one too many partitions, another setting: for people and for programs."""
    tickets, messages = f"{namespace}.tickets", f"{namespace}.messages"
    rest = tuple(topic for topic in topics if topic.name not in {tickets, messages})
    await ensure_topics(stack.bootstrap_servers, rest, 1)
    own = dict(topics[0].settings) | {"retention.ms": "1000"}
    await make(stack, NewTopic(tickets, 4, 1, topic_configs=own))
    said = await ask(stack, namespace)
    assert said.status == 1
    assert f"DIFFERS  {tickets} has partitions 4, declared is 3" in said.out
    assert f"DIFFERS  {tickets} has retention.ms 1000, declared is {30 * DAY_MS}" in said.out
    assert f"DIFFERS  {messages} has a topic not there, declared is there" in said.out
    told = (await ask(stack, namespace, "--json")).json
    assert told["as_declared"] is False
    by_name = {topic["topic"]: topic for topic in told["topics"]}
    assert [one["what"] for one in by_name[tickets]["differences"]] == [
        "partitions",
        "retention.ms",
    ]
    assert by_name[tickets]["found"]["partitions"] == "4"
    assert by_name[messages]["there"] is False
    assert by_name[f"{namespace}.sla"]["differences"] == []


async def test_a_compacted_topic_keeps_the_number_it_was_made_with(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """More partitions elsewhere don't make a difference of it."""
    fewer = [replace(topic, partitions=2) for topic in topics if not topic.grows]
    assert {topic.name for topic in fewer} == {f"{namespace}.accounts", f"{namespace}.keys"}
    await ensure_topics(stack.bootstrap_servers, tuple(fewer), 1)
    assert await ensure_topics(stack.bootstrap_servers, topics, 1) == ()
    assert (await ask(stack, namespace)).status == 0


@pytest.mark.long
async def test_settings_are_mended_when_told_to(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """First it shows what it would do; then it does that alone and keeps what others have set."""
    await ensure_topics(stack.bootstrap_servers, topics[1:], 1)
    own = {"retention.ms": "1000", "segment.bytes": "2000000", "cleanup.policy": "delete"}
    await make(stack, NewTopic(topics[0].name, PARTITIONS, 1, topic_configs=own))
    shown = await ask(stack, namespace, "--repair")
    assert shown.status == 1
    assert f"Would mend {topics[0].name}: retention.ms from 1,000 ms to 30 d" in shown.out
    assert (await ask(stack, namespace)).status == 1, "showing changed something"
    done = await ask(stack, namespace, "--repair", "--yes")
    assert done.status == 0, done.out + done.err
    found = (await ask(stack, namespace, "--json")).json
    assert found["as_declared"] is True
    again = await ask(stack, namespace, "--repair", "--yes")
    assert (again.status, again.out) == (0, "All topics are as declared.\n")
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        kept = (await survey(admin, [topics[0].name]))[topics[0].name].own
    finally:
        await admin.close()
    assert kept["segment.bytes"] == "2000000"


async def test_what_would_delete_records_needs_another_word(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """A retention that becomes shorter is left as it is until somebody says that records may go."""
    await ensure_topics(stack.bootstrap_servers, topics[1:], 1)
    own = dict(topics[0].settings) | {"retention.ms": "-1"}
    await make(stack, NewTopic(topics[0].name, PARTITIONS, 1, topic_configs=own))
    left = await ask(stack, namespace, "--repair", "--yes")
    assert left.status == 1
    assert "The broker would delete records then" in left.out
    assert (await ask(stack, namespace)).status == 1
    done = await ask(stack, namespace, "--repair", "--yes", "--even-if-records-go")
    assert done.status == 0
    assert (await ask(stack, namespace)).status == 0


async def test_partitions_are_never_mended(
    stack: Stack, namespace: str, topics: tuple[Declared, ...]
) -> None:
    """Their number decides where a ticket's events go: the runbook says how that is done."""
    await ensure_topics(stack.bootstrap_servers, topics[1:], 1)
    made = NewTopic(topics[0].name, 2, 1, topic_configs=dict(topics[0].settings))
    await make(stack, made)
    said = await ask(stack, namespace, "--repair", "--yes", "--even-if-records-go")
    assert said.status == 1
    assert "docs/runbooks/add-partitions.md" in said.out
    found = {
        topic["topic"]: topic for topic in (await ask(stack, namespace, "--json")).json["topics"]
    }
    assert found[topics[0].name]["found"]["partitions"] == "2"


async def test_wrong_use_is_said() -> None:
    """No broker named and none here, a broker away, a number that is none."""
    nowhere = await asyncio.to_thread(command, "deploy.topics", HOME="/nonexistent/desk")
    assert (nowhere.status, nowhere.out) == (1, "")
    assert "No desk runs here" in nowhere.err
    away = await asyncio.to_thread(command, "deploy.topics", KAFKA="127.0.0.1:1")
    assert away.status == 1
    assert "Traceback" not in away.err
    odd = await asyncio.to_thread(command, "deploy.topics", KAFKA="127.0.0.1:1", PARTITIONS="many")
    assert "CARELINE_PARTITIONS is 'many'" in odd.err
    assert (await asyncio.to_thread(command, "deploy.topics", "--bogus")).status == 2
