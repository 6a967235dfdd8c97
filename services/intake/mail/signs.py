"""How a mail shows that a machine, a list or this desk itself wrote it (RFC 3834)."""

from enum import StrEnum

from services.intake.mail.reading import Mail


class Writer(StrEnum):
    """Who or what wrote a mail, as far as it says so."""

    PERSON = "person"
    RESPONDER = "responder"
    """Answers mails by itself, such as a vacation notice."""
    MACHINE = "machine"
    """Reports by itself, such as a monitor."""
    LIST = "list"
    """A person or a machine, by way of a mailing list or to many at once."""


_RESPONDERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-mail-autoreply",
    "x-auto-reply-from",
)
_SILENCE = frozenset({"all", "autoreply", "oof"})
"""What in `X-Auto-Response-Suppress` asks for no acknowledgement."""
_NOTICES = (
    *(
        "automatic reply",
        "auto reply",
        "auto-reply",
        "autoreply",
        "out of office",
        "out of the office",
    ),
    *("on vacation", "vacation:", "away from", "abwesend", "abwesenheit", "automatische antwort"),
    *(
        "autoantwort",
        "réponse automatique",
        "absence",
        "respuesta automática",
        "fuera de la oficina",
    ),
    *("risposta automatica", "resposta automática", "automatisch antwoord", "autosvar", "frånvaro"),
    *("automaattinen vastaus", "odpowiedź automatyczna", "automatická odpověď", "автоответ"),
    *("自动回复", "自動応答", "自動返信", "자동 회신"),
)
"""How vacation notices begin their subjects; people may, too: it counts beside another sign."""


def writer(mail: Mail, *, has_null_sender: bool, answers_us: bool) -> Writer:
    """Who or what wrote a mail.

    `X-Auto-Response-Suppress` asks for no automatic answers and says nothing about the mail itself:
    it only supports what the subject says.

    Args:
        mail: The mail.
        has_null_sender: Whether its envelope names nobody whom an answer could reach.
        answers_us: Whether it refers to a mail of ours.
    """
    precedence = (mail.sign("precedence") or "").lower()
    submitted = _keyword(mail.sign("auto-submitted"))
    if submitted == "auto-replied" or precedence in ("auto_reply", "auto-reply"):
        return Writer.RESPONDER
    if any((mail.sign(name) or "no").lower() != "no" for name in _RESPONDERS) or _is_receipt(mail):
        return Writer.RESPONDER
    is_list = any(name.startswith("list-") for name in mail.signs) or precedence == "list"
    is_machine = submitted not in ("", "no") or has_null_sender or precedence in ("bulk", "junk")
    supports = is_machine or "x-auto-response-suppress" in mail.signs
    if supports and not is_list and (_is_notice(mail) or (is_machine and answers_us)):
        return Writer.RESPONDER
    if is_machine and not is_list:
        return Writer.MACHINE
    return Writer.LIST if is_list else Writer.PERSON


def wants_no_answer(mail: Mail) -> bool:
    """Whether it asks for no automatic answers, whoever wrote it."""
    asked = ",".join(mail.signs.get("x-auto-response-suppress", ())).lower()
    return not _SILENCE.isdisjoint(asked.replace(",", " ").split())


def _keyword(value: str | None) -> str:
    """The first word of a header, without parameters and comments."""
    bare = (value or "").partition(";")[0].partition("(")[0]
    return bare.strip().lower()


def _is_receipt(mail: Mail) -> bool:
    return mail.report is not None and mail.report.kind == "disposition-notification"


def _is_notice(mail: Mail) -> bool:
    return mail.subject.lower().removeprefix("re: ").startswith(_NOTICES)
