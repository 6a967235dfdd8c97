"""Where alerts go beside mail: chats, pagers and webhooks, as the organisation's file has them.

The file names secrets and has none: they are read at start, from the environment or from files.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from services.notifier.channels.pagerduty import EVENTS
from services.notifier.channels.webhook import read_secret
from services.notifier.deliveries import MAIL_LANE
from shared.notifications import NotificationChannel
from shared.plan_problems import in_words
from shared.toml_file import FileError, read_tables, read_text, refuse
from shared.toml_lines import KeyPath

_ELSEWHERE = '{ env = "NAME" } or { file = "/path" }'


class DestinationsError(FileError):
    """The file is refused."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One of them, with its secrets."""

    name: str
    kind: NotificationChannel
    url: SecretStr
    """Where to; of Slack, and often of webhooks, it is a secret as a whole."""
    connections: int
    """How many deliveries may be under way there at once."""
    allow_private: bool
    """Whether it may be inside our own network, and without TLS."""
    routing_key: SecretStr | None = None
    """Of PagerDuty."""
    secrets: tuple[SecretStr, ...] = ()
    """What a webhook is signed with, each `whsec_…`."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where a text is kept: here, in a variable of the environment, or in a file."""

    here: str | None = None
    env: str | None = None
    file: str | None = None

    def read(self, environment: Mapping[str, str]) -> str:
        """The text.

        Raises:
            ValueError: it is not there.
        """
        if self.here is not None:
            return self.here
        if self.env is not None:
            if not (text := environment.get(self.env, "").strip()):
                raise ValueError(f"the environment has no {self.env}")
            return text
        try:
            text = Path(self.file or "").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{self.file} can't be read: {type(error).__name__}") from error
        if not text:
            raise ValueError(f"{self.file} is empty")
        return text


def _kept(value: object, *, may_stand_here: bool) -> _Kept:
    if isinstance(value, str) and may_stand_here:
        return _Kept(here=value)
    if isinstance(value, str):
        raise ValueError(f"is a secret and must not stand here; write {_ELSEWHERE}")  # noqa: TRY004 - pydantic reports this one
    if isinstance(value, dict) and len(value) == 1 and set(value) <= {"env", "file"}:
        ((place, name),) = value.items()
        if isinstance(name, str) and name:
            return _Kept(**{place: name})
    raise ValueError(f"write {_ELSEWHERE}")


_Secret = Annotated[_Kept, BeforeValidator(partial(_kept, may_stand_here=False))]
_Text = Annotated[_Kept, BeforeValidator(partial(_kept, may_stand_here=True))]
_FROZEN = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class _Slack(BaseModel):
    model_config = _FROZEN

    url: _Secret


class _PagerDuty(BaseModel):
    model_config = _FROZEN

    routing_key: _Secret
    url: _Text = _Kept(here=EVENTS)


class _Webhook(BaseModel):
    model_config = _FROZEN

    url: _Text
    secrets: Annotated[tuple[_Secret, ...], Field(min_length=1, max_length=5)]


class _Table(BaseModel):
    model_config = _FROZEN

    slack: _Slack | None = None
    pagerduty: _PagerDuty | None = None
    webhook: _Webhook | None = None
    connections: int = Field(4, ge=1, le=50)
    allow_private: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.slack, self.pagerduty, self.webhook)) != 1:
            raise ValueError("has exactly one of slack, pagerduty and webhook")
        return self


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", value) or value == MAIL_LANE:
        raise ValueError(
            "a name has up to 63 small letters, digits, dots, dashes or underscores, and is not "
            f"{MAIL_LANE!r}"
        )
    return value


class _File(BaseModel):
    model_config = _FROZEN

    destinations: Mapping[Annotated[str, AfterValidator(_name)], _Table] = {}


def load_destinations(path: Path, environment: Mapping[str, str]) -> tuple[Destination, ...]:
    """Read the destinations from their file, and their secrets from where it says.

    Raises:
        DestinationsError: the file or a secret can't be read, or anything in it is wrong.
    """
    return parse_destinations(read_text(path, DestinationsError), str(path), environment)


def parse_destinations(
    text: str, name: str, environment: Mapping[str, str]
) -> tuple[Destination, ...]:
    """Read destinations from TOML; problems are reported under `name`, without any secret.

    Raises:
        DestinationsError: anything in it is wrong, or a secret can't be read.
    """
    tables = read_tables(text, name, DestinationsError)
    findings: list[tuple[KeyPath, str]] = []
    found: list[Destination] = []
    try:
        tables_by_name = _File.model_validate(tables).destinations
        found = [_read(*each, environment, findings) for each in tables_by_name.items()]
    except ValidationError as error:
        findings += in_words(error.errors())
    refuse(findings, text, name, DestinationsError)
    return tuple(found)


def _read(
    name: str,
    table: _Table,
    environment: Mapping[str, str],
    findings: list[tuple[KeyPath, str]],
) -> Destination:
    """A destination with its secrets; what is wrong with them is added to the findings."""
    kind, url, key, signing = _parts(table)

    def read(kept: _Kept, at: str, check: Callable[[str], object]) -> SecretStr:
        text = ""
        try:
            text = kept.read(environment)
            check(text)
        except ValueError as error:
            findings.append((("destinations", name, kind.value, at), str(error)))
        return SecretStr(text)

    return Destination(
        name,
        kind,
        read(url, "url", partial(_check_url, allow_private=table.allow_private)),
        table.connections,
        table.allow_private,
        read(key, "routing_key", _check_key) if key else None,
        tuple(read(each, "secrets", read_secret) for each in signing),
    )


def _parts(table: _Table) -> tuple[NotificationChannel, _Kept, _Kept | None, tuple[_Kept, ...]]:
    if table.slack is not None:
        return NotificationChannel.SLACK, table.slack.url, None, ()
    if table.pagerduty is not None:
        pager = table.pagerduty
        return NotificationChannel.PAGERDUTY, pager.url, pager.routing_key, ()
    if table.webhook is not None:
        return NotificationChannel.WEBHOOK, table.webhook.url, None, table.webhook.secrets
    raise AssertionError("a table without a kind was validated")


def _check_url(url: str, *, allow_private: bool) -> None:
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise ValueError("is no address") from None
    schemes = ("https", "http") if allow_private else ("https",)
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        wanted = "https://" if len(schemes) == 1 else "https:// or http://"
        raise ValueError(f"must begin with {wanted} and a host")
    if parts.username is not None or parts.fragment:
        raise ValueError("must have no name, password or fragment in it")
    if not re.fullmatch(r"[!-~]+", url):
        raise ValueError("must be ASCII without spaces; write the host in its xn-- form")


def _check_key(key: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{20,64}", key):
        raise ValueError("is no routing key: they have 32 letters and digits")
