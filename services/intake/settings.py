"""What intake is told by its environment."""

from pydantic import Field, SecretStr

from shared.runtime import Settings


class IntakeSettings(Settings):
    """Beside what every service is told."""

    pseudonym_secret: SecretStr = Field(min_length=16)
    """Makes requesters' ids from their addresses: the same for intake and sla, for ever."""
    messaging_center: str = Field("http://127.0.0.1:8104", pattern=r"^https?://[^\s]+[^/]$")
    """Where a requester follows a ticket: the public address of messaging, no slash at its end."""
    publish_deadline: float = Field(1.5, gt=0, le=30)
    """Seconds that the broker may take to acknowledge a ticket before its sender hears 503."""
