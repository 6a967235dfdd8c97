"""The auditor on this machine: a role that may read a little of each database, and a process."""

import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from deploy.auditor import grants
from deploy.local import postgres
from deploy.local.supervisor import Part

NAME = "auditor"


async def admit(
    admin_dsn: str, address: str, password: str, owners: Mapping[str, str]
) -> dict[str, str]:
    """Let the auditor into the databases, and return what it is told of them.

    Args:
        admin_dsn: How a superuser connects.
        address: `host:port` of the server.
        password: The auditor's.
        owners: By service, how the owner of its database connects; its tables are there.
    """
    databases = {service: urlsplit(dsn).path[1:] for service, dsn in owners.items()}
    await postgres.ensure_reader(admin_dsn, grants.ROLE, password, list(databases.values()))
    for service, dsn in owners.items():
        await grants.apply(dsn, service)
    login = f"postgresql://{grants.ROLE}:{password}@{address}"
    return {
        f"CARELINE_AUDIT_{service.upper()}": f"{login}/{database}?sslmode=disable"
        for service, database in databases.items()
    }


def part(environ: Mapping[str, str]) -> Part:
    """Describe the process; it starts once the services have made their tables."""
    command = [sys.executable, "-m", "deploy.auditor"]
    return Part(name=NAME, command=command, environ=environ, stage=1)
