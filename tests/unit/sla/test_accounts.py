"""The account directory: rows in, changes out."""

from datetime import UTC, datetime

import pytest

from services.sla import accounts
from services.sla.accounts import ImportRefusedError, Wish

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-the-tests"
PLANS = ("self-service", "basic", "centurion")


def wishes(text: str) -> list[Wish]:
    """What a CSV file asks for."""
    rows = accounts.read_csv(text)
    return accounts.read_wishes(rows, known_plans=PLANS, pseudonym_secret=SECRET)


def test_a_csv_file_names_accounts_or_addresses() -> None:
    """An address stands for the account of a person; the stream never sees it."""
    one, two = wishes("account,address,plan\nan-account,,basic\n,a@customer.example,centurion\n")
    assert one == Wish("an-account", "basic", None)
    assert two.account.startswith("r-")
    assert "customer" not in two.account


def test_a_byte_order_mark_or_windows_line_ends_are_no_trouble() -> None:
    """Spreadsheets write them."""
    assert wishes("account,plan\r\nan-account,basic\r\n") == [Wish("an-account", "basic", None)]


@pytest.mark.parametrize(
    ("text", "row", "reason"),
    [
        ("account,plan\nx,gold\n", "1", "no such plan"),
        ("account,address,plan\nx,a@b.example,basic\n", "1", "either an account or an address"),
        ("account,plan\n,basic\n", "1", "either an account or an address"),
        ("account,plan\nx,basic\ny,basic,extra\n", "2", "more fields"),
        ("account,plan,since\nx,basic,2026-11-23\n", "1", "since"),
        ("account,plan,colour\nx,basic,red\n", "1", "colour"),
        ("account,plan\nnot an id,basic\n", "1", "account"),
        ("account,plan,since\nx,basic,0001-01-01T00:00:00+14:00\n", "1", "since"),
        ("", "1", "no header"),
        (f"account,plan\n{'x' * 200_000},basic\n", "1", "no CSV"),
    ],
)
def test_a_wrong_row_refuses_the_import_and_is_named(text: str, row: str, reason: str) -> None:
    """Nothing is imported by halves; the refusal says which row and why."""
    with pytest.raises(ImportRefusedError) as refused:
        wishes(text)
    (problem,) = refused.value.problems
    assert problem["row"] == row
    assert reason in problem["detail"]


def test_an_account_that_is_on_its_plan_already_is_left_alone() -> None:
    """The same import twice changes nothing the second time."""
    asked = [Wish("a", "basic", None), Wish("b", "basic", None)]
    changes = accounts.decide_changes(asked, ["basic", None], changed_by="x", now=NOW)
    assert [(change.account, change.previous) for change in changes] == [("b", None)]


def test_the_last_of_two_wishes_for_one_account_counts() -> None:
    """Each change knows the plan before it."""
    asked = [Wish("a", "basic", None), Wish("a", "centurion", None)]
    changes = accounts.decide_changes(asked, [None, None], changed_by="x", now=NOW)
    assert [(change.plan, change.previous) for change in changes] == [
        ("basic", None),
        ("centurion", "basic"),
    ]


def test_a_change_is_said_once_however_often_it_is_asked_for() -> None:
    """The same account, plan and date give the same event."""
    asked = [Wish("a", "basic", NOW)]
    first, second = (
        accounts.plan_changed(accounts.decide_changes(asked, [None], changed_by=who, now=NOW)[0])
        for who in ("one", "two")
    )
    assert first.id == second.id
    assert first.subject == "a"
