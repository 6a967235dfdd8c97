"""Mails damaged at random: each still ends as ticket, reply, bounce or refused with a reason."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from services.intake.mail.markup import text_of
from services.intake.mail.reading import MailRefusedError, read_mail
from services.intake.mail.rules import Bounce, Envelope, NewTicket, RefusedMail, Reply
from services.intake.received import events_of
from shared import events
from tests.support.mails import BOUNCE_ADDRESS, CUSTOMER, LIMITS, MAILBOX, REPLY, cases, decide

CONTENTS = [case.content for case in cases()]
NOW = datetime(2024, 6, 3, 8, 0, tzinfo=UTC)
LONGEST_EVENT = 900 * 1024
"""Bytes: below what a broker takes by default."""

mails = st.sampled_from(CONTENTS)
places = st.floats(0, 1, exclude_max=True)
junk = st.sampled_from(
    [
        *(b"\x00", b"\xff\xfe", b"\r", b"\n\n", b"--", b"=?utf-8?B?", b"=?x?Q?=ZZ?=", b"(((", b'"'),
        *(b"Content-Type: multipart/mixed; boundary=\n\n", b"Content-Transfer-Encoding: base64\n"),
        *(b"charset=utf-16;", b"charset*0*=utf-7''%FF;", b"\xed\xa0\x80", b"> ", b":", b"<", b">"),
        *(b"From: \n", b"From: a@b\n", b"Date: Fri, 31 Dec 9999 23:59:59 -2359\n", b"\x1b$B", b"="),
    ]
) | st.binary(max_size=20)
envelopes = st.builds(
    Envelope,
    mail_from=st.sampled_from([None, "", CUSTOMER, "x"]),
    rcpt_to=st.lists(st.sampled_from([MAILBOX, REPLY, BOUNCE_ADDRESS, "x"]), max_size=2).map(tuple),
    source=st.just("smtp"),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A mail of the corpus after a few mishaps."""
    content = draw(mails)
    for _ in range(draw(st.integers(1, 5))):
        mishap = draw(st.sampled_from([cut, spill, flip, splice, repeat, shuffle]))
        content = mishap(draw, content)
    return content


def at(draw: st.DrawFn, content: bytes) -> int:
    """A place in a mail."""
    return int(draw(places) * (len(content) + 1))


def cut(draw: st.DrawFn, content: bytes) -> bytes:
    """Some of it is lost."""
    one, two = sorted([at(draw, content), at(draw, content)])
    return content[:one] + content[two:]


def spill(draw: st.DrawFn, content: bytes) -> bytes:
    """Something gets in."""
    place = at(draw, content)
    return content[:place] + draw(junk) * draw(st.sampled_from([1, 1, 100])) + content[place:]


def flip(draw: st.DrawFn, content: bytes) -> bytes:
    """A byte becomes another."""
    place = at(draw, content)
    return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]


def splice(draw: st.DrawFn, content: bytes) -> bytes:
    """The head of one mail on the tail of another."""
    other = draw(mails)
    return content[: at(draw, content)] + other[at(draw, other) :]


def repeat(draw: st.DrawFn, content: bytes) -> bytes:
    """A line comes twice, such as a header or a boundary."""
    lines = content.split(b"\r\n")
    place = int(draw(places) * len(lines))
    return b"\r\n".join([*lines[: place + 1], *lines[place:]])


def shuffle(draw: st.DrawFn, content: bytes) -> bytes:
    """Two lines change places."""
    lines = content.split(b"\r\n")
    one, two = (int(draw(places) * len(lines)) for _ in range(2))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\r\n".join(lines)


@given(content=damaged(), envelope=envelopes)
@example(content=b"", envelope=Envelope(None, (), "imap"))
@example(content=b"\r\n\r\n", envelope=Envelope(None, (), "imap"))
def test_any_damaged_mail_ends_as_something(content: bytes, envelope: Envelope) -> None:
    """It never raises, each refusal has a reason, and what is said can be written and read."""
    judgement = decide(content, envelope)
    if isinstance(judgement, RefusedMail):
        assert judgement.reason.isascii()
        assert 500 <= judgement.code < 600
        return
    assert isinstance(judgement, NewTicket | Reply | Bounce)
    mail = read_mail(content, limits=LIMITS)
    said = events_of(judgement, mail, now=NOW)
    assert said == events_of(judgement, mail, now=NOW)
    for event in said:
        record = events.write(event)
        assert events.read(record) == event
        assert len(record) < LONGEST_EVENT
        # Postgres takes any character but this one, and halves of characters in no way.
        assert b"\\u0000" not in record
        assert b"\\ud8" not in record.lower()


@given(content=damaged())
def test_what_is_read_of_a_damaged_mail_fits_everywhere(content: bytes) -> None:
    """Subject, names and files are one line each, without control characters, within limits."""
    try:
        mail = read_mail(content, limits=LIMITS)
    except MailRefusedError:
        return
    lines = [mail.subject, *(file.name for file in mail.files), *mail.notes]
    lines += [mail.sender.name or "-"] if mail.sender else []
    for line in lines:
        assert line.strip()
        assert len(line) <= 300
        assert not any(ord(each) < 32 or each in "\u202e\u2028\x7f" for each in line)
    assert not any("/" in file.name or "\\" in file.name for file in mail.files)
    assert len(mail.text) <= LIMITS.text
    assert len(mail.files) <= LIMITS.files


tags = st.sampled_from(
    [
        *(
            "<p>",
            "<b",
            ">",
            "</div>",
            "<pre>",
            "<!--",
            "-->",
            "&#",
            "\n",
            "x",
            "<blockquote>",
            "<br>",
        ),
        *("<li>", "\x00", "\ud800", "<a href='http://x'>", "</a>", "<script>", "</pre>", "<td>"),
    ]
)


@given(st.text() | st.lists(tags).map("".join))
def test_any_html_becomes_text(markup: str) -> None:
    """Whatever it is, there is a text of it, not much longer than itself."""
    assert len(text_of(markup)) <= 25 * len(markup) + 25
