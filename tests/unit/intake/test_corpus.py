"""Mails as people, programs and servers write them: each comes to what the table says."""

import tomllib
from uuid import UUID

import pytest

from services.intake.mail.reading import Mail, read_mail
from services.intake.mail.rules import Bounce, NewTicket, RefusedMail, Reply
from services.intake.mail.text import split_quoted
from tests.support.mails import DELIVERY, LIMITS, MAILS, TICKET, Case, cases

CASES = cases()
OUTCOMES = {NewTicket: "ticket", Reply: "reply", Bounce: "bounce", RefusedMail: "refused"}
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
taken = pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.expected["outcome"] in {"ticket", "reply"}],
    ids=lambda case: case.name,
)


def read(case: Case) -> Mail:
    """The mail of a case."""
    return read_mail(case.content, limits=LIMITS)


def test_every_mail_has_its_line_and_every_line_its_mail() -> None:
    """Nothing is left out of the table, and it has no more than there is."""
    table = tomllib.loads((MAILS / "outcomes.toml").read_text(encoding="utf-8"))
    assert {case.name for case in CASES} == table.keys()
    assert len(CASES) >= 60


@each
def test_a_mail_comes_to_what_its_line_says(case: Case) -> None:
    """Ticket, reply, bounce or refused, with all that the table names."""
    judgement, expected = case.judgement, case.expected
    assert OUTCOMES[type(judgement)] == expected["outcome"]
    match judgement:
        case NewTicket():
            assert judgement.is_automatic == expected.get("automatic", False)
            assert (judgement.continues == TICKET) == expected.get("continues", False)
            assert judgement.queue == expected.get("queue", "support")
            assert judgement.locale == expected.get("locale", "en")
        case Reply():
            assert judgement.ticket == TICKET
            assert judgement.proof == expected["proof"]
            assert judgement.is_automatic == expected.get("automatic", False)
        case Bounce():
            assert judgement.ticket == TICKET
            assert judgement.address == expected["address"]
            assert judgement.is_permanent == expected["permanent"]
            assert judgement.status == expected.get("status", judgement.status)
            assert judgement.delivery == (DELIVERY if expected["delivery"] else None)
        case RefusedMail():
            assert judgement.cause == expected["cause"]
            assert judgement.code == expected.get("code", judgement.code)
            assert judgement.reason


@taken
def test_a_mail_says_what_its_line_says(case: Case) -> None:
    """Subject, own words, what is quoted, and the files by their names."""
    mail, expected = read(case), case.expected
    own, quoted = split_quoted(mail.text)
    assert mail.subject == expected["subject"]
    assert own.startswith(expected["text"]) if expected["text"] else own == ""
    assert expected.get("holds", "") in own
    if "quoted" in expected:
        assert quoted is not None
        assert quoted.startswith(expected["quoted"])
    else:
        assert quoted is None
    assert [file.name for file in mail.files] == expected.get("files", [])
    assert mail.notes == ()


@taken
def test_a_mail_names_the_person_who_wrote_it(case: Case) -> None:
    """The address in From, whoever sent it for them; the name as they write it."""
    mail, expected = read(case), case.expected
    assert mail.sender is not None
    assert mail.sender.address == expected.get("person", mail.sender.address)
    assert mail.sender.name == expected.get("name", mail.sender.name)


@each
def test_the_kind_of_line_ends_makes_no_difference(case: Case) -> None:
    """Mail kept in files has other line ends than mail on its way, and is the same mail."""
    other = Case(case.name, case.content.replace(b"\r\n", b"\n"), case.expected)
    assert other.judgement == case.judgement
    assert read(other).text == read(case).text


@each
def test_a_second_reading_comes_to_the_same(case: Case) -> None:
    """A mail that is sent again has the same ids."""
    assert case.judgement == case.judgement


def test_a_mail_without_message_id_is_known_by_its_words() -> None:
    """The same words of the same person are one ticket by any way; others are another ticket."""
    (bare,) = (case for case in CASES if case.name == "no-message-id-no-date")
    dated = Case("", b"Date: Mon, 3 Jun 2024 10:30:00 +0200\r\n" + bare.content, bare.expected)
    travelled = Case("", b"Received: from a by b\r\n" + dated.content, bare.expected)
    other = Case("", bare.content + b"More.\r\n", bare.expected)
    assert read(bare).message_id is None
    assert ticket(bare) != ticket(other)
    assert ticket(travelled) == ticket(dated) != ticket(bare)


def ticket(case: Case) -> UUID:
    """The new ticket that a mail leads to."""
    judgement = case.judgement
    assert isinstance(judgement, NewTicket)
    return judgement.ticket
