"""What messaging is told by its environment."""

from shared.wiring import ConsumerSettings


class MessagingSettings(ConsumerSettings):
    """What every service with a database is told."""
