"""The page of the plans: what customers see, hear and print of them."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from xml.etree import ElementTree as ET

import pytest

from tests.support.plan_pages import GERMAN, SHIPPED, TERMS, Shown, edited


@pytest.fixture
async def shown() -> AsyncIterator[Shown]:
    """Asked by anybody, without a token."""
    shown = Shown()
    async with shown.client:
        yield shown


async def page(shown: Shown, **query: str) -> str:
    """The page, its white space folded."""
    answer = await shown.client.get("/plans", params=query)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return " ".join(answer.text.split())


def words(html: str) -> str:
    """What can be read on a page."""
    html = re.sub(r"<style>.*?</style>|<select.*?</select>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def row_of(html: str, name: str) -> ET.Element:
    """The row of a plan."""
    table = re.search(r"<table.*</table>", html)
    assert table is not None
    rows = ET.fromstring(table[0]).iter("tr")  # noqa: S314 - our own page
    (row,) = (row for row in rows if name in (row.findtext("th/span") or ""))
    return row


async def test_the_page_says_what_each_plan_promises(shown: Shown) -> None:
    """A customer reads the level, how soon, by when, which hours count, and how to reach us."""
    html = await page(shown)
    text = words(html)
    for plan in SHIPPED.plans:
        assert plan.name in text
        assert plan.service_level in text
        assert plan.support in text
        assert plan.reach in text
    gold = words(ET.tostring(row_of(html, "Advanced"), encoding="unicode"))
    assert "within 4 hours of working time" in gold
    assert "by Mon 9 Nov 2026, 13:00 UTC" in gold
    assert "Mon to Fri 09:00 to 17:00 (UTC)" in gold
    white_glove = words(ET.tostring(row_of(html, "Centurion"), encoding="unicode"))
    assert "within 30 minutes, round the clock" in white_glove
    assert "round the clock, weekends and holidays included" in white_glove
    assert "You can upgrade at any moment : ask for it in the chat" in text
    assert (
        "Weekends and holidays make no difference with Platform Care Centurion "
        "(White-Glove Service & Support)." in text
    )
    assert f'<a href="{TERMS}">Technical Support' in html
    assert (
        "Without a plan the Technical Support Delivery Rules for Self Service Plans (Schedule A of "
        "the Terms of Service) apply" in text
    )


async def test_times_are_in_the_zone_of_the_reader(shown: Shown) -> None:
    """The same instant, as their own clock shows it, with the name of the zone."""
    html = await page(shown, time_zone="Asia/Kathmandu")
    assert (
        '<time datetime="2026-11-09T13:00:00+00:00">'
        "Mon 9 Nov 2026, 18:45 UTC+05:45 (Asia/Kathmandu)</time>" in html
    )
    assert "Counted from Fri 6 Nov 2026, 23:45 UTC+05:45 (Asia/Kathmandu)" in words(html)
    assert "<option selected>Asia/Kathmandu</option>" in html


async def test_without_a_wish_times_are_in_the_zone_of_the_hours(shown: Shown) -> None:
    """An empty choice is none. Seconds are shown where there are some."""
    shown.catalogue = GERMAN
    shown.now = datetime(2026, 11, 9, 9, 30, 5, tzinfo=UTC)
    text = words(await page(shown, time_zone=""))
    assert "by Mon 9 Nov 2026, 14:30:05 CET (Europe/Berlin)" in text
    assert "urgent: by Mon 9 Nov 2026, 11:30:05 CET (Europe/Berlin)" in text
    assert "Solution within 40 hours of working time" in text
    assert "closed on public holidays (Germany, BY)" in text


async def test_special_days_are_shown_from_today_on(shown: Shown) -> None:
    """What is over is left out."""
    shown.catalogue = GERMAN
    text = words(await page(shown))
    assert (
        "Special days Platform Care Starter, Platform Care Basic, Platform Care Advanced, Platform "
        "Care Professional Fri 6 Nov 2026 : closed Fri 27 Nov 2026 : 09:00 to 13:00 "
        "Thu 24 Dec 2026 : closed Good to know" in text
    )


@pytest.mark.parametrize("plan", [plan.id for plan in SHIPPED.plans])
async def test_a_readers_own_plan_is_marked_in_words(shown: Shown, plan: str) -> None:
    """Not by colour alone, and for screen readers too; no other plan is."""
    html = await page(shown, plan=plan, utm_source="mail")
    (own,) = (each for each in SHIPPED.plans if each.id == plan)
    assert f"Your plan: {own.name}" in words(html)
    for each in SHIPPED.plans:
        row = row_of(html, each.name)
        is_own = each.id == plan
        assert (row.get("aria-current") == "true") == is_own
        assert ("Your plan" in "".join(row.itertext())) == is_own
    assert f'<input type="hidden" name="plan" value="{plan}">' in html


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"plan": "gold"}, "/plan"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "Europe"}, "/time_zone"),
        ({"time_zone": "../etc/passwd"}, "/time_zone"),
        ({"time_zone": "a\x00b"}, "/time_zone"),
        ({"time_zone": "x" * 5000}, "/time_zone"),
    ],
)
async def test_what_we_do_not_know_is_refused(
    shown: Shown, query: dict[str, str], pointer: str
) -> None:
    """422 with what to mend, as everywhere."""
    answer = await shown.client.get("/plans", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_the_page_runs_nothing_and_loads_nothing(shown: Shown) -> None:
    """The policy allows the page's one style sheet, by its hash, and nothing else."""
    answer = await shown.client.get("/plans")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script|<img|<link|\sstyle=|\son\w+=", answer.text)


async def test_what_the_catalogue_says_is_text(shown: Shown) -> None:
    """Markup in a name is shown, not followed."""
    shown.catalogue = edited(('name = "Platform Care Basic"', 'name = "<b>Basic</b> & more"'))
    html = await page(shown)
    assert "&lt;b&gt;Basic&lt;/b&gt; &amp; more" in html
    assert "<title>Service Plans: Care &amp; Line Support</title>" in html


async def test_the_table_can_be_heard(shown: Shown) -> None:
    """Caption, scopes, a cell under each heading, and roles, which styles could take away."""
    shown.catalogue = GERMAN
    html = await page(shown, plan="advanced")
    found = re.search(r"<table.*</table>", html)
    assert found is not None
    table = ET.fromstring(found[0])  # noqa: S314 - our own page
    assert table.findtext("caption")
    assert [head.get("scope") for head in table.findall("thead/tr/th")] == ["col"] * 5
    for row in table.findall("tbody/tr"):
        assert [cell.tag for cell in row] == ["th", "td", "td", "td", "td"]
        assert (row[0].get("scope"), row[0].get("role")) == ("row", "rowheader")
    assert {head.get("role") for head in table.findall("thead/tr/th")} == {"columnheader"}
    roles = {"table": "table", "tr": "row", "td": "cell", "thead": "rowgroup", "tbody": "rowgroup"}
    for element in table.iter():
        assert element.get("role") == roles.get(element.tag, element.get("role"))
    assert '<html lang="en">' in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"|for="([^"]+)"', html)) <= {
        (id_, "") for id_ in ids
    } | {("", id_) for id_ in ids}
