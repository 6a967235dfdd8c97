"""One way to run a service: parts start in order, wait for what isn't there yet, stop in reverse.

The HTTP side is up from the first moment, so that readiness can say what is still missing. A start
that fails for a passing reason is tried again for ever; services therefore start in any order.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog
import uvicorn
from aiokafka.errors import KafkaError
from starlette.routing import BaseRoute

from shared import metrics, registry, telemetry, tracing, web
from shared.events import Event
from shared.faults import AwayError, is_passing
from shared.identity import Verifier, load_keys
from shared.kafka_security import OPEN, KafkaSecurity
from shared.settings import Settings
from shared.topics import Declared, ensure_topics
from shared.version import VERSION

log = structlog.get_logger(__name__)

STOP_WITHIN = 6.5
"""Seconds for all parts together; what has not stopped by then is left, its work is repeatable."""
LET_GO_WITHIN = 0.5
"""Seconds for what was left to give in."""
GONE_AFTER = 60
"""Seconds after which somebody who takes nothing of what is sent is gone. A phone without a network
says no goodbye, and would be held to read on for a quarter of an hour."""
HANG_UP_WITHIN = 2
"""Seconds that requests still under way have after that: with all these a stop stays below 10 s."""


class Part(Protocol):
    """Something that a service consists of: a pool, a producer, a consumer, a worker."""

    @property
    def name(self) -> str:
        """As readiness shows it."""

    async def start(self) -> None:
        """Begin; it may fail and be called again."""

    async def stop(self) -> None:
        """End, without losing work."""

    def ready(self) -> str | None:
        """Why not, or None."""


@dataclass(frozen=True, slots=True)
class Topics:
    """A part that makes the declared topics before anyone reads or writes them."""

    bootstrap_servers: str
    declared: tuple[Declared, ...]
    replication: int
    security: KafkaSecurity = OPEN
    name: str = "topics"

    async def start(self) -> None:
        """Make what is missing."""
        await ensure_topics(self.bootstrap_servers, self.declared, self.replication, self.security)

    async def stop(self) -> None:
        """Topics stay."""

    def ready(self) -> str | None:
        """Ready once started."""
        return None


def verifier(settings: Settings, clock: Callable[[], datetime]) -> Verifier:
    """Checks bearer tokens as the settings say.

    Exit status 2 with one line on standard error when the key set can't be read.
    """
    try:
        keys = load_keys(settings.jwks_file)
    except (OSError, ValueError) as error:
        print(f"CARELINE_JWKS_FILE: {error}", file=sys.stderr)  # noqa: T201 - before logging
        raise SystemExit(2) from None
    return Verifier(keys, issuer=settings.issuer, audience=settings.audience, clock=clock)


def run(
    service: str,
    settings: Settings,
    parts: Sequence[Part],
    routes: Sequence[BaseRoute],
    says: Sequence[type[Event]] = (),
) -> None:
    """Run a service until SIGTERM or SIGINT.

    Args:
        service: Its name.
        settings: What it is told.
        parts: In the order in which they start.
        routes: What it answers over HTTP.
        says: The events that it says, for the schema registry, if there is one.

    Exit status 2 with one line on standard error when its port can't be had.
    """
    listener = _listen(settings)
    telemetry.configure_logging(service=service, level=settings.log_level)
    metrics.expose(service)
    metrics.BUILD.labels(VERSION).set(1)
    tracing.start(service, settings.namespace, settings.collector)
    try:
        asyncio.run(_Service(listener, [*_registered(settings, says), *parts], routes).run())
    finally:
        tracing.stop()


def _registered(settings: Settings, says: Sequence[type[Event]]) -> list[Part]:
    """Nothing is said before readers can look up what it means."""
    if settings.schema_registry is None:
        return []
    address = registry.Address.of(settings.schema_registry.get_secret_value())
    return [registry.Registry(address, settings.namespace, says)]


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.http_host, settings.http_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        print(f"CARELINE_HTTP_PORT: {error.strerror}", file=sys.stderr)  # noqa: T201 - before logging
        raise SystemExit(2) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections have it from their listener
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_AFTER * 1000)
    return listener


def end_at_once() -> None:
    """End as if we had been killed, which must cost nothing; whoever looks after us starts us anew.

    For when what this process has in mind no longer fits what its database holds.
    """
    sys.stdout.flush()
    os._exit(1)


class _Service:
    """The service's life: serve, start parts, wait for the end, stop parts."""

    def __init__(
        self, listener: socket.socket, parts: Sequence[Part], routes: Sequence[BaseRoute]
    ) -> None:
        self._listener = listener
        self._parts = parts
        self._started: list[Part] = []
        self._waits_for: dict[str, str] = {}
        self._ending = asyncio.Event()
        config = uvicorn.Config(
            web.application(routes, self.checks, _closed(parts)),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=HANG_UP_WITHIN,
        )
        self._server = _Server(config)
        metrics.READY.set_function(lambda: not any(self.checks().values()))
        for part in parts:
            is_ready = partial(self._is_ready, part.name)
            metrics.PART_READY.labels(part.name).set_function(is_ready)

    def checks(self) -> dict[str, str | None]:
        """Per part why it is not ready, or None."""
        if self._ending.is_set():
            return {"service": "stopping"}
        return {
            part.name: part.ready()
            if part in self._started
            else self._waits_for.get(part.name, "starting")
            for part in self._parts
        }

    def _is_ready(self, part: str) -> bool:
        return self.checks().get(part, "stopping") is None

    async def run(self) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        serving = asyncio.create_task(self._server.serve([self._listener]))
        # Nothing but a fault ends it before we do.
        serving.add_done_callback(lambda _: self._ending.set())
        starting = asyncio.create_task(self._start())
        starting.add_done_callback(self._unless_started)
        try:
            await self._ending.wait()
        finally:
            log.info("stopping")
            await self._stop(starting)
            self._server.should_exit = True
            await serving
            await _let_go()
        if starting.done() and not starting.cancelled() and (error := starting.exception()):
            raise SystemExit(1) from error
        log.info("stopped")

    async def _start(self) -> None:
        for part in self._parts:
            await self._start_part(part)
            self._started.append(part)
        log.info("started", parts=[part.name for part in self._parts])

    async def _start_part(self, part: Part) -> None:
        pause = 0.2
        while True:
            try:
                await part.start()
            except Exception as error:
                if not (is_passing(error) or isinstance(error, KafkaError)):
                    log.exception("start_failed", part=part.name)
                    raise
                log.warning("waiting_for", part=part.name, error=type(error).__name__)
                if isinstance(error, AwayError):
                    self._waits_for[part.name] = str(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            else:
                return

    def _unless_started(self, starting: asyncio.Task[None]) -> None:
        if starting.cancelled() or starting.exception() is not None:
            self._ending.set()

    async def _stop(self, starting: asyncio.Task[None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN):
                if not starting.done():
                    starting.cancel()
                    await asyncio.wait({starting})
                for part in reversed(self._started):
                    await self._stop_part(part)

    async def _stop_part(self, part: Part) -> None:
        try:
            await part.stop()
        except Exception:  # one part's trouble must not keep the others from stopping
            log.exception("stop_failed", part=part.name)


async def _let_go() -> None:
    """Cancel what still goes on, again and again.

    Once is not enough where a database hangs: whoever is cancelled tells it so, and waits for its
    answer.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LET_GO_WITHIN
    while (left := asyncio.all_tasks() - {asyncio.current_task()}) and loop.time() < until:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=LET_GO_WITHIN / 10)


def _closed(parts: Sequence[Part]) -> Callable[[], str | None]:
    """Why a service answers nobody: its database is being rebuilt."""
    found = (part.ready for part in parts if part.name == "rebuilding")
    return next(found, lambda: None)


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handlers: the service decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
