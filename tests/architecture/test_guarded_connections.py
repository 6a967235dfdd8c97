"""Whatever answers a request works on connections that Postgres holds to a visitor's rows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MESSAGING = Path(__file__).parents[2] / "services" / "messaging"
OPENS = frozenset({"transaction", "connection", "snapshot"})
"""How a connection is taken from `Database`; `Guarded` has the first one too, and `reading`."""

# Each stands here with its reason; what stands here in vain fails as well.
DESKS_OWN = {
    "guarded.py": "what guards takes the connections that it guards",
    "upkeep.py": "it answers nobody: it tidies up",
    "articles_folder.py": "it answers nobody: it keeps the folder's articles",
    "erasing.py": "it answers nobody: it takes away what was somebody's, whose tickets they are",
    "privacy_api.py": "admins alone ask, and about everybody",
    "login/sign_ins.py": "sign-ins under way are nobody's yet",
    "login/visitors.py": "it finds out who the visitor is",
    "live/presences.py Presences._step": "who is there is written by the desk alone",
    "live/line.py import asyncpg": "it listens, and reads no row",
    "live/typists.py Typists.tell": "it notifies, and reads no row",
    "pages/opening.py OpeningPages.open": "links are the desk's own; it asks by a link's hash",
    "pages/sign_in.py SignInPages._begin": "sessions are the desk's own; it begins one",
    "pages/sign_in.py SignInPages._end": "sessions are the desk's own; it ends the request's",
    "pages/conversations.py Conversations._here": "customers don't see who has which page open;"
    " what it finds is shown once their ticket was found to be theirs",
    "pages/docs.py Documentation.show_all": "articles are the same for everybody",
    "pages/docs.py Documentation.show_troubleshooting": "articles are the same for everybody",
    "pages/docs.py Documentation.search": "articles are the same for everybody",
    "pages/docs.py Documentation.search_json": "articles are the same for everybody",
    "pages/docs.py Documentation.show_article": "votes are the desk's own; it asks for one's own",
    "pages/docs.py Documentation.say_helped": "votes are the desk's own; it keeps one's own",
}


def opened(source: str) -> Iterator[str]:
    """Where code takes a connection that is not guarded: the names of its functions."""
    yield from _within(ast.parse(source), ())


def _within(node: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        names = (*names, node.name)
    if isinstance(node, ast.Attribute) and node.attr in OPENS and not _is_guarded(node):
        yield ".".join(names)
    if isinstance(node, ast.Import | ast.ImportFrom) and "asyncpg" in ast.unparse(node):
        yield "import asyncpg"
    for child in ast.iter_child_nodes(node):
        yield from _within(child, names)


def _is_guarded(node: ast.Attribute) -> bool:
    """Whether it is `…guarded.transaction`, or a part of a transaction that somebody else began."""
    whose = node.value
    name = whose.attr if isinstance(whose, ast.Attribute) else getattr(whose, "id", "")
    return node.attr == "transaction" and name in {"guarded", "_guarded", "connection"}


def test_nothing_answers_on_a_connection_that_sees_everything() -> None:
    """Except where it stands above, with the reason; `store` runs in its caller's transaction."""
    found = set()
    for path in sorted(MESSAGING.rglob("*.py")):
        file = path.relative_to(MESSAGING).as_posix()
        if not file.startswith("store/"):
            places = {f"{file} {name}" for name in opened(path.read_text(encoding="utf-8"))}
            found |= {file} if places and file in DESKS_OWN else places
    assert found == DESKS_OWN.keys()


def test_the_store_takes_no_connection_by_itself() -> None:
    """It is given one, guarded or not."""
    files = sorted((MESSAGING / "store").glob("*.py"))
    assert files
    taking = [path.name for path in files if "Database" in path.read_text(encoding="utf-8")]
    assert taking == []


@pytest.mark.parametrize(
    "line",
    [
        "async with doors.guarded.database.transaction() as connection: ...",
        "async with self._database.connection() as desk: ...",
        "async with wired.snapshot() as connection: ...",
        "opening = database.transaction",
    ],
)
def test_a_connection_of_the_desk_is_found(line: str) -> None:
    """However it is called."""
    assert list(opened(f"class Page:\n    async def show(self):\n        {line}")) == ["Page.show"]


def test_a_guarded_connection_is_none() -> None:
    """Nor is a savepoint within it."""
    line = "async with self.doors.guarded.transaction(visitor) as connection: ..."
    other = "async with connection.transaction(): ..."
    for each in (line, other, "async with guarded.reading(visitor) as connection: ..."):
        assert list(opened(f"async def show(self):\n    {each}")) == []
