"""Which words whom must not be told of."""

from tests.support.matrix_asking import Answer, numbers
from tests.support.matrix_desk import DESKS, INNER, OTHER_WORDS, SPARE_WORDS, WORDS
from tests.support.matrix_people import (
    ASSIGNEE,
    OWNERS,
    STAFF,
    TOKEN_STAFF,
    Who,
)
from tests.support.matrix_table import Row

TEAM = frozenset({Who.CUSTOMER, Who.TOKEN_CUSTOMER})
"""They see all tickets of the account."""
NEIGHBOURS = frozenset({Who.STRANGER, Who.OTHER_HOLDER, Who.TOKEN_STRANGER})
"""Whose ticket the other one is."""


def secrets(who: Who, ids: dict[str, str]) -> set[str]:
    """Words that stand in no answer to them, in small letters."""
    if who in STAFF | TOKEN_STAFF:
        return set() if who is Who.LEAD else {"kookaburra"}
    kept = {*INNER, *DESKS, ids["note"], ids["note file"], ids["view"], ids["answer"]}
    if who not in TEAM:
        kept |= {*SPARE_WORDS, *numbers(ids["spare"], ids["into"], ids["linked"])}
    if who not in OWNERS:
        kept |= {*WORDS, *numbers(ids["ticket"]), ids["public"], ids["public file"]}
    if who not in NEIGHBOURS:
        kept |= {*OTHER_WORDS, *numbers(ids["other"]), ids["foreign file"]}
    return {word.lower() for word in kept}


def told(row: Row, who: Who, answer: Answer, ids: dict[str, str]) -> set[str]:
    """What an answer tells whom it should not; what the request itself said is no news."""
    asked = answer.asked.lower()
    known = {ids["ticket"]} if row.path == "/open/{token}" else set()  # that is what a link is for
    if who is Who.UNPROVED:
        known.add("numbat")  # so they say themselves
    return {word for word in secrets(who, ids) - known if word not in asked and word in answer.text}


def to_be_told(who: Who) -> set[str]:
    """What there is to be found, so that looking for the rest means something."""
    if who in STAFF:
        return {*WORDS, *INNER, *SPARE_WORDS, "cassowary", "rosella"}
    if who in TOKEN_STAFF:
        return {*WORDS, "platypus", "echidna", "bandicoot", "taipan", ASSIGNEE.subject, "rosella"}
    if who in TEAM:
        return {"quokka", "wombat", "dingo", "galah", *SPARE_WORDS}
    if who in OWNERS:
        return {"quokka", "wombat", "dingo", "galah"}
    return {"rosella"} if who in NEIGHBOURS else set()
