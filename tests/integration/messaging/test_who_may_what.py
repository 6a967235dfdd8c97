"""Each route of messaging, asked by everybody: who comes in, and what anybody is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.routing import Route

from tests.support.databases import Databases
from tests.support.matrix_asking import Answer, ask_all, judge
from tests.support.matrix_desk import MatrixDesk, serving_all
from tests.support.matrix_people import Who
from tests.support.matrix_secrets import to_be_told, told
from tests.support.matrix_table import TABLE, Gets, Row

pytestmark = pytest.mark.asyncio(loop_scope="module")

Answers = dict[Who, Answer]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(
    databases: Databases, migrations: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MatrixDesk]:
    """All routes, and everybody who comes to them."""
    async with (
        databases.fresh(migrations) as dsn,
        serving_all(dsn, tmp_path_factory.mktemp("keys")) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def kept() -> dict[str, Answers]:
    """What was answered: each row is asked once."""
    return {}


async def _answers(desk: MatrixDesk, row: Row, kept: dict[str, Answers]) -> Answers:
    if row.name not in kept:
        kept[row.name] = await ask_all(desk, row)
    return kept[row.name]


async def test_each_route_has_been_decided_about(desk: MatrixDesk) -> None:
    """A new one fails this until it stands in the table."""
    routes = desk.application.routes
    assert [route for route in routes if not isinstance(route, Route)] == []
    served = {
        (method, route.path)
        for route in routes
        if isinstance(route, Route)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    assert served == {(row.method, row.path) for row in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_everybody_gets_what_the_table_says(
    desk: MatrixDesk, row: Row, kept: dict[str, Answers]
) -> None:
    """By token, session or link; those that hold no longer are nothing."""
    answers = await _answers(desk, row, kept)
    assert {who: judge(row, answer) for who, answer in answers.items()} == dict(row.rule)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_nobody_is_told_what_is_not_theirs(
    desk: MatrixDesk, row: Row, kept: dict[str, Answers]
) -> None:
    """In no page, document, stream, file or header."""
    answers = await _answers(desk, row, kept)
    found = {who: told(row, who, answer, desk.ids) for who, answer in answers.items()}
    assert {who: words for who, words in found.items() if words} == {}


async def test_there_was_something_to_be_told(desk: MatrixDesk, kept: dict[str, Answers]) -> None:
    """Whoever may does find the words, so that it means something that others don't."""
    texts: dict[Who, str] = dict.fromkeys(Who, "")
    for row in TABLE:
        for who, answer in (await _answers(desk, row, kept)).items():
            texts[who] += answer.text
    missed = {who: {word for word in to_be_told(who) if word not in texts[who]} for who in Who}
    assert {who: words for who, words in missed.items() if words} == {}


STREAMS = [row for row in TABLE if row.streams]


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row.name)
async def test_streams_have_told_what_there_is(
    desk: MatrixDesk, row: Row, kept: dict[str, Answers]
) -> None:
    """Each has sent a change of its page, so that its words were among those looked through."""
    answers = await _answers(desk, row, kept)
    silent = [
        who
        for who, answer in answers.items()
        if row.rule[who] is Gets.IN and "event: patch" not in answer.text
    ]
    assert silent == []
