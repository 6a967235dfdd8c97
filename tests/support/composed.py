"""Mails composed from the desk's own samples, and what is read of them."""

from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

from services.notifier import mails
from services.notifier.letters import samples
from services.notifier.letters.samples import Sample
from shared import plans
from shared.mail_tokens import MailTokens

DEPLOY = Path(__file__).parents[2] / "deploy"
CATALOGUE = plans.load_catalogue(DEPLOY / "plans.toml")
DESK = mails.Desk(
    brand=mails.Brand(),
    sender="support@careline.example",
    messaging_center="https://desk.careline.example",
    operators="https://notifier.careline.example",
    portal="https://portal.careline.example",
    documentation="https://docs.careline.example/search",
    troubleshooting="https://docs.careline.example/tips",
    terms="https://careline.example/terms",
    tokens=MailTokens("a secret of the tests", "support@careline.example"),
    link_secret="a secret of the tests",
)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LANGUAGES = ("en-GB", "de-DE", "es-ES")
PARTS = ("plain", "html")
GMAIL_CLIPS = 102 * 1024


def sample(name: str, locale: str = "en-GB") -> Sample:
    """One of the desk's own samples."""
    return next(each for each in samples.samples(CATALOGUE, locale=locale) if each.name == name)


def mail(of: Sample, desk: mails.Desk = DESK) -> EmailMessage:
    """It as it goes out."""
    return mails.compose(of.delivery, of.about, catalogue=CATALOGUE, desk=desk, now=NOW)


class Shown(HTMLParser):
    """The text of a page, without its head."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(html.partition("</head>")[2])

    def handle_data(self, data: str) -> None:
        """Keep what is read."""
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where links lead, and what there is."""
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]


def html(of: EmailMessage) -> str:
    """The HTML part."""
    body = of.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def part(of: EmailMessage, kind: str) -> str:
    """What is read of one part, with its white space folded."""
    body = of.get_body((kind,))
    assert body is not None
    text = str(body.get_content())
    words = "".join(Shown(text).words) if kind == "html" else text
    return " ".join(words.split())
