"""What is refused whoever sends it, and that a stranger's ticket looks like one that is not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from tests.support.databases import Databases
from tests.support.matrix_asking import FOREIGN, Answer, Asking, ask, judge, numbers
from tests.support.matrix_desk import MatrixDesk, serving_all
from tests.support.matrix_people import GONE, OWNERS, STAFF, TOKEN_STAFF, Who
from tests.support.matrix_table import CLOSED, TABLE, Gets, Row

pytestmark = pytest.mark.asyncio(loop_scope="module")

MISSING = {
    "ticket": UUID(int=0xF001),
    "attachment": UUID(int=0xF002),
    "view": UUID(int=0xF003),
    "answer": UUID(int=0xF004),
}
"""Ids of nothing, by what they would be in paths."""


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


def _named(row: Row) -> list[str]:
    """What of these stands in its path."""
    return [name for name in MISSING if f"{{{name}}}" in row.path]


NAMELESS = frozenset({Gets.SIGN_IN, Gets.NO_TOKEN})
SOME = frozenset({Who.NOBODY, Who.TOKEN_FORGED, Who.LATE_HOLDER})
"""They stand here for all who come in nowhere; test_who_may_what.py asks as everybody."""


def _whom(row: Row, *gets: Gets) -> list[Who]:
    asked = [who for who in Who if row.rule[who] in gets]
    return [who for who in asked if row.rule[who] not in NAMELESS or who in SOME]


@pytest.mark.parametrize("row", [row for row in TABLE if _named(row)], ids=lambda row: row.name)
async def test_what_is_not_theirs_looks_like_what_is_not_there(desk: MatrixDesk, row: Row) -> None:
    """Status, headers and every byte of the body, but for the id that was asked for."""
    there = {row.ids.get(name, name): str(MISSING[name]) for name in _named(row)}
    whom = _whom(row, *CLOSED)
    if "{ticket}" in row.path:  # whose it is may well be told that there is one
        whom = [who for who in whom if who not in OWNERS | STAFF | TOKEN_STAFF]
    real, missing = await _both(desk, row, whom, there)
    assert real == missing


NOTES = [row for row in TABLE if "{attachment}" in row.path and Gets.HIDDEN in row.rule.values()]


@pytest.mark.parametrize("row", NOTES, ids=lambda row: row.name)
async def test_a_file_that_is_not_theirs_looks_like_none(desk: MatrixDesk, row: Row) -> None:
    """In a ticket that they do see."""
    there = {row.ids["attachment"]: str(MISSING["attachment"])}
    real, missing = await _both(desk, row, _whom(row, Gets.HIDDEN), there)
    assert real == missing


async def _both(
    desk: MatrixDesk, row: Row, whom: list[Who], instead: dict[str, str]
) -> tuple[dict[Who, Answer], dict[Who, Answer]]:
    ids = [id_ for name, id_ in desk.ids.items() if name in instead]
    words = [word for id_ in (*ids, *instead.values()) for word in numbers(id_)]
    answers = await asyncio.gather(
        *(ask(desk, row, who) for who in whom),
        *(ask(desk, row, who, Asking(ids=instead)) for who in whom),
    )
    plain = [answer.without(*words) for answer in answers]
    real, missing = plain[: len(whom)], plain[len(whom) :]
    return dict(zip(whom, real, strict=True)), dict(zip(whom, missing, strict=True))


TICKETS = [row for row in TABLE if "{ticket}" in row.path]


@pytest.mark.parametrize("row", TICKETS, ids=lambda row: row.name)
async def test_asking_again_at_once_is_answered_the_same(desk: MatrixDesk, row: Row) -> None:
    """Nothing that is remembered of the first time tells a stranger more."""
    whom = _whom(row, Gets.HIDDEN)
    first = await asyncio.gather(*(ask(desk, row, who) for who in whom))
    again = await asyncio.gather(*(ask(desk, row, who) for who in whom))
    assert first == again


LOOKS = [row for row in TABLE if row.method == "GET"]


@pytest.mark.parametrize("row", LOOKS, ids=lambda row: row.name)
async def test_asking_for_the_head_alone_is_held_to_the_same(desk: MatrixDesk, row: Row) -> None:
    """The same status without a body, for everybody who may not."""
    whom = _whom(row, *CLOSED)
    heads = await asyncio.gather(*(ask(desk, row, who, Asking(method="HEAD")) for who in whom))
    assert [judge(row, head) for head in heads] == [row.rule[who] for who in whom]
    assert {head.body for head in heads} <= {""}


FORMS = [row for row in TABLE if row.takes_form]


@pytest.mark.parametrize("row", FORMS, ids=lambda row: row.name)
async def test_a_form_of_another_page_is_refused(desk: MatrixDesk, row: Row) -> None:
    """Without the proof, with somebody else's, or from another site; and nothing has changed."""
    whom = [
        who
        for who in _whom(row, Gets.IN, Gets.INBOX)
        if desk.brought[who].proof and who not in GONE
    ]
    before = await _standing(desk)
    wrong = [Asking(headers=FOREIGN), Asking(headers={})]
    if row.proven:
        wrong += [Asking(proof=""), Asking(proof="0" * 64)]
        wrong += [Asking(proof=desk.brought[each].proof) for each in (Who.SIGNED_OUT, Who.LEAD)]
    for how in wrong:
        asking = [who for who in whom if how.proof != desk.brought[who].proof]
        answers = await asyncio.gather(*(ask(desk, row, who, how) for who in asking))
        assert [answer.status for answer in answers] == [403] * len(asking), how
    assert await _standing(desk) == before


@pytest.mark.parametrize("row", FORMS, ids=lambda row: row.name)
async def test_who_may_not_changes_nothing(desk: MatrixDesk, row: Row) -> None:
    """Nor does whoever comes from another site without being known."""
    before = await _standing(desk)
    await asyncio.gather(*(ask(desk, row, who) for who in _whom(row, *CLOSED)))
    foreign = await ask(desk, row, Who.NOBODY, Asking(headers=FOREIGN))
    assert judge(row, foreign) in {Gets.SIGN_IN, Gets.FORBIDDEN}
    assert await _standing(desk) == before


async def test_a_view_is_changed_and_deleted_by_whose_it_is(desk: MatrixDesk) -> None:
    """Others are told the same as of what there is not, and it stays."""
    rows = [row for row in FORMS if row.path in {"/views/{view}", "/views/{view}/delete"}]
    before = await _standing(desk)
    for row in rows:
        for who in STAFF - {Who.LEAD}:
            await ask(desk, row, who)
    assert await _standing(desk) == before


TABLES = (
    "threads",
    "messages",
    "attachments",
    "canned_answers",
    "saved_views",
    "default_views",
    "plan_requests",
    "article_votes",
    "links",
    "outbox",
    "people",
    "(SELECT sha256 FROM sessions)",
)


async def _standing(desk: MatrixDesk) -> dict[str, str]:
    """A digest of all that somebody could have changed."""
    async with desk.database.connection() as connection:
        return {
            table: await connection.fetchval(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"  # noqa: S608, E501 - our own names
            )
            for table in TABLES
        }
