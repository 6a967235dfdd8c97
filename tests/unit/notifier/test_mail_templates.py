"""An organisation's own look: its templates, its words, its brand."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.notifier import mails
from services.notifier.letters import brand, samples
from services.notifier.mails import Brand, Link, Templates, TemplatesError
from tests.support.said import CATALOGUE

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DESK = mails.Desk(Brand(), "support@careline.example", "https://desk.careline.example")
ACKNOWLEDGEMENT = next(samples.samples(CATALOGUE))


def desk(folder: Path) -> mails.Desk:
    """With an organisation's own templates."""
    return replace(DESK, templates=Templates(folder))


def html(of: mails.Desk) -> str:
    """The HTML part of an acknowledgement."""
    sample = ACKNOWLEDGEMENT
    mail = mails.compose(sample.delivery, sample.about, catalogue=CATALOGUE, desk=of, now=NOW)
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_what_we_ship_can_be_filled_in() -> None:
    """Every kind, plan and clock, in every language."""
    samples.check(DESK, CATALOGUE)


def test_a_template_of_theirs_goes_before_ours(tmp_path: Path) -> None:
    """One file; it may build on ours and change a part of it; the rest stays ours."""
    own = (
        '{% extends "careline/acknowledgement.html.jinja" %}{% block meanwhile %}Ahoy{% endblock %}'
    )
    (tmp_path / "acknowledgement.html.jinja").write_text(own)
    own = '{% extends "careline/base.html.jinja" %}{% block footer %}Our foot{% endblock %}'
    (tmp_path / "base.html.jinja").write_text(own)
    samples.check(desk(tmp_path), CATALOGUE)
    page = html(desk(tmp_path))
    assert "Ahoy" in page
    assert "Our foot" in page
    assert "While you wait" not in page
    assert "What each plan promises" in page


def test_a_language_of_theirs_comes_with_its_words(tmp_path: Path) -> None:
    """What it leaves out is said in English; dates are written as they are there."""
    (tmp_path / "fr.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Where we talk"\nmsgstr "Où nous parlons"\n',
        encoding="utf-8",
    )
    french = next(
        each for each in samples.samples(CATALOGUE, locale="fr-FR") if each.name.endswith("basic")
    )
    samples.check(desk(tmp_path), CATALOGUE)
    mail = mails.compose(
        french.delivery, french.about, catalogue=CATALOGUE, desk=desk(tmp_path), now=NOW
    )
    body = mail.get_body(("html",))
    assert body is not None
    page = str(body.get_content())
    assert '<html lang="fr-FR" dir="ltr">' in page
    assert "Où nous parlons" in page
    assert "mardi 24 novembre 2026" in page
    assert "While you wait" in page


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("reply.txt.jinja", "one\n{% if %}\n", r"reply\.txt\.jinja:2: "),
        (
            "digest.html.jinja",
            "one\ntwo\n{{ nothing }}\n",
            r"html\.jinja:3: 'nothing' is undefined",
        ),
        ("digest.html.jinja", "one\n{{ total / 0 }}\n", r"digest\.html\.jinja:2: division by zero"),
        ("base.txt.jinja", '{% extends "base2" %}', r"base\.txt\.jinja:1: .*base2"),
        ("breach_alert.subject.jinja", "{{ alert.who }}", r"subject\.jinja:1: .*who"),
    ],
)
def test_a_broken_template_is_found_at_start(
    name: str, content: str, reason: str, tmp_path: Path
) -> None:
    """With file, line and reason, before any mail needs it."""
    (tmp_path / name).write_text(content)
    with pytest.raises(TemplatesError, match=reason) as caught:
        samples.check(desk(tmp_path), CATALOGUE)
    assert str(tmp_path) in str(caught.value)


def test_broken_words_are_found_at_start(tmp_path: Path) -> None:
    """A translation that asks for what is not given breaks mails, not files."""
    (tmp_path / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Its number is %(number)s."\nmsgstr "Nummer %(nummer)s."\n'
    )
    with pytest.raises(TemplatesError, match="nummer"):
        samples.check(desk(tmp_path), CATALOGUE)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Rather than our own look without a word."""
    with pytest.raises(TemplatesError, match="there is no such folder"):
        Templates(tmp_path / "gone")


def test_a_brand_is_shown() -> None:
    """Name, colours, logo with its words, footer and links, all escaped."""
    shown = Brand(
        name="Smith & <Sons>",
        colour="#ffcc00",
        text_colour="#000000",
        logo="https://smith.example/logo.png?a=1&b=2",
        logo_alt='Smith "and" Sons',
        footer="1 Street <b>",
        links=(Link("Imprint & more", "https://smith.example/imprint"),),
    )
    page = html(replace(DESK, brand=shown))
    assert "Smith &amp; &lt;Sons&gt;" in html(replace(DESK, brand=replace(shown, logo=None)))
    assert 'src="https://smith.example/logo.png?a=1&amp;b=2" alt="Smith &#34;and&#34; Sons"' in page
    assert "background:#ffcc00" in page
    assert "color:#000000" in page
    assert "1 Street &lt;b&gt;" in page
    assert '<a href="https://smith.example/imprint"' in page


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#FF0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_wcags(one: str, other: str, apart: float) -> None:
    """Values that are published for these colours; the order does not matter."""
    assert brand.contrast(one, other) == pytest.approx(apart, abs=0.01)
    assert brand.contrast(other, one) == brand.contrast(one, other)


def test_a_brand_whose_text_can_not_be_read_is_refused() -> None:
    """The reason says by how much, and what would do."""
    with pytest.raises(ValueError, match=r"#ffffff on #ffcc00 .* is 1\.5, .* 4\.5 .* #000000 has"):
        Brand(colour="#ffcc00")
    assert Brand(colour="#ffcc00", text_colour="#000000").colour == "#ffcc00"
    assert Brand(colour="#767676").colour == "#767676"
    with pytest.raises(ValueError, match="hard to read"):
        Brand(colour="#777777")


@pytest.mark.parametrize("wrong", ["red", "#fff", "#12345g", "#1f5fa8;x:y", ""])
def test_what_is_no_colour_is_refused(wrong: str) -> None:
    """It would end up in a style attribute."""
    with pytest.raises(ValueError, match="is no colour"):
        Brand(colour=wrong)


def test_a_logo_and_links_are_addresses() -> None:
    """And no script."""
    for wrong in ("javascript:alert(1)", "logo.png", "https://x.example/'>"):
        with pytest.raises(ValueError, match="no address"):
            Brand(logo=wrong)
        with pytest.raises(ValueError, match="no address"):
            Brand(links=(Link("A", wrong),))
    with pytest.raises(ValueError, match="needs a name"):
        Brand(name=" ")
