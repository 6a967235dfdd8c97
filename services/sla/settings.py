"""What sla is told by its environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.settings import Link, Seconds
from shared.wiring import ConsumerSettings


class SlaSettings(ConsumerSettings):
    """Beside what every service is told."""

    catalogue: Path = Path("deploy/plans.toml")
    """The plan catalogue."""
    brand: str = "Careline"
    """The organisation's name, on the page of the plans."""
    terms: Link | None = None
    """Where the Terms of Service are to be read, for the page of the plans."""
    pseudonym_secret: SecretStr = Field(min_length=16)
    """As intake's: an imported address and a ticket's requester give the same account."""
    trust_named_accounts: bool = True
    """Whether a ticket is slotted by an account that its sender named without proof (a token). With
    false such tickets get the default plan; set it so where forms are open to everybody."""
    producer_margin: Seconds = Field(0.25, ge=0, le=60)
    """Seconds between an event's time and its arrival at the broker that are allowed for."""
