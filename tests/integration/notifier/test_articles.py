"""Articles that fit a subject: the shipped file, on a real database."""

import json
from pathlib import Path

import pytest

from services.notifier import store
from services.notifier.articles import Shelf, ask, parse_articles
from services.notifier.articles_file import ArticlesFile
from shared.database import Database
from tests.support import said
from tests.support.notifier_rows import deliveries, hear
from tests.support.waiting import until

SHIPPED = Path(__file__).parents[3] / "deploy" / "articles.toml"
DOCUMENTATION = "https://docs.example"
ONE = '[articles.a]\ntitle = "Exports"\nurl = "/{}"\nlanguage = "en"\nsummary = "All of it."\n'


@pytest.fixture
async def shelved(database: Database) -> Database:
    """A database that has the shipped articles."""
    text = SHIPPED.read_text(encoding="utf-8")
    await keep(database, parse_articles(text, "articles.toml", documentation=DOCUMENTATION))
    return database


async def keep(database: Database, shelf: Shelf) -> bool:
    """Replace the articles."""
    async with database.transaction() as connection:
        return await store.replace_articles(connection, shelf)


async def found(database: Database, subject: str, locale: str | None = "en") -> list[str]:
    """Paths of what fits, the best first."""
    async with database.connection() as connection:
        (fitting,) = await store.find_articles(connection, [ask(subject, locale)])
    return [article["url"].removeprefix(DOCUMENTATION) for article in fitting]


@pytest.mark.parametrize(
    ("subject", "locale", "best"),
    [
        ("By when do you answer? What is the deadline?", "en", "/due-times"),
        ("Is my request overdue because of the holiday?", "en-GB", "/unexpected-due-times"),
        ("can't log in", "en", "/signing-in-and-links"),
        ("I forgot my password", "en", "/signing-in-and-links"),
        ("Screenshot too large for upload", "en", "/attachments"),
        ("We want to upgrade to a higher plan", "en", "/upgrading"),
        ("No confirmation email, nothing in the spam folder", "en", "/no-acknowledgement"),
        ("Anhänge lassen sich nicht hochladen", "de-AT", "/attachments"),
        ("Ich habe mein Kennwort vergessen", "de", "/signing-in-and-links"),
        ("No encuentro el acuse de recibo", "es-MX", "/no-acknowledgement"),
        ("He olvidado la contraseña", "es", "/signing-in-and-links"),
    ],
)
async def test_the_best_article_for_a_subject(
    shelved: Database, subject: str, locale: str, best: str
) -> None:
    """Words are compared by their stems, in the customer's language; three at the most."""
    fitting = await found(shelved, subject, locale)
    assert fitting[0] == best
    assert len(fitting) <= 3


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "Help!",
        "It does not work",
        "Something looks wrong",
        "Can't create a project",
        "How do I change the colours?",
        "???",
        "or",
        "Question about the weather in the mountains",
        'a\' & b | !(c <-> "d" :* \\',
    ],
)
async def test_for_some_subjects_there_is_none(shelved: Database, subject: str) -> None:
    """Rather none than one that doesn't fit; and no subject breaks the search."""
    assert await found(shelved, subject) == []


async def test_where_none_fits_in_the_own_language_there_is_english(shelved: Database) -> None:
    """Also for a language in which there are no articles."""
    assert (await found(shelved, "Chat offline", "de"))[0] == "/chat-reconnecting"
    assert (await found(shelved, "upload screenshot", "fr"))[0] == "/attachments"
    assert (await found(shelved, "upload screenshot", None))[0] == "/attachments"


async def test_every_question_of_a_batch_has_its_own_answer(shelved: Database) -> None:
    """In order, those without any in between."""
    questions = [ask("attachment", "en"), ask("weather", "en"), ask("Anmeldung", "de")]
    async with shelved.connection() as connection:
        fitting = await store.find_articles(connection, questions)
    assert [[a["title"] for a in each][:1] for each in fitting] == [
        ["Attachments and their limits"],
        [],
        ["Signing in, and links in mails"],
    ]


async def test_an_acknowledgement_names_what_fits_its_subject(database: Database) -> None:
    """Title and address are kept with the delivery; the subject is not."""
    text = ONE.format("work").replace("Exports", "When it does not work")
    await keep(database, parse_articles(text, "articles.toml", documentation=DOCUMENTATION))
    await hear(database, said.ticket_created())
    (row,) = await deliveries(database, "acknowledgement")
    expected = {"title": "When it does not work", "url": f"{DOCUMENTATION}/work"}
    assert json.loads(row["facts"]) == {"articles": [expected]}


async def test_the_same_file_is_written_once(database: Database) -> None:
    """By the hash of its content; other content replaces all of it."""
    shelves = [
        parse_articles(ONE.format(path), "articles.toml", documentation=DOCUMENTATION)
        for path in ("one", "two")
    ]
    assert [await keep(database, shelf) for shelf in (shelves[0], shelves[0], shelves[1])] == [
        True,
        False,
        True,
    ]
    assert await found(database, "exports") == ["/two"]
    assert await keep(database, Shelf({}))
    assert not await keep(database, Shelf({}))


async def test_the_file_is_followed_as_it_changes(database: Database, tmp_path: Path) -> None:
    """A change counts once it stands still and is right; a wrong file changes nothing."""
    path = tmp_path / "articles.toml"
    path.write_text(ONE.format("one"), encoding="utf-8")
    file = ArticlesFile(path, documentation=DOCUMENTATION)
    file.load()
    await file.keep(database)
    for text, after in [
        (ONE.format("two"), ["/two"]),
        (ONE.format("two") + "odd = 1\n", ["/two"]),
        (ONE.format("three"), ["/three"]),
    ]:
        path.write_text(text, encoding="utf-8")
        before = await found(database, "exports")
        await file.look()
        await file.keep(database)
        assert await found(database, "exports") == before
        await file.look()
        await file.keep(database)
        assert await found(database, "exports") == after
    path.unlink()
    for _ in range(2):
        await file.look()
        await file.keep(database)
    assert await found(database, "exports") == ["/three"]


async def test_the_worker_keeps_what_was_loaded(database: Database) -> None:
    """The shipped file, as the service starts with it."""
    file = ArticlesFile(SHIPPED, documentation=DOCUMENTATION)
    file.load()
    worker = file.worker(database)
    await worker.start()
    try:
        await until(lambda: found(database, "attachments"), what="the articles are kept")
    finally:
        await worker.stop()
