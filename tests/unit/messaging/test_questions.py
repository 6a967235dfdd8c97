"""What people type, made ready to be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging import questions
from services.messaging.questions import ask, nearest, slips


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("  due \n time ", "due time"),
        ("a\x00b", "a b"),
        ("half \ud800 one", "half one"),
        ("------", ""),
        ("mail -link", "mail -link"),
        ("mail - link", "mail link"),
        ("follow-up", "follow-up"),
        ("", ""),
    ],
)
def test_a_question_is_words_on_one_line(typed: str, asked: str) -> None:
    """Without what no database takes; a minus stands before a word or inside one."""
    assert ask(typed).text == asked


def test_a_question_has_limits() -> None:
    """So that nobody can make the search expensive."""
    assert len(ask("x" * 1000).text) == questions.LONGEST
    assert len(ask("word " * 1000).words) == 1
    assert ask("a b " * 1000).text.count(" ") == questions.MOST_WORDS - 1


@pytest.mark.parametrize(
    ("typed", "before", "beginning"),
    [
        ("sending attachm", "sending", "attachm"),
        ("ATT", "", "att"),
        ("a", "a", ""),
        ("mail -link", "mail -link", ""),
        ('"due time"', '"due time"', ""),
        ("", "", ""),
    ],
)
def test_the_last_word_may_be_the_beginning_of_one(typed: str, before: str, beginning: str) -> None:
    """Not one that is taken out or stands in quotes, and not a single letter."""
    question = ask(typed)
    assert (question.before, question.beginning) == (before, beginning)


def test_short_words_and_figures_are_not_doubted() -> None:
    """They are like too many others."""
    assert ask("the 2026 upgarde 2FAx").doubtful == ("upgarde",)


def test_words_are_replaced_where_they_stand() -> None:
    """What joins them stays."""
    meant = ask('"Atachment limits" -atachment').corrected({"atachment": "attachment"})
    assert meant.text == '"attachment limits" -attachment'


@pytest.mark.parametrize(
    ("one", "other", "amount"),
    [
        ("holiday", "holiday", 0),
        ("holidya", "holiday", 1),
        ("atachment", "attachment", 1),
        ("mail", "nail", 1),
        ("mails", "mail", 1),
        ("kitten", "sitting", 3),
        ("", "abc", 3),
    ],
)
def test_slips_are_counted(one: str, other: str, amount: int) -> None:
    """A letter missing, too many, wrong, or swapped with its neighbour is one; both ways."""
    assert slips(one, other) == slips(other, one) == amount


def test_the_nearest_word_was_meant() -> None:
    """Of several that are as near the first; none if none is near."""
    assert nearest("upgarde", ["update", "upgrade"]) == "upgrade"
    assert nearest("mial", ["mall", "mail"]) == "mail"
    assert nearest("mbil", ["mail", "mobil"]) == "mail"
    assert nearest("chat", ["what time"]) is None
    assert nearest("xylophone", []) is None


@given(st.text(max_size=12), st.text(max_size=12))
def test_slips_are_no_more_than_letters(one: str, other: str) -> None:
    """And none only between words that are the same."""
    amount = slips(one, other)
    assert abs(len(one) - len(other)) <= amount <= max(len(one), len(other))
    assert (amount == 0) == (one == other)


@given(st.text())
def test_every_question_can_be_asked(typed: str) -> None:
    """Whatever it is, within its limits, and asked again it is the same."""
    question = ask(typed)
    assert len(question.text) <= questions.LONGEST
    assert ask(question.text).text == question.text
