"""What notifier is told by its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Json, SecretStr

from services.notifier.customers import Caps, Pace
from services.notifier.letters.brand import Brand, Link
from services.notifier.storms import Limits
from shared.mail_tokens import MailTokens
from shared.wiring import SealedSettings

_LINK = r"^https?://[^\s]+$"
_BASE = r"^https?://[^\s]+[^/]$"
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
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(8, ge=1, le=100)
    """Connections to the mail server, and mails under way, at once."""
    sender: str = Field("support@careline.example", pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$")
    """Address that mails come from."""
    mail_secret: SecretStr = Field(min_length=16)
    """Makes reply addresses and Message-IDs, the same for intake and notifier; and the links in
    customers' mails."""
    reply_mailbox: Annotated[str, AfterValidator(_mailbox)] = "support@careline.example"
    """Where replies come in; mail to `support+anything@` must be delivered there too. Its domain
    also stands in Message-IDs."""

    patience: float = Field(30, ge=0, le=3600)
    """Seconds that an acknowledgement waits for the ticket's slot."""
    acknowledgements_per_address_hour: int = Field(_CAPS.per_address_hour, ge=1)
    """To one address in any hour; whoever names other people's addresses makes us mail them."""
    acknowledgements_per_address_day: int = Field(_CAPS.per_address_day, ge=1)
    acknowledgements_per_domain_hour: int = Field(_CAPS.per_domain_hour, ge=1)
    """To all addresses of one domain in an hour of the clock."""
    reply_delay: float = Field(_PACE.delay.total_seconds(), ge=0, le=3600)
    """Seconds that an agent's answer waits; what is written meanwhile goes in the same mail."""
    replies_per_thread_hour: int = Field(_PACE.per_thread_hour, ge=1)
    """Mails to a customer about one ticket in an hour; what is more waits, and goes as one."""

    alert_grace: float = Field(900, ge=0, le=86_400)
    """Seconds after closing time in which an alert may still go."""
    alerts_per_minute: int = Field(_LIMITS.burst, ge=1)
    """To one recipient by themselves; what is more goes into a digest."""
    alerts_per_hour: int = Field(_LIMITS.hourly, ge=1)
    digest_pause: float = Field(_LIMITS.first_pause.total_seconds(), gt=0, le=3600)
    """Seconds that an hour's first digest gathers; each later one twice as long."""
    longest_digest_pause: float = Field(_LIMITS.longest_pause.total_seconds(), gt=0, le=86_400)

    hold: float = Field(60, ge=10, le=3600)
    """Seconds after which a delivery whose sender died goes to another; a try may take half."""
    give_up_after: float = Field(172_800, ge=60)
    """Seconds after which what can't be delivered is given up: two days, as mail servers do."""
    keep_days: float = Field(90, gt=0)
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
    brand_footer: str | None = None
    """A line at the foot, such as a postal address."""
    brand_links: Json[dict[str, str]] = Field(default_factory=dict, validate_default=False)
    """At the foot beside it, as JSON: `{"Imprint": "https://…"}`."""
    templates: Path | None = None
    """A folder with templates and words that go before ours."""
    staff_locale: str = "en-GB"
    """In which language and region people of ours are told."""

    messaging_center: str = Field("http://127.0.0.1:8104", pattern=_BASE)
    """Public address of messaging, no slash at its end."""
    operators: str = Field("http://127.0.0.1:8103", pattern=_BASE)
    """Public address of notifier's own pages, no slash at its end: digests lead there."""
    portal: str | None = Field(None, pattern=_LINK)
    """Where customers find their Project Manager; without it the mail names no link."""
    documentation: str | None = Field(None, pattern=_LINK)
    troubleshooting: str | None = Field(None, pattern=_LINK)
    terms: str | None = Field(None, pattern=_LINK)
    """Terms of Service with their Schedule A."""

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
            links=tuple(Link(label, url) for label, url in self.brand_links.items()),
        )
