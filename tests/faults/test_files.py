"""Files that somebody got wrong, and an upgrade that was not ended."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.version import VERSION
from tests.support.desk import CATALOGUE, ROOT, Desk, running_desk
from tests.support.prometheus import needs_prometheus
from tests.support.provoking import ask, put_on_a_plan
from tests.support.stack import Stack
from tests.support.watched import Watched, numbers, watching

pytestmark = [
    needs_prometheus,
    pytest.mark.long,
    pytest.mark.timeout(420),  # more than all waits of a test together
    pytest.mark.asyncio(loop_scope="module"),
]

ARTICLES, FOLDER = ROOT / "deploy" / "articles.toml", ROOT / "deploy" / "articles"
LEADS = '"support-leads@careline.example"'
STRANGER = "night-watch"
"""A destination that nobody has set up."""
ANOTHER = "0.0.9"
"""A version that is not this one."""


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with files of its own, of which nothing runs yet."""
    with running_desk(stack, tmp_path_factory.mktemp("files")) as made:
        shutil.copy(CATALOGUE, _catalogue(made))
        shutil.copy(ARTICLES, made.folder / "articles.toml")
        shutil.copytree(FOLDER, made.folder / "articles")
        made.settings["CARELINE_CATALOGUE"] = str(_catalogue(made))
        yield made


def _catalogue(desk: Desk) -> Path:
    return desk.folder / "plans.toml"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(desk: Desk) -> AsyncIterator[Watched]:
    """A desk that shows articles, and points to them in mails."""
    articles = {"notifier": "articles.toml", "messaging": "articles"}
    async with watching(desk, desk.folder, "intake", "sla", more=tuple(articles)) as begun:
        for service, name in articles.items():
            desk.start(service, CARELINE_ARTICLES=str(desk.folder / name))
        await desk.ready()
        await begun.until("min(careline_ready) == 1 and count(careline_ready) == 4")
        yield begun


@pytest.mark.alert("CatalogueRefused")
async def test_a_catalogue_that_is_wrong_is_told_of(watched: Watched) -> None:
    """Both services refuse it and go on by the one before; with its comma back all is well."""
    catalogue = _catalogue(watched.desk)
    right = catalogue.read_text()
    catalogue.write_text(right.replace('first_response = "12s"', 'first_response = "12 s."'))
    await watched.fires("CatalogueRefused")
    await watched.until("count(careline_catalogue_refused == 1) == 2")
    refused, *_ = await watched.follow_runbook("CatalogueRefused")
    assert {each.labels["job"]: each.value for each in refused} == {"sla": 1, "notifier": 1}
    catalogue.write_text(right)
    await watched.ends("CatalogueRefused")


@pytest.mark.alert("ArticlesRefused")
async def test_articles_that_are_wrong_are_told_of(watched: Watched) -> None:
    """A file of notifier's and one in messaging's folder: each says so until it is mended."""
    folder = watched.desk.folder
    file, article = folder / "articles.toml", folder / "articles" / "chat.md"
    written = {path: path.read_text() for path in (file, article)}
    for path, text in written.items():
        path.write_text(f"+++ {text}")
    await watched.until("max(notifier_articles_refused) + max(thread_articles_refused) == 2")
    await watched.fires("ArticlesRefused")
    await watched.follow_runbook("ArticlesRefused")
    for path, text in written.items():
        path.write_text(text)
    await watched.ends("ArticlesRefused")


@pytest.mark.alert("UnknownDestination")
async def test_a_destination_that_nobody_has_set_up_is_told_of(watched: Watched) -> None:
    """The catalogue in force names it: what goes there fails, what goes to others is sent."""
    desk, catalogue = watched.desk, _catalogue(watched.desk)
    right = catalogue.read_text()
    named = right.replace(LEADS, f'{LEADS}, "{STRANGER}"')
    catalogue.write_text(named.replace('version = "demo-1"', 'version = "demo-2"'))
    await watched.fires("UnknownDestination")
    await put_on_a_plan(desk)
    await ask(desk, name="unknown")
    await watched.until('sum(notifier_deliveries_total{outcome="failed"}) >= 1')
    await watched.until('sum(increase(notifier_deliveries_total{outcome="failed"}[60s])) > 0')
    unknown, failed, _ = await watched.follow_runbook("UnknownDestination")
    assert numbers(unknown) == [1]
    assert {each.labels["kind"] for each in failed if each.value} == {"breach_alert"}
    catalogue.write_text(right.replace('version = "demo-1"', 'version = "demo-3"'))
    await watched.ends("UnknownDestination")


@pytest.mark.alert("VersionsDiffer")
async def test_an_upgrade_that_was_not_ended_is_told_of(watched: Watched) -> None:
    """One service was left in another version, for longer than an upgrade takes."""
    desk = watched.desk
    desk.stop("intake")
    older = _as_version(ANOTHER, desk.folder / "older")
    desk.start("intake", PYTHONSAFEPATH="1", PYTHONPATH=str(older))
    await watched.fires("VersionsDiffer", within=200)  # two hours, at this pace, are 120 s
    versions, *_ = await watched.follow_runbook("VersionsDiffer")
    found = {(each.labels["job"], each.labels["version"]) for each in versions}
    assert {job for job, version in found if version == ANOTHER} == {"intake"}
    desk.stop("intake")
    desk.start("intake")
    await desk.ready("intake")
    await watched.until(f'careline_build_info{{job="intake",version="{VERSION}"}}')
    await watched.ends("VersionsDiffer")


def _as_version(version: str, folder: Path) -> Path:
    """What runs here, but of another version."""
    for part in ("shared", "services"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, ignore=left_out)
    here = folder / "shared" / "version.py"
    here.write_text(here.read_text().replace(VERSION, version))
    return folder
