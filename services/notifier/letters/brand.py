"""How an organisation looks in its mails: name, colours, logo, footer and links."""

import re
from dataclasses import dataclass

LEAST_CONTRAST = 4.5
"""Of text against what is behind it: WCAG 2, level AA."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link at the foot of every mail."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Brand:
    """What mails show of the organisation.

    Raises:
        ValueError: a colour or an address is none, or text in these colours would be hard to read.
    """

    name: str = "Careline"
    colour: str = "#1f5fa8"
    """Behind buttons and at the head of each mail, as `#rrggbb`."""
    text_colour: str = "#ffffff"
    """Of what stands on it."""
    logo: str | None = None
    """Address of a picture, about 40 pixels high; a mail is complete without it."""
    logo_alt: str | None = None
    """What stands where pictures are not shown; the name, if nothing else is said."""
    footer: str | None = None
    """A line at the foot, such as a postal address."""
    links: tuple[Link, ...] = ()
    """At the foot, beside it."""

    def __post_init__(self) -> None:
        """Refuse what can't be shown."""
        if not self.name.strip():
            raise ValueError("the brand needs a name")
        check_colours(self.colour, self.text_colour)
        for url in (self.logo, *(link.url for link in self.links)):
            if url is not None and not re.fullmatch(r"https?://[^\s\"'<>]+", url):
                raise ValueError(f"{url!r} is no address of a page or a picture: https://…")


def check_colours(colour: str, text_colour: str) -> None:
    """Make sure that text in these colours can be read.

    Raises:
        ValueError: one of them is no colour, or they are too much alike.
    """
    reached = contrast(colour, text_colour)
    if reached < LEAST_CONTRAST:
        better = max(("#ffffff", "#000000"), key=lambda text: contrast(colour, text))
        raise ValueError(
            f"text in {text_colour} on {colour} is hard to read: its contrast is {reached:.1f}, "
            f"and at least {LEAST_CONTRAST} is needed; on that colour, {better} has "
            f"{contrast(colour, better):.1f}"
        )


def contrast(one: str, other: str) -> float:
    """How far apart two colours are, from 1 (the same) to 21 (black and white), by WCAG 2.

    Raises:
        ValueError: one of them is no colour.
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise ValueError(f"{colour!r} is no colour; write it like #1f5fa8")
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - constants of sRGB
