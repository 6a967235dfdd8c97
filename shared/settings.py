"""What services are told: environment variables that begin with `CARELINE_`."""

import os
import sys
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from shared import registry
from shared.kafka_settings import File, KafkaSettings, OffIfEmpty
from shared.sealing import LEAST_SECRET, StreamSecret
from shared.setting_problems import in_words, secrets_from_files, strangers
from shared.setting_words import Expected, Unit
from shared.tracing import Collector, read_headers

Seconds = Annotated[float, Unit("seconds")]
Port = Annotated[int, Unit("port")]
Link = Annotated[
    str, Field(pattern=r"^https?://[^\s]+$"), Expected("an address by http:// or https://")
]
Base = Annotated[
    str,
    Field(pattern=r"^https?://[^\s]+[^/]$"),
    Expected("an address by http:// or https://, no slash at its end"),
]
"""What paths are put behind."""


def _registry(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        registry.Address.of(value.get_secret_value())
    return value


def _headers(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        read_headers(value.get_secret_value())
    return value


class Settings(KafkaSettings):
    """What every service is told, by environment variables that begin with `CARELINE_`."""

    namespace: Annotated[str, Expected("lower-case letters, digits, dots and hyphens")] = Field(
        "careline", pattern=r"^[a-z0-9][a-z0-9.-]*$"
    )
    """Stands before the names of topics and consumer groups."""
    partitions: Annotated[int, Unit("partitions")] = Field(12, ge=1, le=1000)
    """Of each topic, when it is made."""
    replication: Annotated[int, Unit("copies")] = Field(1, ge=1, le=9)
    """Copies of each topic, when it is made; 3 in production."""
    http_host: str = "127.0.0.1"
    """The address that it listens on; `0.0.0.0` for all of a container."""
    http_port: Port = Field(8080, ge=1, le=65535)
    """The port that it listens on."""
    log_level: Annotated[str, Expected("one of DEBUG, INFO, WARNING, ERROR")] = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$"
    )
    """The least that a line of the log must matter."""
    jwks_file: File = None
    """Public keys (JWK set) that bearer tokens are checked with; without it no token holds."""
    issuer: str = "careline"
    """Who must have signed a token."""
    audience: str = "careline"
    """Whom a token must be for."""
    schema_registry: Annotated[SecretStr | None, OffIfEmpty, AfterValidator(_registry)] = None
    """Where a service tells what its events look like (`shared/registry.py`), over http or https;
    a name and a password may stand in the address."""
    otlp_endpoint: Annotated[Base | None, OffIfEmpty] = None
    """Where traces go, by OTLP over HTTP, such as `http://collector:4318`; without it there are
    none. `/v1/traces` is put behind it."""
    otlp_headers: Annotated[
        SecretStr | None,
        OffIfEmpty,
        AfterValidator(_headers),
        Expected("a secret text such as `name=value`, several with commas between"),
    ] = None
    """Headers that go with them, such as a key: `name=value`, several with commas between."""
    trace_ratio: Annotated[float, Unit("traces of one")] = Field(1.0, ge=0, le=1)
    """How many of the traces that begin here are taken; where a caller began one, it decides."""

    @property
    def collector(self) -> Collector | None:
        """Who takes traces."""
        if self.otlp_endpoint is None:
            return None
        given = self.otlp_headers.get_secret_value() if self.otlp_headers else ""
        return Collector(self.otlp_endpoint, read_headers(given), self.trace_ratio)


def _long_each(value: SecretStr) -> SecretStr:
    StreamSecret(split_secrets(value))
    return value


class SealingSettings(Settings):
    """What those services are told that say or hear personal data."""

    stream_secret: Annotated[
        SecretStr,
        AfterValidator(_long_each),
        Expected(
            f"a secret text of {LEAST_SECRET} characters or more, several with commas between"
        ),
    ]
    """Wraps the keys of personal data on the stream: the same for intake, notifier and messaging,
    of 32 characters or more. To change it, put the new one before the old one, with a comma."""


def split_secrets(value: SecretStr) -> list[str]:
    """The secrets of a setting that may hold several, the present one first."""
    return [secret.strip() for secret in value.get_secret_value().split(",")]


SettingsT = TypeVar("SettingsT", bound=KafkaSettings)


def load_settings(kind: type[SettingsT]) -> SettingsT:
    """The settings from the environment; wrong ones end the process, all of them named.

    Exit status 2, one line per setting on standard error. A variable that looks like a setting and
    is none gets a line there, too, and nothing ends for it.
    """
    for line in strangers(kind, os.environ):
        _say(line)
    found, problems = secrets_from_files(kind, os.environ)
    try:
        settings = kind(**found)
    except ValidationError as error:
        lines = in_words(kind, error, problems)
    else:
        lines = list(problems.values())
        if not lines:
            return settings
    for line in lines:
        _say(line)
    raise SystemExit(2)


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - before logging
