"""What somebody typed into the form: as it stands there, whether it will do, what to say if not."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from services.intake.asked import LOCALE, LONGEST_SUBJECT, TicketRequest
from shared.forms import Form
from shared.languages import Language
from shared.lines import one_line
from shared.messages import Channel
from shared.passes import Pass
from shared.plans import Priority
from shared.web import TimeZone

FORM = re.compile("[A-Za-z0-9_-]{43}")
"""The id of a form: 32 random bytes."""
SHORT_SUBJECT = 100
"""Characters of a chat's first line that become its subject."""

_ZONE: TypeAdapter[str] = TypeAdapter(TimeZone)


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of the form, shown again as they are until they were taken."""

    form: str
    """The form's id: whatever is sent under it is one ticket."""
    name: str = ""
    address: str = ""
    account: str = ""
    subject: str = ""
    text: str = ""
    priority: str = Priority.NORMAL
    time_zone: str = ""
    """As the browser says; empty without a script."""
    files: int = 0
    """How many came with it."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of a request beside its fields."""

    channel: Channel
    locale: str
    time_zone: str
    """For those whose browser doesn't say."""
    who: Pass | None = None
    """Who is signed in."""


def read(form: Form, *, new_form: Callable[[], str]) -> Typed:
    """The fields of a form that was sent; one without an id of ours is given one."""
    given = form.first("form")
    return Typed(
        form=given if FORM.fullmatch(given) else new_form(),
        name=form.first("name").strip(),
        address=form.first("address").strip(),
        account=form.first("account").strip(),
        subject=form.first("subject").strip(),
        text=re.sub(r"\r\n?", "\n", form.first("text")).strip("\n"),
        priority=form.first("priority", Priority.NORMAL),
        time_zone=form.first("time_zone"),
        files=len(form.files),
    )


def of_visitor(form: str, who: Pass | None) -> Typed:
    """A new form, with what is known of who is signed in."""
    if who is None:
        return Typed(form)
    return Typed(form, name=who.name or "", address=who.address or "")


def check(
    typed: Typed, around: Around, language: Language
) -> tuple[TicketRequest | None, Mapping[str, str]]:
    """The request that a form comes to; or, by field, what has to be mended.

    Args:
        typed: As it was sent.
        around: What else is known.
        language: In which it is said.
    """
    typed = _with_subject(typed) if around.channel is Channel.CHAT else typed
    try:
        return _request(typed, around), {}
    except ValidationError as error:
        wrong = {str(each["loc"][-1]): each["type"] for each in error.errors()}
    if around.channel is Channel.CHAT:
        # It comes from the text: what is wrong with it is wrong there.
        wrong |= {"text": wrong.pop("subject")} if "subject" in wrong else {}
    order = ("name", "address", "account", "subject", "text")
    return None, {name: _say(name, typed, language) for name in order if name in wrong}


def _request(typed: Typed, around: Around) -> TicketRequest:
    account = around.who.account if around.who else typed.account or None
    may_hurry = around.who is not None and typed.priority in set(Priority)
    return TicketRequest.model_validate(
        {
            "requester": {"address": typed.address, "name": typed.name or None},
            "account": account,
            "subject": typed.subject,
            "text": typed.text if typed.text.strip() else "",
            "channel": around.channel,
            "priority": typed.priority if may_hurry else Priority.NORMAL,
            "locale": around.locale,
            "time_zone": zone_of(typed, around.time_zone),
        }
    )


def zone_of(typed: Typed, otherwise: str) -> str:
    """The sender's time zone, if their browser names one that there is."""
    try:
        return _ZONE.validate_python(typed.time_zone or otherwise)
    except ValidationError:
        return otherwise


def locale_of(accepted: str) -> str:
    """The first language that a browser asks for (`Accept-Language`), English without any."""
    tags = (each.partition(";")[0].strip() for each in accepted.split(","))
    return next((tag for tag in tags if re.fullmatch(LOCALE, tag)), "en")


def _with_subject(typed: Typed) -> Typed:
    """A chat's subject is its first line, cut off at a word."""
    first = next(filter(None, (line.strip() for line in typed.text.split("\n"))), "")
    line = one_line(first, 4 * SHORT_SUBJECT)
    if len(line) <= SHORT_SUBJECT:
        return replace(typed, subject=line)
    cut = line[:SHORT_SUBJECT]
    whole = cut.rpartition(" ")[0] or cut
    return replace(typed, subject=f"{whole} …")


def _say(name: str, typed: Typed, language: Language) -> str:
    """What to do about a field that is not right."""
    say, given = language.say, getattr(typed, name)
    if name == "address":
        if not given:
            return say("Enter your e-mail address, so that we can answer you.")
        return say("Write the e-mail address in full, such as name@company.example.")
    if name == "account":
        return say("An account has letters, digits, dots, hyphens and underscores alone.")
    if not given.strip():
        return {
            "subject": say("Say in a few words what it is about."),
            "text": say("Describe what we can help you with."),
        }[name]
    if name == "text":
        return say("Shorten the text to 50,000 characters; the rest can come as a file.")
    return _say_of_line(name, given, language)


def _say_of_line(name: str, given: str, language: Language) -> str:
    if len(given) > LONGEST_SUBJECT:
        return {
            "name": language.say("Shorten the name to 200 characters."),
            "subject": language.say("Shorten the subject to 200 characters."),
        }[name]
    return language.say("Write it anew on one line: it holds characters that can't be shown.")
