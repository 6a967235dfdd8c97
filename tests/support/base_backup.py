"""A base backup of a running Postgres, and putting it in the server's place."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.local.postgres import Server, installation
from tests.support.lone_postgres import LonePostgres, Stop

WITHIN = 120
"""Seconds that a tool may take."""


def take_base_backup(server: Server, folder: Path) -> None:
    """Copy the whole cluster while it runs, as `docs/runbooks/restore-a-backup.md` has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_tool(
        "pg_basebackup",
        f"--pgdata={folder}",
        f"--dbname={server.admin_dsn}",
        "--wal-method=stream",
        "--checkpoint=fast",
    )


def run_tool(name: str, *arguments: str) -> None:
    """Run one of Postgres' own tools to its end."""
    tool = str(installation() / "bin" / name)
    done = subprocess.run(  # noqa: S603 - Postgres' own tools
        [tool, *arguments], capture_output=True, text=True, timeout=WITHIN, check=False
    )
    assert done.returncode == 0, done.stderr


async def put_back(lone: LonePostgres, folder: Path) -> None:
    """Let the server have crashed, its files be gone, and the backup stand in their place."""
    await lone.stop(Stop.IMMEDIATE)
    data = lone.server.data
    owner = data.stat()
    shutil.rmtree(data)
    shutil.copytree(folder, data)
    for path in [data, *data.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    data.chmod(0o700)
    await lone.start()
