"""What notifier is told by its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Json, SecretStr, ValidationInfo, field_validator

from services.notifier.customers import Caps, Pace
from services.notifier.letters.brand import Brand
from services.notifier.letters.brand import Link as BrandLink
from services.notifier.storms import Limits
from shared.certificates import authorities
from shared.kafka_settings import File, OffIfEmpty
from shared.mail_tokens import MailTokens
from shared.setting_words import Expected, Unit
from shared.settings import Base, Link, Port, Seconds
from shared.wiring import SealedSettings

_LOOK, _CAPS, _PACE, _LIMITS = Brand(), Caps(), Pace(), Limits()
"""What each of them is by itself."""


def _mailbox(value: str) -> str:
    MailTokens("nothing is made here", value)
    return value


class NotifierSettings(SealedSettings):
    """Beside what every service is told."""

    catalogue: Path = Path("deploy/plans.toml")
    """The plan catalogue: the plans side by side, and whom to alert."""
    destinations: Path | None = None
    """Chats, pagers and webhooks that the catalogue may name, such as `deploy/destinations.toml`;
    without it alerts go by mail alone."""
    articles: Path | None = None
    """What customers may read while they wait, such as `deploy/articles.toml`."""

    smtp_host: str = "127.0.0.1"
    """The mail server that mails are handed to."""
    smtp_port: Port = Field(25, ge=1, le=65535)
    """Its port: 25, 587 with STARTTLS, 465 with TLS from the start."""
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    """TLS from the start, or STARTTLS, without which no mail goes, or none at all."""
    smtp_authorities: File = None
    """Certificates (PEM) that the mail server's must hold by, instead of the system's."""
    smtp_user: Annotated[str | None, OffIfEmpty] = None
    """Who we log in as; without it we don't."""
    smtp_password: Annotated[SecretStr | None, OffIfEmpty] = Field(None, validate_default=True)
    """What we log in with."""
    smtp_connections: Annotated[int, Unit("connections")] = Field(8, ge=1, le=100)
    """Connections to the mail server, and mails under way, at once."""
    sender: Annotated[str, Expected("a mail address")] = Field(
        "support@careline.example", pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$"
    )
    """Address that mails come from."""
    mail_secret: SecretStr = Field(min_length=16)
    """Makes reply addresses and Message-IDs, the same for intake and notifier; and the links in
    customers' mails."""
    reply_mailbox: Annotated[str, AfterValidator(_mailbox), Expected("a mail address")] = (
        "support@careline.example"
    )
    """Where replies come in; mail to `support+anything@` must be delivered there too. Its domain
    also stands in Message-IDs."""

    patience: Seconds = Field(30, ge=0, le=3600)
    """Seconds that an acknowledgement waits for the ticket's slot."""
    acknowledgements_per_address_hour: Annotated[int, Unit("mails an hour")] = Field(
        _CAPS.per_address_hour, ge=1
    )
    """To one address in any hour; whoever names other people's addresses makes us mail them."""
    acknowledgements_per_address_day: Annotated[int, Unit("mails a day")] = Field(
        _CAPS.per_address_day, ge=1
    )
    """To one address in any 24 hours."""
    acknowledgements_per_domain_hour: Annotated[int, Unit("mails an hour")] = Field(
        _CAPS.per_domain_hour, ge=1
    )
    """To all addresses of one domain in an hour of the clock."""
    reply_delay: Seconds = Field(_PACE.delay.total_seconds(), ge=0, le=3600)
    """Seconds that an agent's answer waits; what is written meanwhile goes in the same mail."""
    replies_per_thread_hour: Annotated[int, Unit("mails an hour")] = Field(
        _PACE.per_thread_hour, ge=1
    )
    """Mails to a customer about one ticket in an hour; what is more waits, and goes as one."""

    alert_grace: Seconds = Field(900, ge=0, le=86_400)
    """Seconds after closing time in which an alert may still go."""
    alerts_per_minute: Annotated[int, Unit("alerts a minute")] = Field(_LIMITS.burst, ge=1)
    """To one recipient by themselves; what is more goes into a digest."""
    alerts_per_hour: Annotated[int, Unit("alerts an hour")] = Field(_LIMITS.hourly, ge=1)
    """To one recipient by themselves in any hour."""
    digest_pause: Seconds = Field(_LIMITS.first_pause.total_seconds(), gt=0, le=3600)
    """Seconds that an hour's first digest gathers; each later one twice as long."""
    longest_digest_pause: Seconds = Field(_LIMITS.longest_pause.total_seconds(), gt=0, le=86_400)
    """Seconds that a digest gathers at the most."""

    hold: Seconds = Field(60, ge=10, le=3600)
    """Seconds after which a delivery whose sender died goes to another; a try may take half."""
    give_up_after: Seconds = Field(172_800, ge=60)
    """Seconds after which what can't be delivered is given up: two days, as mail servers do."""
    keep_days: Annotated[float, Unit("days")] = Field(90, gt=0)
    """How long the words of mails, and who asked, are kept after a ticket is over."""

    brand: str = "Careline"
    """The organisation's name."""
    brand_colour: str = _LOOK.colour
    """Behind buttons and at the head of each mail, as `#rrggbb`."""
    brand_text_colour: str = _LOOK.text_colour
    """Of what stands on it."""
    brand_logo: str | None = None
    """Address of a picture about 40 pixels high."""
    brand_logo_alt: str | None = None
    """What stands in its place where pictures are not shown."""
    brand_footer: str | None = None
    """A line at the foot, such as a postal address."""
    brand_links: Annotated[Json[dict[str, str]], Expected("JSON, an object of texts")] = Field(
        default_factory=dict, validate_default=False
    )
    """At the foot beside it, as JSON: `{"Imprint": "https://…"}`."""
    templates: Path | None = None
    """A folder with templates and words that go before ours."""
    staff_locale: str = "en-GB"
    """In which language and region people of ours are told."""

    messaging_center: Base = "http://127.0.0.1:8104"
    """Public address of messaging, no slash at its end."""
    operators: Base = "http://127.0.0.1:8103"
    """Public address of notifier's own pages, no slash at its end: digests lead there."""
    portal: Link | None = None
    """Where customers find their Project Manager; without it the mail names no link."""
    documentation: Link | None = None
    """The documentation; without it the mail names none."""
    troubleshooting: Link | None = None
    """The troubleshooting tips; without it the mail names none."""
    terms: Link | None = None
    """Terms of Service with their Schedule A."""

    _authorities = field_validator("smtp_authorities")(authorities)

    @field_validator("smtp_password")
    @classmethod
    def _goes_with_user(cls, given: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if (given is None) != (info.data.get("smtp_user") is None):
            raise ValueError("expected together with CARELINE_SMTP_USER, or neither")
        return given

    def look(self) -> Brand:
        """How the organisation looks in its mails.

        Raises:
            ValueError: it can't be shown so.
        """
        return Brand(
            name=self.brand,
            colour=self.brand_colour,
            text_colour=self.brand_text_colour,
            logo=self.brand_logo,
            logo_alt=self.brand_logo_alt,
            footer=self.brand_footer,
            links=tuple(BrandLink(label, url) for label, url in self.brand_links.items()),
        )
