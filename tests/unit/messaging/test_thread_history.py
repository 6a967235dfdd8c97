"""The checker of what faults leave behind: it passes what is sound, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid5

import pytest

from shared.envelope import NAMESPACE
from tests.support.thread_history import (
    Answer,
    Followed,
    History,
    Kept,
    Said,
    Unread,
    Written,
    find_faults,
)

TICKETS = [uuid5(NAMESPACE, f"ticket {number}") for number in range(2)]
CUSTOMER, AGENT = "a-customer", "an-agent"
STRANGE = uuid5(NAMESPACE, "strange")
COURSE = [(AGENT, 1), (CUSTOMER, 1), (CUSTOMER, 2), (AGENT, 2), (CUSTOMER, 3)]
"""Who wrote after the request; the agent's second is a note, the customer's third came by mail."""


def _kept(ticket: UUID, sequence: int, author: str, number: int) -> Kept:
    text = f"number {number}"
    message = uuid5(ticket, f"{author} {text}")
    return Kept(ticket, message, sequence, author, text, is_note=(author, number) == (AGENT, 2))


def _thread(ticket: UUID) -> list[Kept]:
    course = [(CUSTOMER, 0), *COURSE]
    return [_kept(ticket, place, *each) for place, each in enumerate(course, 1)]


def _written(kept: Kept) -> Written:
    number = int(kept.text.removeprefix("number "))
    by_page = number and (kept.author, number) != (CUSTOMER, 3)
    answer = Answer(kept.message, kept.sequence) if by_page else None
    return Written(kept.ticket, kept.author, number, kept.text, kept.is_note, answer)


def _said(kept: Kept) -> Said:
    return Said(uuid5(kept.message, "event"), kept)


def sound() -> History:
    """Two threads in which everything went as it should; one event is on the stream twice."""
    kept = [each for ticket in TICKETS for each in _thread(ticket)]
    said = [_said(each) for each in kept if each.sequence > 1]
    public = [each.message for each in _thread(TICKETS[0]) if not each.is_note]
    return History(
        written=[_written(each) for each in kept],
        kept=kept,
        said=[*said[:2], *said],
        followed=[Followed(TICKETS[0], "a page", public)],
        unread=[Unread(TICKETS[0], CUSTOMER, False, 1), Unread(TICKETS[0], "somebody", True, 6)],
        last=dict.fromkeys(TICKETS, 6),
    )


def _lose(history: History) -> None:
    del history.kept[5]
    history.last[TICKETS[0]] = 5


def _double(history: History) -> None:
    again = replace(history.kept[-1], message=STRANGE, sequence=7)
    history.kept.append(again)
    history.said.append(_said(again))
    history.last[TICKETS[1]] = 7


def _keep_what_nobody_wrote(history: History) -> None:
    del history.written[-1]


def _swap_answered(history: History) -> None:
    """An author's two messages, in thread and on the stream alike."""
    for number in (2, 3):
        other = history.kept[5 - number]
        history.kept[number] = replace(history.kept[number], sequence=other.sequence)


def _swap_mails(history: History) -> None:
    """Two that nobody was answered for, wherever they stand."""
    for place in (2, 3):
        history.written[place] = replace(history.written[place], number=5 - place, answer=None)


def _answer_otherwise(history: History) -> None:
    history.written[1] = replace(history.written[1], answer=Answer(STRANGE, 2))


def _show_a_note(history: History) -> None:
    history.written[4] = replace(history.written[4], is_note=False)


def _leave_a_gap(history: History) -> None:
    history.kept[5] = replace(history.kept[5], sequence=7)
    history.written[5] = replace(history.written[5], answer=None)
    history.said = [
        Said(each.event, history.kept[5]) if each.of.message == history.kept[5].message else each
        for each in history.said
    ]
    history.last[TICKETS[0]] = 7


def _count_places_otherwise(history: History) -> None:
    history.last[TICKETS[1]] = 5


def _forget_a_thread(history: History) -> None:
    history.last[STRANGE] = 1


def _do_not_say(history: History) -> None:
    del history.said[-1]


def _say_again_as_another(history: History) -> None:
    history.said.append(replace(history.said[-1], event=STRANGE))


def _say_what_is_not_there(history: History) -> None:
    history.said.append(Said(STRANGE, replace(history.kept[-1], message=STRANGE, sequence=7)))


def _say_another_text_again(history: History) -> None:
    first = history.said[0]
    history.said.append(replace(first, of=replace(first.of, text="something else")))


def _say_another_text(history: History) -> None:
    last = history.said[-1]
    history.said[-1] = replace(last, of=replace(last.of, text="something else"))


def _say_in_another_order(history: History) -> None:
    history.said[-1], history.said[-2] = history.said[-2], history.said[-1]


def _follow(messages: Callable[[list[UUID]], list[UUID]]) -> Callable[[History], None]:
    def spoil(history: History) -> None:
        followed = history.followed[0]
        spoiled = replace(followed, messages=messages(list(followed.messages)))
        history.followed[0] = spoiled

    return spoil


def _show_the_note(history: History) -> None:
    note = next(each.message for each in history.kept if each.is_note)
    followed = history.followed[0]
    history.followed[0] = replace(followed, messages=[*followed.messages, note])


def _count_unread_otherwise(history: History) -> None:
    history.unread[1] = replace(history.unread[1], count=7)


def test_a_sound_history_passes() -> None:
    """What is on the stream twice under one id, and notes that customers miss, are no faults."""
    assert find_faults(sound()) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_lose, "is in its thread 0 times"),
        (_double, "is in its thread 2 times"),
        (_keep_what_nobody_wrote, "nobody wrote"),
        (_swap_answered, "stands before"),
        (_swap_mails, "stands before"),
        (_answer_otherwise, "was taken as"),
        (_show_a_note, "is shown to others"),
        (_leave_a_gap, "the places in"),
        (_count_places_otherwise, "the last place in"),
        (_forget_a_thread, "the last place in"),
        (_do_not_say, "has 0 times"),
        (_say_again_as_another, "has 2 times"),
        (_say_what_is_not_there, "has what is not in the thread"),
        (_say_another_text_again, "and then"),
        (_say_another_text, "has what is not in the thread"),
        (_say_in_another_order, "has another order"),
        (_follow(lambda seen: seen[:-1]), "a page of"),
        (_follow(lambda seen: [*seen, seen[1]]), "a page of"),
        (_follow(lambda seen: seen[::-1]), "has another order"),
        (_show_the_note, "a page of"),
        (_count_unread_otherwise, "unread"),
    ],
)
def test_a_spoiled_history_does_not(spoil: Callable[[History], None], said: str) -> None:
    """Each kind of fault is found, and told."""
    history = sound()
    spoil(history)
    assert any(said in fault for fault in find_faults(history))
