"""Tells a schema registry what a service's events look like, for readers that look them up there.

Registries with Confluent's API: Confluent's own, Karapace, Apicurio (`…/apis/ccompat/v7`). A topic
holds several types, so a type's subject is its topic and its name with a hyphen between:
`careline.tickets-careline.ticket.created.v1`. That is what Confluent calls TopicRecordNameStrategy;
for JSON Schema it takes the record's name from the schema's title, which therefore is the type.
Records carry no magic byte and no schema id: they stay CloudEvents that anybody can read, and their
`type` and topic name the subject.

Subjects that have no compatibility of their own get FORWARD_TRANSITIVE: whatever a new schema lets
us write, readers with any older one can read. The other direction a registry can't judge: our
schemas allow fields that they don't name, so to it a new optional field might clash with one that
somebody wrote before. `make contract` knows that nobody did, and judges both.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlsplit

import structlog

from shared.event_schemas import schema_of, type_name
from shared.events import Event
from shared.faults import AwayError
from shared.topics import topic_name

if TYPE_CHECKING:
    import httpcore2

log = structlog.get_logger(__name__)

COMPATIBILITY = "FORWARD_TRANSITIVE"
ANSWER_WITHIN = 10
"""Seconds that a registry has for an answer."""
TRY_AGAIN = {408, 425, 429}
"""Answers that say `not now`, beside those from 500 on."""
LONGEST_WORDS = 300
"""Characters of what a registry says that are passed on."""
DRAFT = "http://json-schema.org/draft-07/schema#"
CONTENT = "application/vnd.schemaregistry.v1+json"


class RegistryRefusalError(Exception):
    """A registry that will not have a schema, or will not have us."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registry is, and how it lets us in."""

    url: str
    """Without a slash at its end."""
    host: str
    """For people: it holds no secret."""
    login: str | None = None
    """Name and password, with a colon between."""

    @classmethod
    def of(cls, text: str) -> Self:
        """From `https://name:password@host:port/path`.

        Raises:
            ValueError: for anything else; the message doesn't repeat it.
        """
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address that begins with http:// or https://")
        if parts.query or parts.fragment:
            raise ValueError("must be an address without ? and #")
        host = parts.netloc.rpartition("@")[2]
        login = None
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(f"{parts.scheme}://{host}{parts.path.rstrip('/')}", host, login)


def subject_of(event: type[Event], namespace: str) -> str:
    """Under what name an event's schema is kept."""
    return f"{topic_name(namespace, event.TOPIC)}-{type_name(event)}"


def registered_schema(event: type[Event]) -> dict[str, Any]:
    """The schema of an event's records as registries understand it best.

    In draft 7, which all of them can compare, and with every model in its place: in draft 7 a
    reference hides what stands beside it. No keyword of ours means anything else there.
    """
    schema = schema_of(event)
    models = schema.pop("$defs")
    inlined: dict[str, Any] = _inlined(schema, models)
    return inlined | {"$schema": DRAFT, "title": type_name(event)}


def _inlined(node: Any, models: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON may be anything
    if isinstance(node, list):
        return [_inlined(each, models) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        beside = {key: each for key, each in node.items() if key != "$ref"}
        return _inlined(models[node["$ref"].rpartition("/")[2]] | beside, models)
    return {key: _inlined(each, models) for key, each in node.items()}


class Registry:
    """Registers what a service says, before it says anything.

    Args:
        address: The registry.
        namespace: Stands before the names of topics.
        says: The types of its events.
    """

    name = "schema registry"

    def __init__(self, address: Address, namespace: str, says: Sequence[type[Event]]) -> None:
        self._address = address
        self._namespace = namespace
        self._says = says
        self._headers: dict[str | bytes, str | bytes] = {
            "content-type": CONTENT,
            "accept": CONTENT,
            "user-agent": "Careline",
        }
        if address.login is not None:
            login = b64encode(address.login.encode()).decode()
            self._headers["authorization"] = f"Basic {login}"

    async def start(self) -> None:
        """Tell all schemas; what the registry has already it has once.

        Raises:
            AwayError: it does not answer, or says that it can't now.
            RegistryRefusalError: it says no; the message says to what, and why.
        """
        import httpcore2  # noqa: PLC0415 - only where a registry is configured

        context = httpcore2.default_ssl_context()
        async with httpcore2.AsyncConnectionPool(ssl_context=context) as pool:
            for event in self._says:
                await self._register(pool, event)
        log.info("schemas_registered", registry=self._address.host, types=len(self._says))

    async def stop(self) -> None:
        """Schemas stay."""

    def ready(self) -> str | None:
        """Ready once started."""
        return None

    async def _register(self, pool: "httpcore2.AsyncConnectionPool", event: type[Event]) -> None:
        subject = subject_of(event, self._namespace)
        config = f"/config/{quote(subject, safe='')}"
        status, words = await self._ask(pool, "GET", config)
        if status == 404:  # noqa: PLR2004 - it has no compatibility of its own
            level = {"compatibility": COMPATIBILITY}
            status, words = await self._ask(pool, "PUT", config, level)
        if status != 200:  # noqa: PLR2004 - done
            raise self._refusal(subject, status, words)
        schema = {"schemaType": "JSON", "schema": json.dumps(registered_schema(event))}
        versions = f"/subjects/{quote(subject, safe='')}/versions"
        status, words = await self._ask(pool, "POST", versions, schema)
        if status != 200:  # noqa: PLR2004 - done
            raise self._refusal(subject, status, words)

    async def _ask(
        self,
        pool: "httpcore2.AsyncConnectionPool",
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Status and words of the answer."""
        import httpcore2  # noqa: PLC0415 - as above

        url = f"{self._address.url}{path}"
        content = None if body is None else json.dumps(body).encode()
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                answer = await pool.request(method, url, headers=self._headers, content=content)
        except (
            OSError,  # also TimeoutError
            httpcore2.TimeoutException,
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
        ) as error:
            away = f"{self._address.host} does not answer: {type(error).__name__} {error}"
            raise AwayError(away.strip()) from None
        words = _words(answer.content)
        if answer.status >= 500 or answer.status in TRY_AGAIN:  # noqa: PLR2004 - trouble of its own
            raise AwayError(f"{self._address.host} answers {answer.status}: {words}")
        return answer.status, words

    def _refusal(self, subject: str, status: int, words: str) -> RegistryRefusalError:
        why = {
            401: "it does not let us in",
            403: "it does not let us write",
            409: "readers with an older schema could not read what we write now",
        }.get(status, "it refused")
        sentence = (
            f"The schema registry {self._address.host} did not take {subject}: {why} "
            f"({status}: {words})"
        )
        # What raises it is logged without its words, which might be anybody's.
        log.error("schema_refused", detail=sentence)
        return RegistryRefusalError(sentence)


def _words(content: bytes) -> str:
    """What an answer says, in one line."""
    try:
        said = json.loads(content)["message"]
    except (ValueError, TypeError, LookupError):
        said = content.decode(errors="replace")
    return " ".join(str(said).split())[:LONGEST_WORDS]
