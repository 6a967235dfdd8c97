"""What notifier is told by its environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from shared.wiring import ConsumerSettings

_LINK = r"^https?://[^\s]+$"


class NotifierSettings(ConsumerSettings):
    """Beside what every service is told."""

    catalogue: Path = Path("deploy/plans.toml")
    """The plan catalogue: the plans side by side, and whom to alert."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(8, ge=1, le=100)
    """Connections to the mail server, and mails under way, at once."""
    sender: str = Field("support@careline.example", pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$")
    """Address that mails come from; its domain also stands in their Message-IDs."""

    patience: float = Field(30, ge=0, le=3600)
    """Seconds that an acknowledgement waits for the ticket's slot."""
    hold: float = Field(60, ge=10, le=3600)
    """Seconds after which a mail whose sender died goes to another; a try may take half of it."""
    give_up_after: float = Field(172_800, ge=60)
    """Seconds after which an undeliverable mail is given up: two days, as mail servers do."""

    brand: str = "Careline"
    messaging_center: str = Field("http://127.0.0.1:8104", pattern=r"^https?://[^\s]+[^/]$")
    """Public address of messaging, no slash at its end."""
    portal: str | None = Field(None, pattern=_LINK)
    """Where customers find their Project Manager; without it the mail names no link."""
    documentation: str | None = Field(None, pattern=_LINK)
    troubleshooting: str | None = Field(None, pattern=_LINK)
    terms: str | None = Field(None, pattern=_LINK)
    """Terms of Service with their Schedule A."""
