"""Mails in a real browser: on a desktop and on a phone, light and dark, with and without styles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from deploy.mail_preview.pictures import VIEWS, View, find_browser, running_browser
from deploy.mail_preview.previews import Preview, previews
from services.notifier.letters.brand import LEAST_CONTRAST

BROWSER = find_browser()
PREVIEWS = {mail.stem: mail for mail in previews()}
MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
PHONE = next(view for view in VIEWS if view.name == "phone-light")

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no browser is on the path"),
    pytest.mark.timeout(300),
]


@dataclass(frozen=True)
class Measured:
    """What a browser says of one mail in one view."""

    overflow: int
    """Pixels that stand out to the right."""
    texts: list[dict[str, Any]]
    """Each text that is seen, with the contrast to what is behind it."""
    tree: str
    """What a screen reader is told."""


Looks = dict[tuple[str, str], Measured]


@pytest.fixture(scope="module")
def looks() -> Looks:
    """All mails in all views, measured by one browser that has ended before any test goes on."""
    assert BROWSER is not None
    with running_browser(BROWSER) as browser:
        return dict(_measure_all(browser))


def _measure_all(browser: Browser) -> Iterator[tuple[tuple[str, str], Measured]]:
    for view in VIEWS:
        page = _page(browser, view)
        for stem, mail in PREVIEWS.items():
            page.set_content(mail.html)
            yield (stem, view.name), _measure(page)
        page.context.close()
    page = _page(browser, PHONE)
    for stem, mail in PREVIEWS.items():
        # Some programs drop the style sheet: then the style attributes stand alone.
        page.set_content(re.sub(r"<style>.*?</style>", "", mail.html, flags=re.DOTALL))
        yield (stem, "phone-bare"), _measure(page)


def _page(browser: Browser, view: View) -> Page:
    size = {"width": view.width, "height": 800}
    context = browser.new_context(viewport=size, color_scheme=view.scheme)  # type: ignore[arg-type] # a typed dict
    return context.new_page()


def _measure(page: Page) -> Measured:
    found = page.evaluate(MEASURE)
    # As YAML it quotes keys that hold a colon.
    tree = re.sub(r"- '(.*)'", r"- \1", page.locator("body").aria_snapshot())
    return Measured(found["overflow"], found["texts"], tree)


def test_the_measure_sees_what_is_wrong() -> None:
    """Grey on grey, and a line that is too wide: else the other tests would say nothing."""
    wrong = (
        '<body style="background:#ffffff"><p style="color:#999999">Grey</p>'
        '<p style="width:900px;background:rgba(0,0,0,.5);color:#000000">Wide</p></body>'
    )
    assert BROWSER is not None
    with running_browser(BROWSER) as browser:
        page = _page(browser, PHONE)
        page.set_content(wrong)
        measured = _measure(page)
    assert measured.overflow > 500
    grey, wide = (each["contrast"] for each in measured.texts)
    assert grey == pytest.approx(2.85, abs=0.01)
    assert wide == pytest.approx(5.28, abs=0.1)


@pytest.mark.parametrize("view", ["phone-light", "phone-bare", "desktop-light"])
def test_nothing_has_to_be_scrolled_sideways(looks: Looks, view: str) -> None:
    """Nor without the style sheet, as some programs on phones show mails."""
    assert {stem: looks[stem, view].overflow for stem in PREVIEWS} == dict.fromkeys(PREVIEWS, 0)


@pytest.mark.parametrize("view", [*(view.name for view in VIEWS), "phone-bare"])
def test_all_text_can_be_read(looks: Looks, view: str) -> None:
    """WCAG AA, by the colours that the browser has computed."""
    for stem in PREVIEWS:
        texts = looks[stem, view].texts
        assert len(texts) > 10, stem
        assert [each for each in texts if each["contrast"] < LEAST_CONTRAST] == [], stem


@pytest.mark.parametrize("view", ["desktop-light", "phone-light"])
def test_a_screen_reader_finds_its_way(looks: Looks, view: str) -> None:
    """One first heading, named links, tables with headers; layout is no table."""
    for stem in PREVIEWS:
        tree = looks[stem, view].tree
        assert len(re.findall(r"heading .*\[level=1\]", tree)) == 1, stem
        assert "- article" in tree, stem
        links = re.findall(r"- link\b(.*)", tree)
        assert links, stem
        assert all(re.match(r' ".+"', link) for link in links), stem
        tables = re.findall(r"- table\b(.*)", tree)
        assert all(re.match(r' ".+"', table) for table in tables), stem
        assert len(re.findall(r"- rowheader\b", tree)) >= 3 * len(tables), stem


@pytest.mark.parametrize("view", ["desktop-light", "phone-light"])
def test_the_plans_are_a_table_on_a_phone_too(looks: Looks, view: str) -> None:
    """Cards to the eye, rows to a screen reader, each with its plan's name at the head."""
    tree = looks["acknowledgement-starter.en", view].tree
    assert 'table "What each plan promises"' in tree
    assert len(re.findall(r"- columnheader\b", tree)) == 3
    assert len(re.findall(r"- rowheader\b", tree)) == 6
    assert "your plan" in tree


def test_what_is_only_for_the_list_of_mails_is_not_read_out(looks: Looks) -> None:
    """The preview text is hidden in the mail itself."""
    mail: Preview = PREVIEWS["at-risk-first_response.en"]
    assert "Due by Tuesday" in mail.html
    assert "Due by Tuesday" not in looks[mail.stem, "desktop-light"].tree
