"""What is previewed: the desk's own sample mails, in every language, as their HTML parts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from services.notifier import mails
from services.notifier.letters import samples
from services.notifier.letters.brand import Brand, Link
from services.notifier.letters.words import Templates
from shared.mail_tokens import MailTokens
from shared.plans import load_catalogue

CATALOGUE = Path(__file__).parents[1] / "plans.toml"
REGIONS = {"en": "en-GB", "de": "de-DE", "es": "es-ES"}
"""Where the readers of the previews are; of other languages, nowhere in particular."""
SHOWN = (
    "acknowledgement-self-service",
    "acknowledgement-starter",
    "acknowledgement-centurion",
    "acknowledgement-unknown",
    "reply",
    "reply-of-several",
    "reply-with-files",
    "at-risk-first_response",
    "breach-resolution",
    "breach-second-step",
    "retraction-met",
    "retraction-running",
    "assignment",
    "digest",
)
"""Those samples that differ to the eye."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One mail in one language."""

    name: str
    """Such as "acknowledgement-starter"."""
    language: str
    subject: str
    html: str

    @property
    def stem(self) -> str:
        """How its files are called."""
        return f"{self.name}.{self.language}"


def desk(templates: Templates, brand: Brand) -> mails.Desk:
    """Every link that a mail may have leads somewhere."""
    return mails.Desk(
        brand=brand,
        sender="support@careline.example",
        messaging_center="https://desk.careline.example",
        operators="https://notifier.careline.example",
        portal="https://portal.careline.example",
        documentation="https://docs.careline.example/search",
        troubleshooting="https://docs.careline.example/troubleshooting",
        terms="https://careline.example/terms",
        tokens=MailTokens("only for the previews", "support@careline.example"),
        link_secret="only for the previews",  # noqa: S106 - it opens nothing
        templates=templates,
    )


def shown_brand() -> Brand:
    """The brand of the previews, with all that a brand may have but a logo."""
    links = (
        Link("Help", "https://docs.careline.example"),
        Link("Privacy", "https://careline.example/privacy"),
    )
    return Brand(footer="Careline, 1 Example Street, Exampletown", links=links)


def previews(folder: Path | None = None, brand: Brand | None = None) -> Iterator[Preview]:
    """Each mail in each language; with an organisation's own templates, in theirs.

    Raises:
        TemplatesError: a template broke.
    """
    shown = desk(Templates(folder), brand or shown_brand())
    catalogue = load_catalogue(CATALOGUE)
    for tag in shown.templates.tags:
        locale = REGIONS.get(tag, tag.replace("_", "-"))
        told = replace(shown, staff_locale=locale)
        for sample in samples.samples(catalogue, locale=locale):
            if sample.name not in SHOWN:
                continue
            mail = mails.compose(
                sample.delivery, sample.about, catalogue=catalogue, desk=told, now=samples.ASKED
            )
            part = mail.get_body(("html",))
            html = str(part.get_content()) if part else ""
            yield Preview(sample.name, tag, str(mail["Subject"]), html)
