"""What mails say about the organisation, and how they reach it."""

from dataclasses import dataclass, field

from services.notifier.letters.brand import Brand
from services.notifier.letters.words import Templates, shipped
from shared.mail_tokens import MailTokens


@dataclass(frozen=True, slots=True)
class Desk:
    """One organisation, as its mails show it."""

    brand: Brand
    sender: str
    """The address that mails come from."""
    messaging_center: str
    """Public address of messaging, no slash at its end."""
    operators: str = "http://127.0.0.1:8103"
    """Public address of notifier's own pages, no slash at its end: digests lead there."""
    portal: str | None = None
    """Where customers find their Project Manager; this and the next are links, or not shown."""
    documentation: str | None = None
    troubleshooting: str | None = None
    terms: str | None = None
    """Terms of Service with their Schedule A."""
    tokens: MailTokens | None = None
    """Makes reply addresses; without it customers answer in the Messaging Center alone."""
    link_secret: str | None = None
    """Makes the links that open one ticket; without it customers sign in first."""
    templates: Templates = field(default_factory=shipped)
    """What mails say: ours, or with an organisation's own files before them."""
    staff_locale: str = "en-GB"
    """In which language and region people of ours are told."""

    @property
    def domain(self) -> str:
        """Stands in Message-IDs."""
        return self.tokens.domain if self.tokens else self.sender.rpartition("@")[2].lower()

    @property
    def mark(self) -> str:
        """By which we know our own mails: all of the mailbox, since desks may share a domain."""
        return self.tokens.mailbox if self.tokens else self.sender.lower()
