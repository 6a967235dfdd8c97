"""Headers of mails, as whoever gets the bytes reads them."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import mails
from services.notifier.deliveries import Message
from services.notifier.letters import headers, samples
from services.notifier.letters.samples import Sample
from shared.envelope import derive_id
from shared.mail_tokens import BOUNCES, MailTokens
from shared.messages import AuthorKind
from tests.support import said

TOKENS = MailTokens("a secret of the tests", "support@careline.example")
BRAND = mails.Brand()
BARE = mails.Desk(BRAND, "support@careline.example", "https://desk.careline.example")
DESK = replace(BARE, tokens=TOKENS)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REQUESTER = "r-0123456789abcdef"
THEIRS = "<request@customer.example>"
SAMPLES = {each.name: each for each in samples.samples(said.CATALOGUE)}
ACKNOWLEDGEMENT, REPLY = SAMPLES["acknowledgement-basic"], SAMPLES["reply"]
BREACH, DIGEST = SAMPLES["breach-first_response"], SAMPLES["digest"]
HOSTILE = (
    "Anna\r\nBcc: everybody@customer.example",
    'Anna "the \\ boss", <other@customer.example>',
    "Müller, Anna (Team; A)",
    "=?utf-8?q?=0D=0ABcc:_x=40y.example?=",
    "日本語の名前" * 20,
    "👩‍👩‍👧 Family, emoji",
    "\u202eelpmaxe.reenilerac\u2066",
    "مرحبا بالعالم",
    "a" * 500,
    "\x00\x1b[31m",
)


def composed(of: Sample, desk: mails.Desk = DESK) -> EmailMessage:
    """As the sender gets it."""
    return mails.compose(of.delivery, of.about, catalogue=said.CATALOGUE, desk=desk, now=NOW)


def arrived(of: Sample, desk: mails.Desk = DESK) -> EmailMessage:
    """As it comes out at the other side."""
    content = composed(of, desk).as_bytes(policy=policy.SMTP)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    return message_from_bytes(content, policy=policy.default)


def ids(mail: EmailMessage, header: str) -> list[str]:
    """The Message-IDs of a header."""
    return str(mail[header] or "").split()


def test_a_customers_mail_is_answered_to_an_address_of_its_own() -> None:
    """Message-ID and Reply-To hold for this requester and ticket, and for nobody else."""
    for of in (ACKNOWLEDGEMENT, REPLY):
        mail, ticket = arrived(of), of.delivery.ticket
        answered = TOKENS.read_message_id(mail["Message-ID"], REQUESTER)
        assert answered is not None
        assert (answered.ticket, answered.delivery) == (ticket, of.delivery.id)
        returned = TOKENS.read_address(mail["Reply-To"])
        assert returned is not None
        assert returned.ticket == ticket
        assert TOKENS.holds(returned, REQUESTER)
        assert not TOKENS.holds(returned, "r-somebody-else")
        assert TOKENS.read_message_id(mail["Message-ID"], "r-somebody-else") is None


def test_what_comes_back_goes_to_an_address_for_bounces() -> None:
    """Made for the ticket; a digest, which is about many, comes back to the sender."""
    returned = TOKENS.read_address(mails.envelope_sender(BREACH.delivery, DESK))
    assert returned is not None
    assert TOKENS.holds(returned, BOUNCES)
    assert returned.ticket == BREACH.delivery.ticket
    assert mails.envelope_sender(DIGEST.delivery, DESK) == DESK.sender
    assert mails.envelope_sender(BREACH.delivery, BARE) == BARE.sender


def test_an_acknowledgement_answers_the_mail_that_asked() -> None:
    """Where there was one."""
    mail = arrived(ACKNOWLEDGEMENT)
    assert ids(mail, "In-Reply-To") == ids(mail, "References") == [THEIRS]
    asked_on_the_web = replace(ACKNOWLEDGEMENT.about.ticket, message_id=None)
    web = replace(ACKNOWLEDGEMENT, about=replace(ACKNOWLEDGEMENT.about, ticket=asked_on_the_web))
    assert ids(arrived(web), "In-Reply-To") == ids(arrived(web), "References") == []


def test_a_reply_stands_in_the_thread_of_the_acknowledgement() -> None:
    """It answers the customer's last mail, or the acknowledgement, and names both."""
    created = said.ticket_created()
    of = replace(REPLY, delivery=replace(REPLY.delivery, correlation=created.id))
    first = TOKENS.message_id(
        derive_id(created.id, "acknowledgement"), of.delivery.ticket or UUID(int=0), REQUESTER
    )
    mail = arrived(of)
    assert ids(mail, "In-Reply-To") == [THEIRS]
    assert ids(mail, "References") == [first, THEIRS]
    ticket = replace(of.about.ticket, message_id=None)
    mail = arrived(replace(of, about=replace(of.about, ticket=ticket)))
    assert ids(mail, "In-Reply-To") == ids(mail, "References") == [first]
    assert mail["Subject"] == f"Re: We have your request {_number(of)}"


def _number(of: Sample) -> str:
    return str(composed(of)["Subject"]).rpartition(" ")[2]


def test_a_long_message_id_of_a_customer_survives() -> None:
    """It goes over the line in one piece, where the standard library would encode it."""
    long = f"<{'x' * 300}@{'y' * 60}.example>"
    ticket = replace(REPLY.about.ticket, message_id=long)
    of = replace(REPLY, about=replace(REPLY.about, ticket=ticket))
    assert ids(arrived(of), "In-Reply-To") == [long]
    assert ids(arrived(of), "References")[1] == long
    content = composed(of).as_bytes(policy=policy.SMTPUTF8)
    assert f"In-Reply-To: {long}\r\n".encode() in content
    assert f"Message-ID: {composed(of)['Message-ID']}\r\n".encode() in content


@pytest.mark.parametrize(
    "odd", ["", "no brackets", "<a b@c>", "<a@b>\r\nBcc: <c@d>", "<é@b>", f"<{'x' * 2000}@b>"]
)
def test_what_is_no_message_id_is_not_answered(odd: str) -> None:
    """A reply then answers the acknowledgement alone."""
    ticket = replace(REPLY.about.ticket, message_id=odd)
    mail = arrived(replace(REPLY, about=replace(REPLY.about, ticket=ticket)))
    assert len(ids(mail, "References")) == 1
    assert "Bcc" not in mail


def test_every_try_has_the_same_message_id() -> None:
    """A second copy can be told as such by any mail program."""
    for of in SAMPLES.values():
        later = mails.compose(
            of.delivery,
            of.about,
            catalogue=said.CATALOGUE,
            desk=DESK,
            now=datetime.max.replace(tzinfo=UTC),
        )
        assert composed(of)["Message-ID"] == later["Message-ID"]


def test_alerts_about_one_promise_stand_together() -> None:
    """They share a reference; each has a Message-ID of its own."""
    other = replace(BREACH, delivery=replace(BREACH.delivery, id=UUID(int=1), step=1))
    one, two = arrived(BREACH), arrived(other)
    assert one["References"] == two["References"]
    assert one["Message-ID"] == f"<{BREACH.delivery.id}@careline.example>"
    assert two["Message-ID"] != one["Message-ID"]
    assert "Reply-To" not in one


@pytest.mark.parametrize("name", SAMPLES)
def test_no_machine_answers_what_a_machine_wrote(name: str) -> None:
    """RFC 3834; an agent's reply is a person's mail; all carry the desk's own mark."""
    mail = arrived(SAMPLES[name])
    marks = {
        "acknowledgement": "auto-replied",
        "reply": None,
    }
    expected = marks.get(SAMPLES[name].delivery.kind, "auto-generated")
    assert mail["Auto-Submitted"] == expected
    assert mail["X-Auto-Response-Suppress"] == (None if expected is None else "All")
    assert mail["X-Careline-Desk"] == "support@careline.example"
    assert mail["Content-Language"] == "en-GB"


def test_without_tokens_mails_have_plain_message_ids_and_no_reply_address() -> None:
    """A desk without a secret sends, and takes no answers by mail."""
    mail = arrived(ACKNOWLEDGEMENT, BARE)
    assert mail["Message-ID"] == f"<{ACKNOWLEDGEMENT.delivery.id}@careline.example>"
    assert "Reply-To" not in mail


def _written_by(name: str) -> Sample:
    answer = Message(
        UUID(int=7), UUID(int=8), 4, AuthorKind.AGENT, name, f"{name}\n<b>words</b>", NOW
    )
    return replace(REPLY, about=replace(REPLY.about, messages=(answer,)))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_makes_no_header_and_no_address(name: str) -> None:
    """However it is written: one sender, as many headers as ever, and its words at the front."""
    mail, plain = arrived(_written_by(name)), arrived(REPLY)
    assert mail.keys() == plain.keys()
    (sender,) = mail["From"].addresses
    assert sender.addr_spec == "support@careline.example"
    assert not mail.defects
    assert headers.one_line(name)[:8] in sender.display_name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_brand_makes_no_header(name: str) -> None:
    """It stands in the sender and in the words."""
    desk = replace(DESK, brand=mails.Brand(name=name))
    mail = arrived(ACKNOWLEDGEMENT, desk)
    assert mail.keys() == arrived(ACKNOWLEDGEMENT).keys()
    assert len(mail["From"].addresses) == 1


def test_an_address_makes_no_header() -> None:
    """A line break in it is refused before anything is sent."""
    bad = replace(BREACH, delivery=replace(BREACH.delivery, address="a@b.example\r\nBcc: c@d"))
    with pytest.raises(ValueError, match="linefeed"):
        composed(bad)


@given(name=st.text(max_size=80), text=st.text(max_size=300))
def test_any_text_can_be_mailed(name: str, text: str) -> None:
    """What was written comes out at the other side, and nothing of it is a header."""
    answer = Message(UUID(int=7), UUID(int=8), 4, AuthorKind.AGENT, name, text, NOW)
    mail = arrived(replace(REPLY, about=replace(REPLY.about, messages=(answer,))))
    assert mail.keys() == arrived(REPLY).keys()
    assert len(mail["From"].addresses) == 1
    body = mail.get_body(("html",))
    assert body is not None
    assert "</html>" in body.get_content()
