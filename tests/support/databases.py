"""A fresh, migrated database per test: a copy of a template that is migrated once per session."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from shared.migrate import SHARED, migrate, read_migrations

PASSWORD = "a-password-of-the-tests"

CUSTOMERS = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'careline_customer') THEN
        CREATE ROLE careline_customer NOLOGIN;
    END IF;
END
$$;
GRANT careline_customer TO {role} WITH INHERIT FALSE, SET TRUE;
"""
"""What messaging's customers are to its database (services/messaging/migrations/0004)."""


@dataclass
class Databases:
    """Makes databases on one server, owned by a role that is no superuser, as on a real desk."""

    admin_dsn: str
    role: str = field(default_factory=lambda: f"test_{secrets.token_hex(4)}")
    _templates: dict[Path | None, str] = field(default_factory=dict, init=False)

    @asynccontextmanager
    async def fresh(self, migrations: Path | None = None) -> AsyncIterator[str]:
        """The address of a database of its own, dropped at the end of the block.

        Args:
            migrations: A service's folder, on top of what every service has.
        """
        name = f"{self.role}_{secrets.token_hex(4)}"
        template = await self._template(migrations)
        await self._administer(
            f"CREATE DATABASE {name} TEMPLATE {template} OWNER {self.role} STRATEGY FILE_COPY"
        )
        try:
            yield self._dsn(name)
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _template(self, migrations: Path | None) -> str:
        if migrations not in self._templates:
            if not self._templates:
                await self._administer(f"CREATE ROLE {self.role} LOGIN PASSWORD '{PASSWORD}'")
                await self._administer(CUSTOMERS.format(role=self.role))
            name = f"{self.role}_template_{len(self._templates)}"
            await self._administer(f"CREATE DATABASE {name} OWNER {self.role}")
            await self._migrate(name, migrations)
            self._templates[migrations] = name
        return self._templates[migrations]

    async def _migrate(self, name: str, migrations: Path | None) -> None:
        wanted = read_migrations("shared", SHARED)
        if migrations is not None:
            wanted += read_migrations("service", migrations)
        connection = await asyncpg.connect(self._dsn(name))
        try:
            await migrate(connection, wanted)
        finally:
            await connection.close()

    async def _administer(self, statement: str) -> None:
        """Run a statement as superuser. Names in it are our own: letters, digits, underscores."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _dsn(self, name: str) -> str:
        server = urlsplit(self.admin_dsn)
        return f"postgresql://{self.role}:{PASSWORD}@{server.hostname}:{server.port}/{name}"
