"""What a mail is follows from what it proves, however it was handed over."""

from dataclasses import replace
from uuid import uuid5

import pytest

from services.intake.domain import ticket_id
from services.intake.mail.reading import Mail, Refusal, read_mail
from services.intake.mail.rules import (
    MOST_HOPS,
    Bounce,
    Envelope,
    Judgement,
    NewTicket,
    RefusedMail,
    Reply,
    judge,
)
from shared.envelope import NAMESPACE
from shared.mail_tokens import BOUNCES, MailTokens
from tests.support.mails import (
    BOUNCE_ADDRESS,
    CUSTOMER,
    DELIVERY,
    DESK,
    LIMITS,
    MAILBOX,
    MESSAGE_ID,
    REPLY,
    REQUESTER,
    TICKET,
    TOKENS,
)

OTHER_TICKET = uuid5(NAMESPACE, "another ticket")
IMAP = Envelope(mail_from=None, rcpt_to=(), source="imap")


def mail(*headers: str, sender: str = CUSTOMER, text: str = "Words.") -> Mail:
    """A mail with these headers."""
    lines = [f"From: {sender}", "Message-ID: <1@customer.example>", *headers, "", text]
    return read_mail("\r\n".join(lines).encode(), LIMITS)


def judged(read: Mail, envelope: Envelope = IMAP) -> Judgement:
    """What becomes of it."""
    return judge(read, envelope=envelope, desk=DESK)


def cause(judgement: Judgement) -> Refusal | None:
    """Why it is refused, or None if it isn't."""
    return judgement.cause if isinstance(judgement, RefusedMail) else None


def test_the_same_mail_by_another_way_is_the_same_ticket() -> None:
    """IMAP and SMTP, one recipient or several: one request."""
    by_imap, by_smtp = (
        judged(mail("To: support@desk.example"), envelope)
        for envelope in (IMAP, Envelope(CUSTOMER, (MAILBOX, "billing@desk.example"), "smtp"))
    )
    assert isinstance(by_imap, NewTicket)
    assert isinstance(by_smtp, NewTicket)
    assert by_imap.ticket == by_smtp.ticket


def test_a_message_id_belongs_to_its_sender() -> None:
    """Nobody gets another's ticket by sending the same Message-ID."""
    one, other = judged(mail()), judged(mail(sender="stranger@elsewhere.example"))
    assert isinstance(one, NewTicket)
    assert isinstance(other, NewTicket)
    assert one.ticket != other.ticket


def test_the_address_in_the_envelope_proves_as_much_as_the_one_in_the_mail() -> None:
    """A blind copy names it nowhere else."""
    judgement = judged(mail(), Envelope(CUSTOMER, (REPLY,), "smtp"))
    assert isinstance(judgement, Reply)
    assert (judgement.ticket, judgement.requester) == (TICKET, REQUESTER)


def test_a_reply_address_that_holds_counts_before_one_that_does_not() -> None:
    """Somebody may answer to all, with a stranger's address among them."""
    foreign = TOKENS.address(OTHER_TICKET, "r-somebody-else")
    judgement = judged(mail(f"To: {foreign}", f"Cc: {REPLY}"))
    assert isinstance(judgement, Reply)
    assert judgement.ticket == TICKET


def test_an_address_made_with_another_secret_proves_nothing() -> None:
    """It names a ticket, and that is all."""
    forged = MailTokens("a-secret-that-was-guessed", MAILBOX).address(TICKET, REQUESTER)
    judgement = judged(mail(f"To: {forged}"))
    assert isinstance(judgement, NewTicket)
    assert judgement.continues == TICKET


def test_the_bounce_address_lets_nobody_into_a_thread() -> None:
    """Mail servers know it, and so does everybody who looks at our mail's source."""
    judgement = judged(mail(f"To: {BOUNCE_ADDRESS}"))
    assert isinstance(judgement, NewTicket)
    assert judgement.continues == TICKET


def test_a_colleague_of_ours_is_a_customer_by_mail() -> None:
    """A mail gives nobody the rights of an agent, whatever domain it says that it is from."""
    judgement = judged(mail(sender="agent@desk.example"))
    assert isinstance(judgement, NewTicket)
    assert judgement.person.address == "agent@desk.example"


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ((), "Support@Desk.Example"),
        ((), TOKENS.address(OTHER_TICKET, BOUNCES)),
        (("X-Careline-Desk: support@desk.example",), CUSTOMER),
        ((f"Message-ID: {MESSAGE_ID}",), CUSTOMER),
    ],
)
def test_what_we_wrote_ourselves_is_refused(headers: tuple[str, ...], sender: str) -> None:
    """By any one of its marks: the others may have been lost on the way."""
    ours = read_mail("\r\n".join([f"From: {sender}", *headers, "", "x"]).encode(), LIMITS)
    assert cause(judged(ours)) is Refusal.LOOP


def test_our_mail_handed_on_with_our_envelope_is_refused() -> None:
    """A mailbox that forwards everything sends it back to us under our own address."""
    judgement = judged(mail(), Envelope(BOUNCE_ADDRESS, (MAILBOX,), "smtp"))
    assert cause(judgement) is Refusal.LOOP


def test_a_long_way_is_a_loop() -> None:
    """Up to the limit it is only long."""
    hops = ["Received: from a.example by b.example"] * MOST_HOPS
    assert cause(judged(mail(*hops))) is None
    assert cause(judged(mail(*hops, hops[0]))) is Refusal.LOOP


@pytest.mark.parametrize(
    "sign", ["X-Auto-Response-Suppress: All", "List-Id: <list.example>", "List-Help: <x>"]
)
def test_a_person_who_takes_part_may_ask_for_no_automatic_answers(sign: str) -> None:
    """What they write is theirs: it is a reply, and nobody acknowledges those."""
    judgement = judged(mail(sign, f"In-Reply-To: {MESSAGE_ID}"))
    assert isinstance(judgement, Reply)
    assert not judgement.is_automatic


def test_a_ticket_by_mail_is_none_by_http() -> None:
    """The same requester's key by another way is another request."""
    by_mail = judged(mail())
    assert isinstance(by_mail, NewTicket)
    key = "<1@customer.example>"
    senders = (f"requester:{REQUESTER}", REQUESTER)
    assert by_mail.ticket not in {ticket_id(sender=sender, key=key) for sender in senders}


def returned(message_id: str, failed: str) -> Mail:
    """A report to the mailbox itself on a mail that did not reach an address."""
    head = [
        "From: mailer-daemon@x.example",
        f"To: {MAILBOX}",
        "Message-ID: <dsn@x.example>",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    ]
    status = ["Content-Type: message/delivery-status", "", "Reporting-MTA: dns; x.example", ""]
    status += [f"Final-Recipient: rfc822; {failed}", "Action: failed", "Status: 5.1.1", ""]
    original = ["Content-Type: text/rfc822-headers", "", f"Message-ID: {message_id}", ""]
    lines = [*head, "", "--b", *status, "--b", *original, "--b--", ""]
    return read_mail("\r\n".join(lines).encode(), LIMITS)


def test_a_report_to_the_mailbox_is_proved_by_the_message_id_that_it_returns() -> None:
    """Some servers report to From: our Message-ID holds for the address that failed, or nothing."""
    envelope = Envelope("", (MAILBOX,), "smtp")
    bounce = judged(returned(MESSAGE_ID, CUSTOMER), envelope)
    assert bounce == Bounce(TICKET, CUSTOMER, REQUESTER, True, "5.1.1", None, DELIVERY)
    another = judged(returned(MESSAGE_ID, "somebody@customer.example"), envelope)
    assert cause(another) is Refusal.FOREIGN_REPORT
    made_up = judged(returned("<1@desk.example>", CUSTOMER), envelope)
    assert cause(made_up) is Refusal.FOREIGN_REPORT


def test_a_desk_in_the_same_domain_is_another_desk() -> None:
    """Its Message-IDs look like ours; its mark tells them apart, and without one we are careful."""
    other = MailTokens("a-secret-of-another-desk", "it@desk.example")
    id_ = other.message_id(DELIVERY, OTHER_TICKET, REQUESTER)
    lines = ["From: it@desk.example", f"Message-ID: {id_}"]
    for marks, expected in ((["X-Careline-Desk: it@desk.example"], None), ([], Refusal.LOOP)):
        read = read_mail("\r\n".join([*lines, *marks, "", "Words."]).encode(), LIMITS)
        assert cause(judged(read)) is expected


def test_a_report_without_date_and_message_id_is_known_by_its_first_stamp() -> None:
    """A machine that says the same every night opens a ticket each, by whichever way one comes."""
    stamps = [
        "Received: by mx.desk.example; Mon, 3 Jun 2024 03:00:09 +0000",
        "Received: from machine by relay.example; Mon, 3 Jun 2024 03:00:01 +0000",
    ]
    tonight = read_mail("\r\n".join([*stamps, *BARE]).encode(), LIMITS)
    by_other_way = read_mail("\r\n".join([stamps[1], *BARE]).encode(), LIMITS)
    tomorrow = stamps[1].replace("3 Jun", "4 Jun")
    next_night = read_mail("\r\n".join([stamps[0], tomorrow, *BARE]).encode(), LIMITS)
    assert tonight.key == by_other_way.key != next_night.key


BARE = ("From: machine@customer.example", "Subject: Disk", "", "The disk is full.")


def test_another_desks_mark_is_no_loop() -> None:
    """Its people may write to us; its automatic mails have signs of their own."""
    assert isinstance(judged(mail("X-Careline-Desk: support@other.example")), NewTicket)


@pytest.mark.parametrize(
    ("headers", "is_automatic"),
    [
        ((), False),
        (("Auto-Submitted: no",), False),
        (("X-Auto-Response-Suppress: All",), True),
        (("X-Auto-Response-Suppress: DR, oof",), True),
        (("X-Auto-Response-Suppress: AutoReply RN",), True),
        (("X-Auto-Response-Suppress: None",), False),
        (("X-Auto-Response-Suppress: DR, NDR, RN, NRN",), False),
        (("List-Help: <mailto:list@elsewhere.example>",), True),
        (("List-Archive: <https://list.example>",), True),
        (("Auto-Submitted: auto-generated",), True),
        (("Auto-Submitted: auto-notified; owner=x",), True),
        (("Precedence: bulk",), True),
        (("Precedence: junk",), True),
        (("Precedence: list",), True),
        (("List-Id: <list.example>",), True),
        (("List-Unsubscribe: <https://list.example>",), True),
        (("Return-Path: <>",), True),
        (("Subject: Out of office hours, who is there?",), False),
    ],
)
def test_automatic_mail_is_a_ticket_that_nobody_acknowledges(
    headers: tuple[str, ...], is_automatic: object
) -> None:
    """By what RFC 3834 and its forerunners have machines say of themselves."""
    judgement = judged(mail(*headers))
    assert isinstance(judgement, NewTicket)
    assert judgement.is_automatic == is_automatic


@pytest.mark.parametrize(
    "headers",
    [
        ("Auto-Submitted: auto-replied",),
        ("X-Autoreply: yes",),
        ("X-Autorespond: Re",),
        ("Precedence: auto_reply",),
        ("Subject: Automatic reply: x", "X-Auto-Response-Suppress: All"),
        ("Subject: Abwesenheitsnotiz", "Precedence: bulk"),
        ("Subject: Re: Réponse automatique", "Return-Path: <>"),
    ],
)
def test_automatic_answers_are_taken_into_threads_only(headers: tuple[str, ...]) -> None:
    """In a thread they say that nobody reads our mail just now; alone they say nothing."""
    assert cause(judged(mail(*headers))) is Refusal.AUTOMATIC_REPLY
    judgement = judged(mail(*headers, f"In-Reply-To: {MESSAGE_ID}"))
    assert isinstance(judgement, Reply)
    assert judgement.is_automatic


def test_a_machine_that_refers_to_our_mail_answers_it() -> None:
    """Though it says of itself only that it is a machine, and takes no part."""
    headers = ("Auto-Submitted: auto-generated", f"In-Reply-To: {MESSAGE_ID}")
    judgement = judged(mail(*headers, sender="machine@elsewhere.example"))
    assert cause(judgement) is Refusal.AUTOMATIC_REPLY


def test_a_failure_told_in_words_counts_only_where_we_asked_for_it() -> None:
    """Anybody could write such words; the bounce address of a mail is known to few."""
    told = "<customer@customer.example>:\r\nNo such user. (#5.1.1)"
    envelope = Envelope("", (BOUNCE_ADDRESS,), "smtp")
    judgement = judged(mail(sender="mailer-daemon@x.example", text=told), envelope)
    assert judgement == Bounce(
        TICKET, CUSTOMER, REQUESTER, True, "5.1.1", f"<{CUSTOMER}>: No such user. (#5.1.1)", None
    )
    elsewhere = judged(mail(text=told), replace(envelope, rcpt_to=(MAILBOX,)))
    assert isinstance(elsewhere, NewTicket)
    assert elsewhere.is_automatic


def test_a_persons_words_at_the_bounce_address_are_no_bounce() -> None:
    """Without the null sender somebody wrote them."""
    told = "<customer@customer.example>:\r\nNo such user. (#5.1.1)"
    judgement = judged(mail(text=told), Envelope(CUSTOMER, (BOUNCE_ADDRESS,), "smtp"))
    assert isinstance(judgement, NewTicket)
