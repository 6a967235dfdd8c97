"""What intake is told by its environment. Each way in for mail is off unless it is named here."""

from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from services.intake.asked import QUEUE
from services.intake.folders import comparable
from services.intake.limits import Network
from shared.certificates import authorities
from shared.kafka_settings import File, OffIfEmpty
from shared.mail_tokens import MailTokens
from shared.setting_words import Expected, Unit
from shared.settings import Base, Link, SealingSettings, Seconds, Settings
from shared.web import TimeZone

MEBIBYTE = 1024 * 1024
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - told from other hosts, not listened to


def _read_queues(given: object) -> object:
    if not isinstance(given, str):
        return given
    pairs = [pair.strip().partition("=") for pair in given.split(",") if pair.strip()]
    for address, _, queue in pairs:
        if "@" not in address or not queue:
            raise ValueError("write it like billing@company.example=billing,b@c.example=another")
    return {address.strip().lower(): queue.strip() for address, _, queue in pairs}


def _read_networks(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return tuple(ip_network(each.strip()) for each in given.split(",") if each.strip())
    except ValueError:
        raise ValueError("one of them is none, or has bits set beyond its mask") from None


Queues = Annotated[
    dict[str, Annotated[str, Field(pattern=QUEUE)]],
    NoDecode,
    BeforeValidator(_read_queues),
    Expected("address=team, several with commas between"),
]
Networks = Annotated[
    tuple[Network, ...],
    NoDecode,
    BeforeValidator(_read_networks),
    Expected("networks such as 10.0.0.0/8, several with commas between"),
]
MailAddress = Annotated[
    str, Field(pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$"), Expected("a mail address")
]
PortOrOff = Annotated[int, Field(ge=0, le=65535), Unit("port")]


class MailSettings(Settings):
    """What holds for every way in for mail."""

    reply_mailbox: Annotated[str, Expected("a mail address")] = "support@careline.example"
    """Where mail comes in; the same for intake and notifier."""
    sender: MailAddress = "support@careline.example"
    """Who our mails are from, as notifier is told: what comes from there is our own."""
    mail_queues: Queues = Field(default_factory=dict)
    """Further addresses, and the team that each stands for."""
    mail_locale: Annotated[str, Expected("a language such as en or de-AT")] = Field(
        "en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
    )
    """Of those whose mail doesn't tell."""
    mail_time_zone: TimeZone = "UTC"
    """Of those who write by mail."""
    mail_most_bytes: Annotated[int, Unit("bytes")] = Field(
        25 * MEBIBYTE, ge=64 * 1024, le=100 * MEBIBYTE
    )
    """Of one mail as it comes; its files are a quarter smaller than that."""
    mail_publish_deadline: Seconds = Field(20, gt=0, le=120)
    """Seconds that the broker may take to acknowledge a mail with all its files."""
    mail_at_once: Annotated[int, Unit("mails")] = Field(2, ge=1, le=64)
    """Mails that are read at the same time; each takes up to five times its size in memory."""
    mail_per_address: Annotated[int, Unit("mails an hour")] = Field(60, ge=1)
    """An hour from one sender's address; what is more is put off."""
    mail_per_thread: Annotated[int, Unit("mails an hour")] = Field(60, ge=1)
    """An hour into one ticket; what is more is put off."""
    mail_per_network: Annotated[int, Unit("mails an hour")] = Field(600, ge=1)
    """An hour from one network (/24, or /56 by IPv6); what is more is put off."""
    mail_trusted: Networks = Field(default=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
    """Networks of mail servers of our own: no limits by network or host hold for them."""


class MailServerSettings(MailSettings):
    """What the SMTP and LMTP servers are told."""

    smtp_in_host: str = "127.0.0.1"
    """The address that it listens on for SMTP."""
    smtp_in_port: PortOrOff = 0
    """Where mail servers reach us by SMTP; 0: not at all."""
    smtp_in_name: Annotated[str | None, OffIfEmpty] = None
    """How we greet them; the domain of the mailbox unless it is given."""
    smtp_in_certificate: File = None
    """For STARTTLS: the chain, in PEM. A renewed one needs no restart."""
    smtp_in_key: File = Field(None, validate_default=True)
    """The key that belongs to it."""
    smtp_in_tls: Literal["offered", "required"] = "offered"
    """Whether a mail is taken without it, by SMTP. Only where mail servers of our own alone reach
    us can it be required: others may know no TLS, and their mail would not come."""
    lmtp_host: str = "127.0.0.1"
    """The address that it listens on for LMTP."""
    lmtp_port: PortOrOff = 0
    """Where a mail server of our own reaches us by LMTP; 0: not at all."""
    lmtp_socket: File = None
    """The same by a socket in the file system, instead of a port."""
    mail_connections: Annotated[int, Unit("connections")] = Field(200, ge=1, le=10_000)
    """At once, for each of both servers."""
    mail_connections_per_host: Annotated[int, Unit("connections")] = Field(20, ge=1)
    """Of those, from one host."""
    mail_held_bytes: Annotated[int, Unit("bytes")] = Field(256 * MEBIBYTE, ge=MEBIBYTE)
    """Of all mails on their way in, for each of both servers; what is more is put off."""
    mail_recipients: Annotated[int, Unit("recipients")] = Field(100, ge=100, le=1000)
    """Of one mail; RFC 5321 wants a hundred."""
    mail_idle_seconds: Seconds = Field(300, gt=0, le=3600)
    """Without a command, or progress in a mail, until a connection is ended."""
    mail_data_seconds: Seconds = Field(900, gt=0, le=3600)
    """For one mail to come in."""

    @field_validator("smtp_in_tls")
    @classmethod
    def _has_a_certificate(cls, given: str, info: ValidationInfo) -> str:
        if given == "required" and info.data.get("smtp_in_certificate", "") is None:
            raise ValueError("expected offered, since there is no CARELINE_SMTP_IN_CERTIFICATE")
        return given

    @field_validator("lmtp_port")
    @classmethod
    def _is_free(cls, given: int, info: ValidationInfo) -> int:
        hosts = {info.data.get("smtp_in_host"), info.data.get("lmtp_host")}
        meet = len(hosts) == 1 or hosts & EVERYWHERE
        if given and meet and given == info.data.get("smtp_in_port"):
            raise ValueError("that is where SMTP listens: give each a port of its own")
        return given

    @field_validator("mail_held_bytes")
    @classmethod
    def _holds_one(cls, given: int, info: ValidationInfo) -> int:
        if given < info.data.get("mail_most_bytes", 0):
            raise ValueError("it must hold one mail of CARELINE_MAIL_MOST_BYTES at the least")
        return given


class ImapSettings(MailServerSettings):
    """What the mailbox that is looked into is told by."""

    imap_host: Annotated[str | None, OffIfEmpty] = None
    """The mail server; none: no mailbox is looked into."""
    imap_security: Literal["tls", "starttls", "none"] = "tls"
    """TLS from the start, or STARTTLS, without which it goes no further, or none at all."""
    imap_port: Annotated[PortOrOff | None, OffIfEmpty] = None
    """993, or 143 without TLS from the start, unless it is given."""
    imap_user: str = Field("", validate_default=True)
    """Who it logs in as."""
    imap_password: SecretStr = SecretStr("")
    """What it logs in with."""
    imap_folder: str = Field("INBOX", min_length=1)
    """The folder that it looks into."""
    imap_done: str = "Careline/Done"
    """Folder for mails that were taken. Empty: they stay, with the keyword `CarelineDone`."""
    imap_refused: str = Field("Careline/Refused", min_length=1)
    """Folder for mails that were refused; a person should look into it now and then."""
    imap_since: Annotated[date | None, OffIfEmpty] = None
    """Mails that came before that day (`2026-03-01`) are left alone. Without it intake takes none
    from a folder that was in use before it: where it has taken none yet, and more than 100 mails
    have waited for over a day."""
    imap_interval: Seconds = Field(30, ge=1, le=1740)
    """Seconds between two looks; a server that has IDLE says sooner when a mail comes."""
    imap_authorities: File = None
    """Certificates (PEM) that the server's must hold by, instead of the system's."""

    @field_validator("imap_user")
    @classmethod
    def _somebody_logs_in(cls, given: str, info: ValidationInfo) -> str:
        if info.data.get("imap_host") and not given:
            raise ValueError("the mailbox in CARELINE_IMAP_HOST needs a login")
        return given

    @field_validator("imap_done", "imap_refused")
    @classmethod
    def _not_read_again(cls, given: str, info: ValidationInfo) -> str:
        stays = not (given and info.data.get("imap_done", given))
        if not stays and comparable(given) == comparable(info.data.get("imap_folder", "")):
            raise ValueError("mails are read from there, and would be read again for ever")
        return given

    _authorities = field_validator("imap_authorities")(authorities)


class PageSettings(Settings):
    """How the request form looks, where it leads, and how much of it is taken."""

    public_address: Base = "http://127.0.0.1:8101"
    """Where people reach the form, no slash at its end."""
    messaging_center: Base = "http://127.0.0.1:8104"
    """Where a requester follows a ticket: the public address of messaging, no slash at its end. Its
    host must belong to the same site as the form's, or browsers keep its cookies from the chat."""
    brand: str = "Careline"
    """The organisation's name."""
    catalogue: Path = Path("deploy/plans.toml")
    """The plan catalogue: the plans side by side, and by when an answer would come."""
    pass_secret: Annotated[Annotated[SecretStr, Field(min_length=16)] | None, OffIfEmpty] = None
    """By which the form knows who is signed in at messaging: the same for both. Without it nobody
    is known here."""
    portal: Annotated[Link | None, OffIfEmpty] = None
    """Where customers find their Project Manager."""
    documentation: Annotated[Link | None, OffIfEmpty] = None
    """The documentation; messaging's own unless it is given."""
    troubleshooting: Annotated[Link | None, OffIfEmpty] = None
    """The troubleshooting tips; a part of messaging's documentation unless it is given."""
    terms: Annotated[Link | None, OffIfEmpty] = None
    """Terms of Service with their Schedule A."""
    form_time_zone: TimeZone = "UTC"
    """Of those whose browser doesn't say."""
    form_per_network: Annotated[int, Unit("forms an hour")] = Field(120, ge=1)
    """Forms in an hour from one network (/24, or /56 by IPv6); what is more is refused."""
    form_trusted: Networks = Field(default=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
    """Networks that this doesn't hold for, such as a proxy's that doesn't say who is behind it."""
    form_at_once: Annotated[int, Unit("forms")] = Field(16, ge=1, le=256)
    """Forms of more than 1 MiB that are read at the same time; each may hold 20 MiB of files in
    memory."""
    form_publish_deadline: Seconds = Field(10, gt=0, le=120)
    """Seconds that the broker may take to acknowledge all files of a form."""


class IntakeSettings(ImapSettings, PageSettings, SealingSettings):
    """Beside what every service is told."""

    pseudonym_secret: SecretStr = Field(min_length=16)
    """Makes requesters' ids from their addresses: the same for intake and sla, for ever."""
    publish_deadline: Seconds = Field(1.5, gt=0, le=30)
    """Seconds that the broker may take to acknowledge a ticket before its sender hears 503."""
    # Last, since whether it must be there depends on the others.
    mail_secret: Annotated[Annotated[SecretStr, Field(min_length=16)] | None, OffIfEmpty] = Field(
        None, validate_default=True
    )
    """Makes and checks reply addresses: the same for intake and notifier. Mail needs it."""

    @field_validator("reply_mailbox")
    @classmethod
    def _takes_replies(cls, given: str) -> str:
        MailTokens("only to see whether it will do", given)
        return given

    @field_validator("smtp_in_key")
    @classmethod
    def _both_or_none(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        if (given is None) != (info.data.get("smtp_in_certificate") is None):
            raise ValueError("a certificate and its key go together")
        return given

    @field_validator("mail_secret")
    @classmethod
    def _mail_needs_it(cls, given: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        ways_in = ("smtp_in_port", "lmtp_port", "lmtp_socket", "imap_host")
        if given is None and any(info.data.get(way) for way in ways_in):
            raise ValueError("mail comes in, so it must be given: the same as notifier's")
        return given
