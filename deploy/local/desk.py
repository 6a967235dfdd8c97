"""The whole desk as parts: Kafka, Postgres, a mail sink, a sign-in, the four services, the auditor.

What doesn't need one another starts side by side, so that a start takes as long as Kafka's and
then the services'. Everything it stores is in one folder and survives restarts.
"""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local import auditor, jars, kafka, keys, mailsink, ports, postgres, readiness, sign_in
from deploy.local.errors import DeskError
from deploy.local.keys import Keys
from deploy.local.ports import Ports
from deploy.local.presence import Presence
from deploy.local.processes import ROOT
from deploy.local.screen import Screen
from deploy.local.supervisor import Part, Supervisor
from shared.plans import Catalogue

SERVICES = ("intake", "sla", "notifier", "messaging")
WITH_DATABASE = ("sla", "notifier", "messaging")
AUDITOR = "auditor"
ROLES = {"messaging": ("careline_customer",)}
"""Roles of the database that a service takes on beside its own."""
NAMESPACE = "careline"
READY_SECONDS = 90
REPLY_DELAY = "5"
"""Seconds that an agent's answer waits for more of them: less than elsewhere, for who looks on."""
MOST_ALERTS = "100"
"""To one person by themselves: with targets of seconds there are many, and each is to be seen."""
HOME_VARIABLE = "CARELINE_HOME"
# Whoever runs the desk may set these; the rest of a service's settings is the desk's own business.
PASSED_ON = (
    "CARELINE_BRAND",
    "CARELINE_DOCUMENTATION",
    "CARELINE_LOG_LEVEL",
    "CARELINE_PARTITIONS",
    "CARELINE_PORTAL",
    "CARELINE_TERMS",
    "CARELINE_TROUBLESHOOTING",
)


@dataclass(frozen=True)
class Desk:
    """A desk that is to run: in this folder, on these ports, by this catalogue."""

    home: Path
    ports: Ports
    catalogue_path: Path
    catalogue: Catalogue

    @property
    def broker(self) -> kafka.Broker:
        """Its Kafka."""
        return kafka.Broker(self.home / "kafka", self.ports.kafka, self.ports.kafka_controller)

    @property
    def server(self) -> postgres.Server:
        """Its Postgres."""
        return postgres.Server(self.home / "postgres", self.ports.postgres)

    def url(self, part: str) -> str:
        """Where a part answers HTTP: a service, `mail_web`, or `sign_in`."""
        return f"http://{ports.HOST}:{getattr(self.ports, part)}"

    def presence(self) -> Presence:
        """How it describes itself to others."""
        web = {name: self.url(name) for name in (*SERVICES, "sign_in", AUDITOR)}
        plain = {
            name: f"{ports.HOST}:{getattr(self.ports, name)}"
            for name in ("smtp", "kafka", "postgres")
        }
        mail_in = {"mail_in": f"{ports.HOST}:{self.ports.smtp_in}"}
        return Presence(
            pid=os.getpid(),
            catalogue=str(self.catalogue_path),
            catalogue_version=self.catalogue.version,
            namespace=NAMESPACE,
            addresses={**web, "mail": self.url("mail_web"), **mail_in, **plain},
        )


def home_folder(environ: Mapping[str, str]) -> Path:
    """Name the folder of this machine's desk."""
    return Path(environ.get(HOME_VARIABLE) or ROOT / ".careline").expanduser().absolute()


async def start(supervisor: Supervisor, desk: Desk, screen: Screen) -> None:
    """Start everything and wait until it is ready. The supervisor has entered the desk's folder.

    Raises:
        DeskError: Something could not start; the message says what and why.
    """
    ports.check(desk.ports)
    own = keys.ensure(desk.home, (*WITH_DATABASE, AUDITOR))
    await together(
        _start_kafka(supervisor, desk, screen),
        _start_postgres(supervisor, desk, screen, own),
        _start_mail(supervisor, desk, screen),
        _start_sign_in(supervisor, desk, screen),
    )
    await together(*(_start_service(supervisor, desk, screen, own, name) for name in SERVICES))
    await _start_auditor(supervisor, desk, screen, own)


async def together(*steps: Coroutine[Any, Any, None]) -> None:
    """Do several things at once; the first that fails cancels the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _start_kafka(supervisor: Supervisor, desk: Desk, screen: Screen) -> None:
    classpath = await jars.ensure(screen.say, os.environ)
    screen.starting("kafka")
    await kafka.prepare(desk.broker, classpath)
    supervisor.start(kafka.part(desk.broker, classpath))
    await kafka.wait_until_ready(desk.broker)
    screen.ready("kafka")


async def _start_postgres(supervisor: Supervisor, desk: Desk, screen: Screen, own: Keys) -> None:
    screen.starting("postgres")
    account = await postgres.prepare(desk.server, screen.say)
    supervisor.start(postgres.part(desk.server, account))
    await postgres.wait_until_ready(desk.server)
    for service in WITH_DATABASE:
        await postgres.ensure_database(
            desk.server.admin_dsn,
            database_name(service),
            own.passwords[service],
            ROLES.get(service, ()),
        )
    screen.ready("postgres")


async def _start_mail(supervisor: Supervisor, desk: Desk, screen: Screen) -> None:
    screen.starting("mail")
    own, folder = desk.ports, desk.home / "mail"
    options = {"smtp-port": own.smtp, "http-port": own.mail_web, "folder": folder}
    command = [sys.executable, "-m", mailsink.__name__]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    supervisor.start(Part(name="mail", command=command, environ=_base_environ(os.environ)))
    await _wait_until_ready(desk, screen, "mail", f"{desk.url('mail_web')}/health/ready")
    screen.ready("mail")


async def _start_sign_in(supervisor: Supervisor, desk: Desk, screen: Screen) -> None:
    screen.starting("sign_in")
    supervisor.start(sign_in.part(desk.ports.sign_in, _base_environ(os.environ)))
    await _wait_until_ready(desk, screen, "sign_in", sign_in.ready_url(desk.url("sign_in")))
    screen.ready("sign_in")


async def _start_service(
    supervisor: Supervisor, desk: Desk, screen: Screen, own: Keys, name: str
) -> None:
    screen.starting(name)
    environ = service_environ(desk, own, name, os.environ)
    command = [sys.executable, "-m", f"services.{name}"]
    supervisor.start(Part(name=name, command=command, environ=environ, stage=1))
    await _wait_until_ready(desk, screen, name, f"{desk.url(name)}/health/ready")
    screen.ready(name)


async def _start_auditor(supervisor: Supervisor, desk: Desk, screen: Screen, own: Keys) -> None:
    """After the services: what it may read are tables that they have made."""
    screen.starting(AUDITOR)
    address, password = f"{ports.HOST}:{desk.ports.postgres}", own.passwords[AUDITOR]
    owners = {service: _dsn(desk, own, service) for service in WITH_DATABASE}
    admitted = await auditor.admit(desk.server.admin_dsn, address, password, owners)
    environ = _base_environ(os.environ) | _common(desk, AUDITOR) | admitted
    supervisor.start(auditor.part(environ))
    await _wait_until_ready(desk, screen, AUDITOR, f"{desk.url(AUDITOR)}/health/ready")
    screen.ready(AUDITOR)


def database_name(service: str) -> str:
    """The name of a service's database, and of the role that owns it."""
    return f"{NAMESPACE}_{service}"


def service_environ(desk: Desk, own: Keys, name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What a service is told: what every one needs, and of the rest only what is its own."""
    common = _common(desk, name) | {"CARELINE_JWKS_FILE": str(own.key_set)}
    particular = _particular(desk, own, environ)[name]
    database = {"CARELINE_DATABASE": _dsn(desk, own, name)} if name in WITH_DATABASE else {}
    return _base_environ(environ) | common | particular | database


def _common(desk: Desk, name: str) -> dict[str, str]:
    return {
        "CARELINE_KAFKA": desk.broker.bootstrap_servers,
        "CARELINE_NAMESPACE": NAMESPACE,
        "CARELINE_HTTP_PORT": str(getattr(desk.ports, name)),
    }


def _particular(desk: Desk, own: Keys, environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What only some services are told, by service."""
    center = desk.url("messaging")
    catalogue = {"CARELINE_CATALOGUE": str(desk.catalogue_path)}
    pseudonyms = {"CARELINE_PSEUDONYM_SECRET": own.pseudonym_secret}
    replies = {"CARELINE_MAIL_SECRET": own.mail_secret}
    passes = {"CARELINE_PASS_SECRET": own.pass_secret}
    sealing = {"CARELINE_STREAM_SECRET": own.stream_secret}
    # Our own documentation, unless whoever runs the desk has another one.
    said = {
        "CARELINE_MESSAGING_CENTER": center,
        "CARELINE_DOCUMENTATION": environ.get("CARELINE_DOCUMENTATION", f"{center}/docs"),
    }
    return {
        "intake": said | catalogue | pseudonyms | replies | passes | sealing | _ways_in(desk),
        "sla": catalogue | pseudonyms,
        "notifier": said | catalogue | replies | sealing | _notifying(desk, environ),
        "messaging": catalogue | pseudonyms | passes | sealing | _pages(desk),
    }


def _ways_in(desk: Desk) -> dict[str, str]:
    return {
        "CARELINE_PUBLIC_ADDRESS": desk.url("intake"),
        "CARELINE_SMTP_IN_HOST": ports.HOST,
        "CARELINE_SMTP_IN_PORT": str(desk.ports.smtp_in),
    }


def _notifying(desk: Desk, environ: Mapping[str, str]) -> dict[str, str]:
    troubleshooting = f"{desk.url('messaging')}/docs/troubleshooting"
    return {
        "CARELINE_SMTP_HOST": ports.HOST,
        "CARELINE_SMTP_PORT": str(desk.ports.smtp),
        "CARELINE_OPERATORS": desk.url("notifier"),
        "CARELINE_DESTINATIONS": str(ROOT / "deploy" / "destinations.toml"),
        "CARELINE_ARTICLES": str(ROOT / "deploy" / "articles.toml"),
        "CARELINE_TROUBLESHOOTING": environ.get("CARELINE_TROUBLESHOOTING", troubleshooting),
        "CARELINE_REPLY_DELAY": REPLY_DELAY,
        "CARELINE_ALERTS_PER_MINUTE": MOST_ALERTS,
        "CARELINE_ALERTS_PER_HOUR": MOST_ALERTS,
    }


def _pages(desk: Desk) -> dict[str, str]:
    return {
        "CARELINE_OIDC_ISSUER": desk.url("sign_in"),
        "CARELINE_OIDC_CLIENT_SECRET": sign_in.CLIENT_SECRET,
        "CARELINE_PUBLIC_ADDRESS": desk.url("messaging"),
        "CARELINE_INTAKE": desk.url("intake"),
        "CARELINE_ARTICLES": str(ROOT / "deploy" / "articles"),
    }


def _dsn(desk: Desk, own: Keys, service: str) -> str:
    name = database_name(service)
    address = f"{ports.HOST}:{desk.ports.postgres}"
    return f"postgresql://{name}:{own.passwords[service]}@{address}/{name}?sslmode=disable"


def _base_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep somebody's PYTHONPATH, proxies and the like out."""
    kept = {key: environ[key] for key in ("PATH", "HOME", *PASSED_ON) if key in environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


async def _wait_until_ready(desk: Desk, screen: Screen, name: str, url: str) -> None:
    reason = "it does not answer"

    async def is_ready() -> bool:
        nonlocal reason
        reason = await _reason_against(client, url) or ""
        if reason:
            screen.slow(name, reason)
        return not reason

    # Proxies of the environment are for the world outside.
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        try:
            await readiness.wait_until(is_ready, READY_SECONDS, "")
        except DeskError:
            log = desk.home / "log" / f"{name}.log"
            raise DeskError(
                f"{name} did not get ready within {READY_SECONDS} s: {reason}. Its log: {log}"
            ) from None


async def _reason_against(client: httpx.AsyncClient, url: str) -> str | None:
    """Why a part is not ready yet, None when it is."""
    try:
        answer = await client.get(url)
    except httpx.TransportError:
        return "it does not answer"
    return None if answer.status_code == httpx.codes.OK else _reasons(answer)


def _reasons(answer: httpx.Response) -> str:
    """Read which parts of a service are not ready yet, and why."""
    try:
        parts = answer.json()["parts"].items()
    except (json.JSONDecodeError, LookupError, AttributeError, TypeError):
        return f"it answers {answer.status_code}"
    return ", ".join(f"{part}: {why}" for part, why in parts if why != "ready")
