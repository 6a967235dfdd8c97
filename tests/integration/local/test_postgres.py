"""Postgres from the wheel: safe by default, and unharmed by whatever happened before."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local import postgres
from deploy.local.errors import DeskError
from deploy.local.ports import Ports
from deploy.local.supervisor import Supervisor

SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY($1)"


@pytest.fixture
def server(chosen: Ports) -> Iterator[postgres.Server]:
    """A server with a place of its own.

    Not in pytest's folder: each session that starts closes that one to other users, and Postgres
    is one when root runs the tests.
    """
    with tempfile.TemporaryDirectory(prefix="careline-test-") as folder:
        yield postgres.Server(Path(folder) / "postgres", chosen.postgres)


async def start(supervisor: Supervisor, server: postgres.Server) -> None:
    """Start a server and wait until it takes connections."""
    account = await postgres.prepare(server, supervisor.announce)
    supervisor.start(postgres.part(server, account))
    await supervisor.guard(postgres.wait_until_ready(server))


async def ask(dsn: str, query: str) -> object:
    """Run one query on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def dsn_of(server: postgres.Server, user: str, password: str, database: str) -> str:
    """How a service connects."""
    return f"postgresql://{user}:{password}@127.0.0.1:{server.port}/{database}?sslmode=disable"


async def test_a_new_cluster_is_safe(server: postgres.Server, supervisor: Supervisor) -> None:
    """It checks its pages, syncs to disk, listens on this machine only, and wants the password."""
    await start(supervisor, server)
    connection = await asyncpg.connect(server.admin_dsn)
    names = ["data_checksums", "fsync", "listen_addresses", "unix_socket_directories"]
    found = {row["name"]: row["setting"] for row in await connection.fetch(SETTINGS, names)}
    await connection.close()
    assert found == {
        "data_checksums": "on",
        "fsync": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    assert server.password_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn_of(server, "postgres", "guess", "postgres"))


async def test_each_service_reaches_only_its_own_database(
    server: postgres.Server, supervisor: Supervisor
) -> None:
    """A service owns its database, and can't even connect to another's."""
    await start(supervisor, server)
    for name in ("sla", "notifier"):
        await postgres.ensure_database(server.admin_dsn, name, f"{name}-secret")
    own = dsn_of(server, "sla", "sla-secret", "sla")
    assert await ask(own, "SELECT pg_get_userbyid(datdba) FROM pg_database "
                          "WHERE datname = current_database()") == "sla"  # fmt: skip
    for other in ("notifier", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(dsn_of(server, "sla", "sla-secret", other))


async def test_making_a_database_again_keeps_it_and_takes_the_new_password(
    server: postgres.Server, supervisor: Supervisor
) -> None:
    """Several starts at once and one after the other leave one database with its rows."""
    await start(supervisor, server)
    tries = (postgres.ensure_database(server.admin_dsn, "sla", "old") for _ in range(4))
    await asyncio.gather(*tries)
    old = dsn_of(server, "sla", "old", "sla")
    await ask(old, "CREATE TABLE kept AS SELECT 42 AS answer")
    await postgres.ensure_database(server.admin_dsn, "sla", 'it\'s "new"')
    new = dsn_of(server, "sla", "it%27s%20%22new%22", "sla")
    assert await ask(new, "SELECT answer FROM kept") == 42
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(old)


@pytest.mark.timeout(240)
async def test_a_killed_server_mends_itself(
    server: postgres.Server, supervisor: Supervisor
) -> None:
    """After SIGKILL the next start recovers what was committed."""
    await start(supervisor, server)
    await ask(server.admin_dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    supervisor.kill("postgres")
    assert (server.data / "postmaster.pid").exists()
    await start(supervisor, server)
    assert await ask(server.admin_dsn, "SELECT answer FROM kept") == 42


@pytest.mark.timeout(240)
async def test_a_child_that_outlives_a_killed_server_is_ended_before_the_next_starts(
    server: postgres.Server,
    supervisor: Supervisor,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection's process that did not see its server die holds the memory no longer."""
    monkeypatch.setattr(postgres, "CHILDREN_LEAVE_SECONDS", 0.2)
    await start(supervisor, server)
    connection = await asyncpg.connect(server.admin_dsn)
    child = psutil.Process(connection.get_server_pid())
    parent = child.parent()
    assert parent
    child.suspend()
    parent.kill()
    psutil.wait_procs([parent], timeout=10)
    supervisor.kill("postgres")
    connection.terminate()
    await postgres.prepare(server, told.append)
    assert any(f"(process {child.pid})" in line for line in told), told
    await start(supervisor, server)
    assert await ask(server.admin_dsn, "SELECT 1") == 1


@pytest.mark.timeout(240)
async def test_a_pid_that_belongs_to_somebody_else_now_is_no_obstacle(
    server: postgres.Server, supervisor: Supervisor
) -> None:
    """A lock whose pid was given to another process is cleared, and that process left alone."""
    await start(supervisor, server)
    supervisor.kill("postgres")
    lock = server.data / "postmaster.pid"
    lines = lock.read_text(encoding="utf-8").splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:], ""]), encoding="utf-8")
    await start(supervisor, server)
    assert await ask(server.admin_dsn, "SELECT 1") == 1


async def test_an_orphan_on_the_same_data_is_stopped_first(
    server: postgres.Server, supervisor: Supervisor, told: list[str]
) -> None:
    """A server that still runs on the data, known to nobody, is stopped and said so."""
    await start(supervisor, server)
    orphan = int((server.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    await postgres.prepare(server, told.append)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == "zombie"
    assert any(f"stopping postgres (process {orphan})" in line for line in told)


def _without_the_control_file(server: postgres.Server) -> str:
    (server.data / "global/pg_control").unlink()
    return "data/global/pg_control missing"


def _without_the_password(server: postgres.Server) -> str:
    server.password_file.unlink()
    return "password missing"


def _of_another_version(server: postgres.Server) -> str:
    (server.data / "PG_VERSION").write_text("17\n", encoding="utf-8")
    return "written by PostgreSQL 17"


@pytest.mark.parametrize(
    "spoil", [_without_the_control_file, _without_the_password, _of_another_version]
)
async def test_half_a_cluster_is_named_with_the_way_out(
    server: postgres.Server, spoil: Callable[[postgres.Server], str], told: list[str]
) -> None:
    """A folder that can't be a whole cluster is refused: which one, what is wrong, what to do."""
    await postgres.prepare(server, told.append)
    expected = spoil(server)
    with pytest.raises(DeskError) as raised:
        await postgres.prepare(server, told.append)
    message = str(raised.value)
    assert str(server.folder) in message
    assert expected in message
    assert "make clean-data" in message


async def test_a_cut_initdb_leaves_nothing_in_the_way(
    server: postgres.Server, supervisor: Supervisor, told: list[str]
) -> None:
    """Making the cluster can be interrupted and simply done again."""
    making = asyncio.create_task(postgres.prepare(server, told.append))
    begun = server.folder.with_name(".postgres.new") / "data" / "global"
    while not begun.exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert not server.folder.exists()
    await start(supervisor, server)
    assert await ask(server.admin_dsn, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody to step down to")
async def test_root_steps_down(server: postgres.Server, supervisor: Supervisor) -> None:
    """Run by root, the server runs as a system user, and its files are that user's."""
    await start(supervisor, server)
    pid = int((server.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    assert psutil.Process(pid).uids().real != 0
    assert psutil.Process(pid).uids().real == server.data.stat().st_uid
    assert server.password_file.stat().st_uid == 0


async def test_it_stops_without_waiting_for_its_clients(
    server: postgres.Server, supervisor: Supervisor
) -> None:
    """An open connection does not hold up the end: nothing has to be killed."""
    await start(supervisor, server)
    connection = await asyncpg.connect(server.admin_dsn)
    assert postgres.part(server, None).stop_signal == signal.SIGINT
    supervisor.stop()
    log = (supervisor.folder / "log" / "postgres.log").read_text(encoding="utf-8")
    assert "database system is shut down" in log
    connection.terminate()
