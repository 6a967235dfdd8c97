"""A database that came from a backup is found to be older than its group, and catches up."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared import events, outbox, rebuilding
from shared.consumer import Heard
from shared.database import Connection, Database
from shared.faults import AwayError
from shared.group import Group
from shared.positions import DatabaseOlderError, behind
from shared.publisher import Publisher
from tests.support.backups import Backup, take_backup
from tests.support.groups import delete_group, unmark_offsets
from tests.support.rebuilder import Rebuilder, own
from tests.support.samples import ticket_created, tickets
from tests.support.stack import Stack
from tests.support.stream import read_all
from tests.support.waiting import until

EARLY, LATE, LAST = tickets(6), tickets(12)[6:], tickets(15)[12:]


@pytest.fixture
async def desk(stack: Stack, namespace: str, database: Database, publisher: Publisher) -> Rebuilder:
    """A service of which nothing runs, with topics of three partitions."""
    made = Rebuilder(stack.bootstrap_servers, namespace, database, publisher)
    await made.prepare()
    return made


@pytest.fixture
async def backup(desk: Rebuilder) -> Backup:
    """From when only what is early was heard; what is late, and said by the service, came after."""
    async with desk.running() as replica:
        await desk.until_finished(replica)
        await desk.say(*EARLY)
        await desk.until_heard(*EARLY)
        await until_idle(desk)
    async with desk.database.connection() as connection:
        taken = await take_backup(connection)
    async with desk.running():
        await desk.say(own("said"), *LATE)
        await desk.until_heard(*LATE)
        await until_idle(desk)
    return taken


async def until_idle(desk: Rebuilder) -> None:
    """Wait until the group has committed all there is."""
    records = [await read_all(desk.bootstrap_servers, topic) for topic in desk.topics]
    count = sum(len(each) for each in records)

    async def committed() -> bool:
        return await desk.committed() == count

    await until(committed, what=f"{count} records are committed")


async def put_back(desk: Rebuilder, backup: Backup) -> None:
    """Have the database as it was."""
    async with desk.database.connection() as connection:
        await backup.put_back(connection)


async def test_what_came_after_a_backup_is_heard_again(desk: Rebuilder, backup: Backup) -> None:
    """From where the backup was on, what the service said itself too; then it goes on as ever."""
    await put_back(desk, backup)
    assert (await desk.heard()).keys() == {str(event.id) for event in EARLY}
    async with desk.running() as replica:
        assert replica.rebuilding.active
        await desk.until_finished(replica)
        await desk.say(own("later"), *LAST)
        await desk.until_heard(*LAST)
    heard = await desk.heard()
    assert {name for name, past in heard.items() if past} == {
        str(event.id) for event in (own("said"), *LATE)
    }
    assert {name for name, past in heard.items() if not past} == {
        str(event.id) for event in (*EARLY, *LAST)
    }


async def test_without_positions_it_would_be_lost(desk: Rebuilder, backup: Backup) -> None:
    """What this is for: a database that does not say how old it is goes on where its group was."""
    await put_back(desk, backup)
    async with desk.database.connection() as connection:
        await connection.execute("DELETE FROM stream_positions")
    await unmark_offsets(desk.bootstrap_servers, desk.group)
    async with desk.running() as replica:
        assert not replica.rebuilding.active
        await desk.say(*LAST)
        await desk.until_heard(*LAST)
    assert (await desk.heard()).keys() == {str(event.id) for event in (*EARLY, *LAST)}


async def test_what_an_older_version_has_handled_is_taken_over(
    desk: Rebuilder, backup: Backup
) -> None:
    """It notes nothing; its offsets stand for what the database has, and nothing is heard again."""
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE stream_positions SET next_offset = 0")
    await unmark_offsets(desk.bootstrap_servers, desk.group)
    async with desk.running() as replica:
        assert not replica.rebuilding.active
        assert sum((await desk.positions()).values()) == await desk.committed()
    assert backup.tables


async def test_a_group_that_is_gone_is_led_to_where_the_database_is(
    desk: Rebuilder, backup: Backup
) -> None:
    """Whether the database had everything nobody can tell: it is heard from there on, as past."""
    await put_back(desk, backup)
    await delete_group(desk.bootstrap_servers, desk.group)
    async with desk.running() as replica:
        assert replica.rebuilding.active
        await desk.until_finished(replica)
    assert (await desk.heard()).keys() == {str(event.id) for event in (*EARLY, own("said"), *LATE)}


async def test_what_the_stream_keeps_no_longer_is_told(desk: Rebuilder, backup: Backup) -> None:
    """A backup that is older than the stream catches up with the rest, and says what is lost."""
    positions = await desk.positions()
    await put_back(desk, backup)
    (partition, offset) = max(
        ((p.partition, end) for p, end in positions.items() if p.topic == desk.topic()),
        key=lambda pair: pair[1],
    )
    lost = offset - (await desk.positions())[TopicPartition(desk.topic(), partition)]
    assert lost > 0
    await desk.delete_before(partition, offset)
    async with desk.running() as replica:
        said = replica.rebuilding.ready()
        assert said is not None
        assert f"{lost} are lost" in said
        await desk.until_finished(replica)
    async with desk.database.connection() as connection:
        assert await connection.fetchval("SELECT lost_offsets FROM rebuild") == lost
    assert len(await desk.heard()) == len(EARLY) + len(LATE) + 1 - lost


async def test_a_log_that_is_new_is_heard_from_its_beginning(desk: Rebuilder) -> None:
    """The database noted more than the log has: it is another one."""
    async with desk.running() as replica:
        await desk.until_finished(replica)
        await desk.say(*EARLY)
        await desk.until_heard(*EARLY)
        await until_idle(desk)
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE stream_positions SET next_offset = next_offset + 1000")
        await connection.execute("TRUNCATE heard")
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert (await desk.heard()).keys() == {str(event.id) for event in EARLY}
    assert sum((await desk.positions()).values()) == len(EARLY)


async def test_what_waited_in_a_backup_and_was_said_since_is_not_said_again(
    desk: Rebuilder,
) -> None:
    """It is on the stream; what is not, is still to be said, in its order."""
    said, unsaid = own("waited"), own("waits")
    async with desk.running() as replica:
        await desk.until_finished(replica)
        async with desk.database.transaction() as connection:
            await outbox.append(connection, [said, unsaid])
            await outbox.append_tombstones(connection, said.TOPIC, ["gone"])
            backup = await take_backup(connection)
        await desk.say(said, *EARLY)
        await desk.until_heard(*EARLY)
        await until_idle(desk)
    await put_back(desk, backup)
    async with desk.running() as replica:
        await desk.until_finished(replica)
    async with desk.database.connection() as connection:
        rows = await connection.fetch("SELECT key, value FROM outbox ORDER BY id")
        assert await connection.fetchval("SELECT count(*) FROM restored_outbox") == 0
    assert [(row["key"], row["value"]) for row in rows] == [
        (unsaid.subject, events.write(unsaid)),
        ("gone", None),
    ]


async def test_whoever_dies_before_the_group_went_back_goes_back_once_more(
    desk: Rebuilder, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The horizon is in the database by then, and the group's offsets tell that it is older."""
    await put_back(desk, backup)

    async def dies(*_: object) -> None:
        raise ConnectionResetError

    replica = desk.replica()
    with monkeypatch.context() as patch:
        patch.setattr(Group, "go_to", dies)
        with pytest.raises(ConnectionResetError):
            await replica.rebuilding.start()
    async with desk.running() as replica:
        await desk.until_finished(replica)
    assert (await desk.heard()).keys() == {str(event.id) for event in (*EARLY, own("said"), *LATE)}


async def test_members_at_work_are_waited_for(desk: Rebuilder, backup: Backup) -> None:
    """As long as somebody reads for the group, nothing is drawn and nothing is changed."""
    async with desk.running():
        await put_back(desk, backup)
        with pytest.raises((AwayError, KafkaError)):
            await desk.replica().rebuilding.start()
        async with desk.database.connection() as connection:
            assert await connection.fetchval("SELECT restored_at FROM rebuild") is None


async def test_replicas_catch_up_together(desk: Rebuilder, backup: Backup) -> None:
    """Whoever starts second finds the horizon drawn."""
    await put_back(desk, backup)
    async with desk.running() as one, desk.running() as other:
        await desk.until_finished(one, other)
        await desk.say(*LAST)
        await desk.until_heard(*LAST)
    assert len(await desk.heard()) == len([*EARLY, own("said"), *LATE, *LAST])


async def test_a_database_that_is_put_back_under_a_service_stops_it(
    desk: Rebuilder, backup: Backup
) -> None:
    """Its batch is not kept, and a new connection is refused: this process knows too much."""
    told = asyncio.Event()
    async with desk.running() as replica:
        replica.rebuilding.positions.when_older = told.set
        await put_back(desk, backup)
        await desk.say(*LAST)
        await asyncio.wait_for(told.wait(), 20)
        async with desk.database.connection() as connection:
            with pytest.raises(DatabaseOlderError):
                await replica.rebuilding.positions.check(connection)
        assert not (await desk.heard()).keys() & {str(event.id) for event in LAST}


async def test_a_batch_that_was_handled_one_by_one_is_noted(desk: Rebuilder) -> None:
    """If each of its records alone could be handled, none is dead, and all of it is behind us."""

    async def trouble(_: Connection, heard: Sequence[Heard]) -> None:
        if len(heard) > 1:
            raise ValueError

    async with desk.running() as replica:
        await desk.until_finished(replica)
        desk.trouble = trouble
        await desk.say_at_once(*EARLY, partition=0)
        await desk.until_heard(*EARLY)
        await until_idle(desk)
        assert sum((await desk.positions()).values()) == len(EARLY)
    async with desk.running() as replica:
        assert not replica.rebuilding.active


async def test_a_replica_may_start_while_others_are_at_work(
    desk: Rebuilder, database: Database
) -> None:
    """What they note after it has looked around does not make the log look shorter than that."""
    async with desk.running() as replica:
        await desk.until_finished(replica)
        await desk.say(*EARLY)
        await desk.until_heard(*EARLY)
        await until_idle(desk)
        async with database.connection() as connection:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", rebuilding.LOCK)
                starting = asyncio.create_task(desk.replica().rebuilding.start())
                await until(lambda: _somebody_waits(database), what="it waits for its turn")
                await desk.say(*LATE)
                await desk.until_heard(*LATE)
                await until_idle(desk)
            await starting
            assert await connection.fetchval("SELECT restored_at FROM rebuild") is None


async def _somebody_waits(database: Database) -> bool:
    async with database.connection() as connection:
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    return bool(found)


async def test_positions_never_move_back(desk: Rebuilder, database: Database) -> None:
    """Whoever lost a partition, and ends its batch late, changes nothing of where its heir is."""
    async with desk.running() as replica:
        await desk.until_finished(replica)
        await desk.say(*EARLY, partition=0)
        await desk.until_heard(*EARLY)
        await until_idle(desk)
    records = await read_all(desk.bootstrap_servers, desk.topic())
    where = TopicPartition(desk.topic(), 0)
    async with database.connection() as connection:
        late = desk.replica().rebuilding.positions
        assert (await late.note(connection, records[:2]))[where] == 2
    assert (await desk.positions())[where] == behind(records)[where] == len(EARLY)


async def test_what_nobody_handles_moves_them_too(desk: Rebuilder) -> None:
    """Its own words, and what ends among the dead, are behind it as well."""
    async with desk.running() as replica:
        await desk.until_finished(replica)

        async def trouble(_: Connection, __: Sequence[Heard]) -> None:
            raise ValueError

        desk.trouble = trouble
        await desk.say(own("one"), own("two"), ticket_created("dead"))

        async def all_noted() -> bool:
            return sum((await desk.positions()).values()) == 3

        await until(all_noted, what="all is noted")
        await until_idle(desk)
    async with desk.running() as replica:
        assert not replica.rebuilding.active
    assert await desk.heard() == {}
