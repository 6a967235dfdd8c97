"""What services are told: environment variables that begin with `CARELINE_`."""

import sys
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared import registry
from shared.sealing import StreamSecret


def _registry(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        registry.Address.of(value.get_secret_value())
    return value


class Settings(BaseSettings):
    """What every service is told, by environment variables that begin with `CARELINE_`."""

    model_config = SettingsConfigDict(env_prefix="CARELINE_", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="Brokers, `host:port`, comma separated.")
    namespace: str = Field("careline", pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """Stands before the names of topics and consumer groups."""
    partitions: int = Field(12, ge=1, le=1000)
    """Of each topic, when it is made."""
    replication: int = Field(1, ge=1, le=9)
    """Copies of each topic, when it is made; 3 in production."""
    http_host: str = "127.0.0.1"
    http_port: int = Field(8080, ge=1, le=65535)
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    jwks_file: Path | None = None
    """Public keys (JWK set) that bearer tokens are checked with; without it no token holds."""
    issuer: str = "careline"
    """Who must have signed a token."""
    audience: str = "careline"
    """Whom a token must be for."""
    schema_registry: Annotated[SecretStr | None, AfterValidator(_registry)] = None
    """Where a service tells what its events look like (`shared/registry.py`), over http or https;
    a name and a password may stand in the address."""


def _long_each(value: SecretStr) -> SecretStr:
    StreamSecret(split_secrets(value))
    return value


class SealingSettings(Settings):
    """What those services are told that say or hear personal data."""

    stream_secret: Annotated[SecretStr, AfterValidator(_long_each)]
    """Wraps the keys of personal data on the stream: the same for intake, notifier and messaging,
    of 32 characters or more. To change it, put the new one before the old one, with a comma."""


def split_secrets(value: SecretStr) -> list[str]:
    """The secrets of a setting that may hold several, the present one first."""
    return [secret.strip() for secret in value.get_secret_value().split(",")]


SettingsT = TypeVar("SettingsT", bound=Settings)


def load_settings(kind: type[SettingsT]) -> SettingsT:
    """The settings from the environment; a wrong one ends the process with its name.

    Exit status 2, one line per setting on standard error.
    """
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "CARELINE_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - before logging
        raise SystemExit(2) from None
