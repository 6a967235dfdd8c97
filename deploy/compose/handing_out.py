"""Each container's share of the secrets: files in a volume that nobody else mounts.

The shares are written anew at each start from what is kept in one place, so that no share can
differ from another's, and a lost one comes back.
"""

import os
import secrets
from pathlib import Path

from deploy.local import keys
from deploy.local.errors import DeskError
from deploy.local.keys import Keys

SERVICES = ("sla", "notifier", "messaging")
"""Those with a database."""
HOST = "postgres:5432"
OWNERS = {
    "intake": 10001,
    "sla": 10001,
    "notifier": 10001,
    "messaging": 10001,
    "auditor": 10001,
    "postgres": 999,
    "grafana": 472,
}
"""Who reads a share: the numbers that the images run as."""
OTHERS = ("postgres", "auditor", "grafana")
"""Passwords beside those of the services."""


def hand_out(home: Path, shares: Path) -> None:
    """Make what is missing, and write every share that there is a folder for.

    Raises:
        DeskError: What was made earlier is damaged.
    """
    own = keys.ensure(home, (*SERVICES, *OTHERS))
    for name, files in contents(own).items():
        folder = shares / name
        if not folder.is_dir():
            raise DeskError(f"{folder} is missing: is the volume of {name} mounted?")
        for file, content in files.items():
            _write(folder / file, content, OWNERS[name])
        folder.chmod(0o755)


def grafana_password(home: Path) -> str:
    """What Grafana's user admin logs in with."""
    return keys.load(home).passwords["grafana"]


def contents(own: Keys) -> dict[str, dict[str, str]]:
    """What each container is told, by the name of its share and of the file."""
    jwks = {"jwks.json": own.key_set.read_text(encoding="utf-8")}
    stream = {"stream-secret": own.stream_secret}
    mail = {"mail-secret": own.mail_secret}
    passes = {"pass-secret": own.pass_secret}
    pseudonyms = {"pseudonym-secret": own.pseudonym_secret}
    passwords = {name: own.passwords[name] for name in (*SERVICES, "auditor", "postgres")}
    databases = {name: {"database": dsn(name, name, own)} for name in SERVICES}
    return {
        "intake": jwks | stream | mail | passes | pseudonyms,
        "sla": jwks | pseudonyms | databases["sla"],
        "notifier": jwks | stream | mail | databases["notifier"],
        "messaging": jwks | stream | passes | pseudonyms | databases["messaging"],
        "auditor": jwks | {name: dsn("auditor", name, own) for name in SERVICES},
        "postgres": passwords,
        "grafana": {"password": own.passwords["grafana"]},
    }


def dsn(role: str, database: str, own: Keys) -> str:
    """How a role reaches a service's database, inside the containers' own network."""
    password = own.passwords[role]
    return f"postgresql://careline_{role}:{password}@{HOST}/careline_{database}?sslmode=disable"


def _write(path: Path, content: str, owner: int) -> None:
    """For one reader alone, in one step."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    if os.geteuid() == 0:
        os.chown(unfinished, owner, owner)
    unfinished.replace(path)
