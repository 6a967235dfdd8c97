"""The account directory: rows in, changes out."""

from datetime import UTC, datetime, timedelta

import pytest

from services.sla import accounts
from services.sla.accounts import (
    ImportRefusedError,
    InForce,
    PlanChange,
    Wish,
    decide_changes,
    plan_facts,
)
from services.sla.plans_said import Schedule, changes_told, plan_changed, plans_changed
from shared.envelope import NAMESPACE, derive_id
from shared.events import PlanChanged, read, write

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
LONG_AGO = NOW - timedelta(days=900)
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
        ("account,plan\nx,basic\nx,centurion\n", "2", "same date"),
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


def in_force(plan: str, since: datetime = LONG_AGO) -> InForce:
    """What counts for an account."""
    return InForce(plan, derive_id(NAMESPACE, plan, str(since)), since)


def test_an_account_that_is_on_its_plan_already_is_left_alone() -> None:
    """The same import twice changes nothing the second time."""
    asked = [Wish("a", "basic", None), Wish("b", "basic", None)]
    changes = decide_changes(asked, [in_force("basic"), None], changed_by="x", now=NOW)
    assert [(change.account, change.previous) for change in changes] == [("b", None)]


def test_a_row_counts_after_the_rows_before_it() -> None:
    """A dated row changes what counts now; the next row has to put that right."""
    asked = [Wish("a", "basic", YESTERDAY), Wish("a", "starter", None)]
    kept = in_force("starter")
    changes = decide_changes(asked, [kept, kept], changed_by="x", now=NOW)
    assert [(change.plan, change.previous) for change in changes] == [
        ("basic", "starter"),
        ("starter", "basic"),
    ]


def test_a_mistake_is_put_right_under_the_same_date() -> None:
    """Basic, then centurion, then basic again, all since yesterday: three changes."""
    ids = set()
    kept: InForce | None = None
    for plan in ("basic", "centurion", "basic"):
        wish = Wish("a", plan, YESTERDAY)
        (change,) = decide_changes([wish], [kept], changed_by="x", now=NOW)
        ids.add(change.id)
        kept = InForce(change.plan, change.id, change.since)
        assert decide_changes([wish], [kept], changed_by="x", now=NOW) == []
    assert len(ids) == 3


def test_a_change_is_said_once_however_often_it_is_asked_for() -> None:
    """The same account, plan and date give the same event."""
    asked = [Wish("a", "basic", NOW)]
    first, second = (
        plan_changed(decide_changes(asked, [None], changed_by=who, now=NOW)[0])
        for who in ("one", "two")
    )
    assert first.id == second.id
    assert first.subject == "a"


def changed(plan: str, since: float, entered: float) -> PlanChange:
    """A change that counts from an hour on, entered at an hour."""
    id_ = derive_id(NAMESPACE, plan, str(since), str(entered))
    hour = timedelta(hours=1)
    return PlanChange(id_, "a", plan, None, NOW + since * hour, "x", NOW + entered * hour)


def told(*changes: PlanChange, slotted_by: PlanChange | None = None) -> list[tuple[str, float]]:
    """Which plans a ticket of noon hears of, and how many hours after that."""
    slot = slotted_by.id if slotted_by else None
    facts = plan_facts(changes, opened_at=NOW, slotted_by=slot)
    return [(fact.value, (fact.at - NOW) / timedelta(hours=1)) for fact in facts]


def test_of_changes_that_begin_together_the_last_one_entered_counts() -> None:
    """A change of the future was put right before it began: nobody was ever on the wrong plan."""
    wrong, right = changed("centurion", since=5, entered=1), changed("basic", since=5, entered=2)
    assert told(wrong, right) == told(right, wrong) == [("basic", 5)]


def test_a_history_that_is_entered_at_once_comes_to_its_latest_plan() -> None:
    """Centurion since January and starter since June, both entered today: starter."""
    january, june = changed("centurion", -8000, 1), changed("starter", -4000, 1)
    assert told(june, january) == [("starter", 1)]


def test_a_change_overtaken_before_it_took_effect_changes_nothing() -> None:
    """Entered later, but for an earlier time than what counts by then."""
    assert told(changed("basic", 2, 1), changed("centurion", 1, 3)) == [("basic", 2)]


def test_what_a_ticket_was_slotted_by_is_not_told_again() -> None:
    """Neither that change, nor what it had overtaken."""
    older, slot = changed("starter", -50, -50), changed("basic", -40, -40)
    assert told(older, slot, slotted_by=slot) == []
    assert told(older, slot, changed("centurion", 3, 3), slotted_by=slot) == [("centurion", 3)]


def test_a_change_that_the_slot_missed_counts_from_the_opening() -> None:
    """It was entered after the slot, by a machine whose clock is behind."""
    slot, missed = changed("starter", -50, -50), changed("basic", -0.1, -0.1)
    assert told(slot, missed, slotted_by=slot) == [("basic", 0)]
    assert told(missed) == [("basic", 0)]


def _change(plan: str, since: datetime, *, account: str = "an-account") -> PlanChange:
    """An agent had an account put onto a plan."""
    id_ = derive_id(NAMESPACE, account, plan, str(since))
    request = derive_id(id_, "request")
    return PlanChange(id_, account, plan, "starter", since, "an-agent", NOW, request)


def test_the_last_record_of_an_account_tells_of_all_its_plans() -> None:
    """Whoever reads only that one knows what counts now, though the last change is yet to begin."""
    now, later = _change("basic", NOW), _change("centurion", NOW + timedelta(days=9))
    said = plan_changed(later, Schedule([now, later], 3, [now.id]))
    event = read(write(said))
    assert isinstance(event, PlanChanged)
    assert event.data.plans is not None
    begun = [entry.plan for entry in event.data.plans if entry.since <= NOW]
    assert (begun, event.data.plans_left_out, event.data.answered) == (["basic"], 3, (now.id,))
    assert changes_told(event) == [now, later]


def test_of_changes_that_are_made_together_the_last_of_each_account_tells_of_all() -> None:
    """An import of thousands of rows for one account would say all of them thousands of times."""
    one, two = _change("basic", LONG_AGO), _change("centurion", NOW)
    other = _change("basic", NOW, account="another-account")
    schedules = {"an-account": Schedule([one, two]), "another-account": Schedule([other])}
    said = plans_changed([one, other, two], schedules)
    told = [event.data.plans and [entry.plan for entry in event.data.plans] for event in said]
    assert told == [None, ["basic"], ["basic", "centurion"]]
    assert changes_told(said[0]) == [one]
