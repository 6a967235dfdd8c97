"""What messaging is told by its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared.setting_words import Expected, Unit
from shared.settings import Base, Link, Settings
from shared.wiring import SealedSettings


def _long(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < 16:  # noqa: PLR2004 - 16 characters, as elsewhere
        raise ValueError("must have 16 characters or more")
    return value


Secret = Annotated[
    SecretStr, AfterValidator(_long), Expected("a secret text of 16 characters or more")
]


class SignInSettings(Settings):
    """How people sign in: by any OpenID Connect provider."""

    oidc_issuer: Link | None = None
    """The provider's issuer; what else there is to know stands below it in
    `.well-known/openid-configuration`. Without it nobody signs in, and only links open tickets."""
    oidc_client_id: str = "careline"
    """As which client the provider knows us."""
    oidc_client_secret: SecretStr | None = None
    """Of a confidential client; without it PKCE alone protects the sign-in."""
    oidc_scopes: str = "openid profile email"
    """What the provider is asked to tell of people, with spaces between."""
    oidc_roles_claim: str = "roles"
    """Names the claim with the roles: customer, agent, lead, admin."""
    oidc_account_claim: str = "account"
    """Names the claim with a customer's account."""
    session_hours: Annotated[float, Unit("hours")] = Field(8, gt=0, le=720)
    """After these hours people sign in again."""
    session_idle_minutes: Annotated[float, Unit("minutes")] = Field(120, gt=0, le=43_200)
    """After so long without a request they do so too."""


class MessagingSettings(SealedSettings, SignInSettings):
    """What every service with a database is told, and how its pages look and lead on."""

    catalogue: Path = Path("deploy/plans.toml")
    """The plan catalogue: plans side by side, and the calendars that clocks are counted in."""
    articles: Path | None = None
    """A folder of Markdown files: the documentation, such as `deploy/articles`."""
    public_address: Base = "http://127.0.0.1:8104"
    """Where people reach these pages, no slash at its end."""
    intake: Base = "http://127.0.0.1:8101"
    """Public address of intake, whose page of thanks shows the chat in a frame."""
    pass_secret: Secret = SecretStr("")
    """Makes passes, by which intake's form knows who is signed in here: the same for both."""
    pseudonym_secret: Secret = SecretStr("")
    """Makes requesters' ids from addresses: the same for all services. With it people see the
    tickets that were opened from their proved address."""
    brand: str = "Careline"
    """The organisation's name."""
    portal: Link | None = None
    """Where customers find their Project Manager."""
    terms: Link | None = None
    """Terms of Service with their Schedule A."""
    most_streams: Annotated[int, Unit("pages")] = Field(5000, ge=1)
    """Pages that are followed live, at once, in this process."""
