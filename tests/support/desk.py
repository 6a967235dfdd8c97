"""The four services as real processes on the test's stack, each with its own database."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local import ports, postgres, sign_in
from deploy.local.desk import ROLES
from tests.support.groups import dismiss_members
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.sealing import STREAM_SECRET
from tests.support.stack import Stack
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "sla", "notifier", "messaging")
WITH_DATABASE = ("sla", "notifier", "messaging")
CATALOGUE = ROOT / "deploy" / "plans-demo.toml"
MAILBOX = "support@careline.example"
SECRET = "a-secret-of-the-tests"
AUDITOR = "auditor"
SIGN_IN = "sign_in"
"""The provider that signs people in: started like a service, by tests that want it."""
STOP_WITHIN = 12


@dataclass
class Desk:
    """One desk: its own topics, databases, mailbox and keys."""

    stack: Stack
    namespace: str
    folder: Path
    ports: ports.Ports
    mailbox: Mailbox
    key: ECKey
    settings: dict[str, str] = field(default_factory=dict)
    """Environment for every service, beside what the desk itself sets."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, service: str) -> str:
        """Where a service listens."""
        return f"http://127.0.0.1:{getattr(self.ports, service)}"

    def dsn(self, service: str) -> str:
        """How a service reaches its database."""
        server = urlsplit(self.stack.postgres_admin_dsn)
        name = f"{self.namespace}_{service}"
        return f"postgresql://{name}:{SECRET}@{server.hostname}:{server.port}/{name}"

    def token(self, role: str, *, account: str | None = None, subject: str | None = None) -> str:
        """A bearer token that holds for an hour."""
        claims: dict[str, Any] = {
            "iss": "careline",
            "aud": "careline",
            "sub": subject or f"a-{role}",
            "roles": [role],
            "exp": int(time.time()) + 3600,
        }
        if account is not None:
            claims["account"] = account
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def bearer(self, role: str, *, account: str | None = None) -> dict[str, str]:
        """The header that goes with such a token."""
        return {"Authorization": f"Bearer {self.token(role, account=account)}"}

    def start(self, service: str, *, name: str | None = None, **environment: str) -> None:
        """Start a service; `environment` comes on top, and replicas have names of their own."""
        command = [sys.executable, "-m", f"services.{service}"]
        if service == SIGN_IN:
            command = sign_in.command(self.ports.sign_in)
        if service == AUDITOR:
            command = [sys.executable, "-m", "deploy.auditor"]
        log = (self.folder / f"{name or service}.log").open("ab")
        with log:
            self.processes[name or service] = subprocess.Popen(  # noqa: S603 - our own services
                command,
                cwd=ROOT,
                env=os.environ | self._environment(service) | self.settings | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def ready(self, *services: str) -> None:
        """Wait until these services (all, if none is named) are ready."""
        async with httpx.AsyncClient() as client:
            for service in services or SERVICES:
                await until(
                    partial(self._is_ready, client, service),
                    within=60,
                    what=f"{service} is ready",
                )

    def stop(self, service: str) -> int:
        """End a service as an operator would, and return its exit status."""
        process = self.processes.pop(service)
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_WITHIN)

    def kill(self, service: str) -> None:
        """End a service as a crash would."""
        process = self.processes.pop(service)
        process.kill()
        process.wait(STOP_WITHIN)

    async def died(self, service: str, *, within: float = 30) -> int:
        """Wait until a service has ended by itself, and return its exit status."""
        process = self.processes[service]
        await until(lambda: process.poll() is not None, within=within, what=f"{service} dies")
        del self.processes[service]
        assert process.returncode is not None
        if process.returncode == -signal.SIGKILL and service in WITH_DATABASE:
            group = f"{self.namespace}.{service}"
            await dismiss_members(self.stack.bootstrap_servers, group)
        return process.returncode

    def log(self, service: str) -> list[dict[str, Any]]:
        """What a service has logged."""
        text = (self.folder / f"{service}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    async def query(self, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
        """Ask a service's database."""
        connection = await asyncpg.connect(self.dsn(service))
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def _is_ready(self, client: httpx.AsyncClient, service: str) -> bool:
        process = self.processes[service]
        log = self.folder / f"{service}.log"
        assert process.poll() is None, f"{service} has ended:\n{log.read_text()[-3000:]}"
        try:
            url = self.url(service)
            ready = sign_in.ready_url(url) if service == SIGN_IN else f"{url}/health/ready"
            answer = await client.get(ready)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def _environment(self, service: str) -> Mapping[str, str]:
        return {
            "CARELINE_PUBLIC_ADDRESS": self.url(service),
            "CARELINE_OIDC_ISSUER": self.url(SIGN_IN),
            "CARELINE_OIDC_CLIENT_SECRET": sign_in.CLIENT_SECRET,
            "CARELINE_INTAKE": self.url("intake"),
            "CARELINE_PASS_SECRET": SECRET,
            "CARELINE_KAFKA": self.stack.bootstrap_servers,
            "CARELINE_NAMESPACE": self.namespace,
            "CARELINE_PARTITIONS": "4",
            "CARELINE_HTTP_PORT": str(getattr(self.ports, service)),
            "CARELINE_JWKS_FILE": str(self.folder / "jwks.json"),
            "CARELINE_DATABASE": self.dsn(service),
            "CARELINE_CATALOGUE": str(CATALOGUE),
            "CARELINE_PSEUDONYM_SECRET": SECRET,
            "CARELINE_STREAM_SECRET": STREAM_SECRET,
            "CARELINE_MAIL_SECRET": SECRET,
            "CARELINE_SMTP_PORT": str(self.mailbox.port),
            "CARELINE_SMTP_IN_PORT": str(self.ports.smtp_in),
            "CARELINE_MESSAGING_CENTER": self.url("messaging"),
            "CARELINE_OPERATORS": self.url("notifier"),
            "CARELINE_REPLY_MAILBOX": MAILBOX,
            "CARELINE_REPLY_DELAY": "2",
            # Many tests write from one address, and want more than a careful desk would send.
            "CARELINE_ACKNOWLEDGEMENTS_PER_ADDRESS_HOUR": "1000",
            "CARELINE_ACKNOWLEDGEMENTS_PER_ADDRESS_DAY": "1000",
        }


@contextmanager
def running_desk(stack: Stack, folder: Path) -> Iterator[Desk]:
    """A desk of which nothing is started yet; at the end of the block all of it is ended."""
    chosen = ports.free_ports()
    key = ECKey.generate_key("P-256", {"kid": "test"})
    (folder / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    with running_mailbox(chosen.smtp) as mailbox:
        desk = Desk(stack, f"t{secrets.token_hex(4)}", folder, chosen, mailbox, key)
        asyncio.run(_make_databases(desk))
        try:
            yield desk
        finally:
            _end(desk)


async def _make_databases(desk: Desk) -> None:
    for service in WITH_DATABASE:
        await postgres.ensure_database(
            desk.stack.postgres_admin_dsn,
            f"{desk.namespace}_{service}",
            SECRET,
            ROLES.get(service, ()),
        )


def _end(desk: Desk) -> None:
    for process in desk.processes.values():
        process.terminate()
    for process in desk.processes.values():
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
