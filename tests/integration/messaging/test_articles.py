"""Articles in a real database: what is kept, what is found, and how it is shown."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.messaging.articles_folder import ArticlesFolder
from services.messaging.store import articles as store
from services.messaging.store.article_search import Marked
from shared.database import Database
from tests.support.documentation import NOW, article, find, keep, shipped
from tests.support.waiting import until


async def slugs(database: Database, text: str) -> list[str]:
    """What a question finds, the best first."""
    return [hit.slug for hit in (await find(database, text)).hits]


def joined(marked: Marked) -> str:
    """A marked text with brackets around what was looked for."""
    return "".join(f"[{text}]" if is_hit else text for text, is_hit in marked)


@pytest.fixture
async def documented(database: Database) -> Database:
    """A database that has the shipped articles."""
    await keep(database, shipped())
    return database


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("upgrade", "upgrading"),
        ("response time", "due-times"),
        ("weekend", "unexpected-due-times"),
        ("attachments", "attachments"),
        ("files too large", "attachments"),
        ("no acknowledgement", "no-acknowledgement"),
        ("reply by mail went missing", "mail-reply-missing"),
        ("link expired", "link-does-not-open"),
        ("chat reconnecting", "chat-reconnecting"),
        ("sign in", "signing-in-and-links"),
        ("merging", "agents-merging"),
        ("platinum", "what-the-plans-promise"),
        ("who is there", "chat"),
        ('"internal notes"', "agents-notes"),
    ],
)
async def test_the_best_article_stands_first(documented: Database, text: str, best: str) -> None:
    """Among the articles about this desk itself, by what people would type."""
    assert (await slugs(documented, text))[0] == best


async def test_a_title_goes_before_a_keyword_before_a_summary_before_the_body(
    database: Database,
) -> None:
    """Also if a body has a word nine times."""
    await keep(
        database,
        [
            article("d-body", source="A weasel is small. " * 9, title="One"),
            article("c-heading", source="# Weasel\nIt is small.", title="Two"),
            article("c-summary", summary="About a weasel.", title="Three"),
            article("b-keyword", keywords=("weasel",), title="Four"),
            article("a-title", title="Weasel"),
        ],
    )
    found = await slugs(database, "weasel")
    assert (found[0], found[1], found[-1]) == ("a-title", "b-keyword", "d-body")
    assert set(found[2:4]) == {"c-heading", "c-summary"}


@pytest.mark.parametrize("typed", ["at", "attac", "attachme", "sending attachm"])
async def test_a_word_is_found_while_it_is_typed(documented: Database, typed: str) -> None:
    """The last one may be the beginning of one, from two letters on."""
    assert "attachments" in await slugs(documented, typed)


async def test_a_beginning_counts_at_the_end_alone(documented: Database) -> None:
    """What stands before it was typed to its end."""
    found = await find(documented, "attac limits")
    assert found.loosely or found.is_corrected or not found.total


@pytest.mark.parametrize(
    ("typed", "meant", "best"),
    [
        ("atachment", "attachment", "attachments"),
        ("acknowlegement", "acknowledgement", "no-acknowledgement"),
        ("keybaord", "keyboard", "agents-inbox"),
        ("upgarde my plan", "upgrade my plan", "upgrading"),
        ("holidya", "holiday", "unexpected-due-times"),
    ],
)
async def test_what_was_mistyped_is_found_as_it_was_meant(
    documented: Database, typed: str, meant: str, best: str
) -> None:
    """With the word that was meant, which is said."""
    found = await find(documented, typed)
    assert found.is_corrected
    assert found.corrected == found.asked == meant
    assert found.hits[0].slug == best


async def test_what_is_like_nothing_is_not_corrected(documented: Database) -> None:
    """Nothing is found, and nothing suggested."""
    found = await find(documented, "xylophone quagga")
    assert (found.total, found.corrected) == (0, None)


async def test_where_nothing_has_all_words_some_are_enough(documented: Database) -> None:
    """As people describe a problem in whole sentences; which is said."""
    found = await find(documented, "my screenshot is green and sad since yesterday")
    assert found.loosely
    assert found.hits[0].slug == "attachments"


async def test_what_was_found_is_marked(documented: Database) -> None:
    """In the title and in the sentences around it, as it bends and as it was begun."""
    (hit, *_) = (await find(documented, "upgrades")).hits
    assert joined(hit.marked_title) == "[Upgrading] your plan"
    assert "[upgrade]" in joined(hit.headline)
    (hit, *_) = (await find(documented, "weeken")).hits
    assert "[weekends]" in joined(hit.headline) or hit.slug == "unexpected-due-times"


async def test_what_stands_in_an_article_is_shown_as_it_stands(database: Database) -> None:
    """Code of pages is words like others, here and in a title."""
    hostile = "A `<script>` & <mark>marked</mark> weasel: `</html>`."
    await keep(database, [article("a", title="<i>Weasel</i>", source=hostile)])
    (hit,) = (await find(database, "weasel")).hits
    assert joined(hit.marked_title) == "<i>[Weasel]</i>"
    assert "<mark>marked</mark> [weasel]: </html" in joined(hit.headline)
    assert (await find(database, "script")).total == 1


async def test_results_come_in_pages(documented: Database) -> None:
    """Each article once, and how many there are in all."""
    whole = await find(documented, "request")
    first = await find(documented, "request", limit=3)
    second = await find(documented, "request", limit=3, offset=3)
    assert first.total == second.total == whole.total > 6
    found = [hit.slug for hit in (*first.hits, *second.hits)]
    assert found == [hit.slug for hit in whole.hits[:6]]


PIECES = [
    "-",
    '"',
    "or",
    " ",
    "attachment",
    "a",
    "'",
    "\\",
    ":*",
    "&",
    "|",
    "!",
    "(",
    ")",
    "<->",
    "%",
]


@given(st.text(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=120).map("".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("a\x00b")
@example("\ud800")
@example("'")
@example("' or 1=1 --")
@example('"""" -- -"" or or')
@example('a\' & b | !(c <-> "d" :* \\')
@example("ﬁ ①² ß İ ŉ")
@example("x:*")
@example("-" * 400)
@example("or")
@example("word " * 500)
@example("🙂🙂")
async def test_no_question_breaks_the_search(documented: Database, text: str) -> None:
    """Whatever is typed, pasted or made up by a machine."""
    found = await find(documented, text)
    assert found.total >= len(found.hits)


async def test_only_what_is_different_is_written(database: Database) -> None:
    """What stays keeps the day on which it changed; what is gone is gone, words and all."""
    later = NOW + timedelta(days=1)
    assert await keep(database, [article("one"), article("two", title="Weasels")]) == 2
    assert await keep(database, [article("one"), article("two", title="Weasels")], later) == 0
    assert await keep(database, [article("one", summary="Other words.")], later) == 2
    async with database.connection() as connection:
        one = await store.read_article(connection, "one")
        words = {row["word"] for row in await connection.fetch("SELECT word FROM article_words")}
    assert one is not None
    assert one.changed_at == later
    assert "weasels" not in words
    assert {"other", "exports", "csv"} <= words


async def test_near_articles_are_those_with_the_same_words(documented: Database) -> None:
    """By titles, keywords, summaries; never the article itself."""
    async with documented.connection() as connection:
        related = [each.slug for each in await store.list_related(connection, "due-times")]
        none = await store.list_related(connection, "no-such-article")
    assert "unexpected-due-times" in related
    assert "due-times" not in related
    assert len(related) <= 3
    assert none == []


async def test_no_title_breaks_the_search_for_near_articles(database: Database) -> None:
    """Whatever stands in it."""
    titles = ["It's C:\\temp\\'x' & | ! :* (a)", "http://x.example/a\\b?c='d'", "<->", "x"]
    await keep(database, [article(f"a-{at}", title=title) for at, title in enumerate(titles)])
    async with database.connection() as connection:
        for at in range(len(titles)):
            assert len(await store.list_related(connection, f"a-{at}")) == 3


def file(title: str, more: str = "") -> str:
    """A file of an article."""
    return f'+++\ntitle = "{title}"\nsummary = "It is about this."\n{more}+++\nSome words.\n'


async def test_the_folder_is_followed_as_it_changes(database: Database, tmp_path: Path) -> None:
    """A change counts once it stands still and all of it is right; until then all stays."""
    path = tmp_path / "first.md"
    path.write_text(file("Stoat"), encoding="utf-8")
    folder = ArticlesFolder(tmp_path, lambda: NOW)
    folder.load()
    await folder.keep(database)

    async def after_two_looks() -> list[str]:
        for _ in range(2):
            before = await listed(database)
            await folder.look()
            await folder.keep(database)
        del before
        return await listed(database)

    assert await listed(database) == ["Stoat"]
    path.write_text(file("Weasel"), encoding="utf-8")
    await folder.look()
    await folder.keep(database)
    assert await listed(database) == ["Stoat"]
    assert await after_two_looks() == ["Weasel"]
    (tmp_path / "second.md").write_text(file("Badger", "odd = 1\n"), encoding="utf-8")
    assert await after_two_looks() == ["Weasel"]
    assert REGISTRY.get_sample_value("thread_articles_refused") == 1
    (tmp_path / "second.md").write_text(file("Badger"), encoding="utf-8")
    assert await after_two_looks() == ["Badger", "Weasel"]
    assert REGISTRY.get_sample_value("thread_articles_refused") == 0
    path.unlink()
    assert await after_two_looks() == ["Badger"]


async def listed(database: Database) -> list[str]:
    """The titles that are kept."""
    async with database.connection() as connection:
        return sorted(each.title for each in await store.list_articles(connection))


async def test_two_replicas_keep_one_set(database: Database, tmp_path: Path) -> None:
    """Both start at once with the same folder; both follow its change; nothing is there twice."""
    (tmp_path / "first.md").write_text(file("Stoat"), encoding="utf-8")
    folders = [ArticlesFolder(tmp_path, lambda: NOW) for _ in range(2)]
    for folder in folders:
        folder.load()
    workers = [folder.worker(database) for folder in folders]
    for worker in workers:
        await worker.start()
    try:
        await until(lambda: _is_listed(database, ["Stoat"]), what="the articles are kept")
        (tmp_path / "first.md").write_text(file("Weasel"), encoding="utf-8")
        (tmp_path / "second.md").write_text(file("Badger"), encoding="utf-8")
        await until(lambda: _is_listed(database, ["Badger", "Weasel"]), what="the change is kept")
        assert [worker.ready() for worker in workers] == [None, None]
    finally:
        for worker in workers:
            await worker.stop()
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT word, articles FROM article_words")
    amounts = {row["word"]: row["articles"] for row in rows}
    assert amounts["words"] == 2
    assert "stoat" not in amounts


async def _is_listed(database: Database, titles: list[str]) -> bool:
    return await listed(database) == titles
