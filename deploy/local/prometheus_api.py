"""What a Prometheus answers when it is asked."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.local.errors import DeskError

Labels = dict[str, str]


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its values by time (seconds since 1970)."""

    labels: Labels
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class Alert:
    """An alert that is pending or firing."""

    name: str
    state: str
    labels: Labels
    annotations: Labels


@dataclass(frozen=True)
class Api:
    """The HTTP API of one Prometheus."""

    url: str
    client: httpx.AsyncClient

    async def query(self, promql: str, at: float | None = None) -> list[Series]:
        """Ask for the values of this moment, or of another.

        Raises:
            DeskError: It refused the query; the message says why.
        """
        moment = {} if at is None else {"time": at}
        return _series(await self._ask("query", {"query": promql, **moment}))

    async def query_range(self, promql: str, start: float, end: float, step: float) -> list[Series]:
        """Ask for the values of a time, one for each step. Raises as `query` does."""
        over = {"start": start, "end": end, "step": step}
        return _series(await self._ask("query_range", {"query": promql, **over}))

    async def alerts(self) -> list[Alert]:
        """Those that are pending or firing."""
        found = await self._ask("alerts", {})
        return [
            Alert(each["labels"]["alertname"], each["state"], each["labels"], each["annotations"])
            for each in found["alerts"]
        ]

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule that is loaded, with its health and last error."""
        groups = (await self._ask("rules", {}))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def targets(self) -> list[dict[str, Any]]:
        """What it looks at, each with its health."""
        return list((await self._ask("targets", {}))["activeTargets"])

    async def metadata(self) -> dict[str, list[dict[str, str]]]:
        """By name, the type and the help of every metric that was scraped."""
        return dict(await self._ask("metadata", {}))

    async def _ask(self, what: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever JSON says
        answer = await self.client.get(f"{self.url}/api/v1/{what}", params=parameters)
        body = answer.json()
        if body["status"] != "success":
            raise DeskError(f"{parameters.get('query', what)}: {body.get('error', answer.text)}")
        return body["data"]


@contextlib.asynccontextmanager
async def reaching(url: str) -> AsyncIterator[Api]:
    """Talk with the Prometheus at this address."""
    # Proxies of the environment are for the world outside.
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield Api(url, client)


def _series(data: dict[str, Any]) -> list[Series]:
    if data["resultType"] == "scalar":
        at, value = data["result"]
        return [Series({}, ((float(at), float(value)),))]
    return [_one(each) for each in data["result"]]


def _one(found: dict[str, Any]) -> Series:
    points = found.get("values") or [found["value"]]
    return Series(found["metric"], tuple((float(at), float(value)) for at, value in points))
