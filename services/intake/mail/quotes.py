"""How mail programs announce what they quote, in the languages that customers write in.

Facts for `text` beside it. Every test looks at one line, cut to a length, and at whole words or
single characters of it: no pattern here can be made to backtrack.
"""

# ruff: noqa: RUF001 - letters of other alphabets look like ours

import re

LONGEST = 400
"""Characters of a line that are looked at."""

_WROTE = (
    *("wrote", "writes", "schrieb", "escribió", "escribio", "a écrit", "ha scritto", "escreveu"),
    *("schreef", "skrev", "kirjoitti", "napisał", "napisal", "napísal", "пишет", "написал"),
    *("написав", "yazdı", "írta", "a scris", "έγραψε", "写道", "寫道", "のメール", "書きました"),
    *("님이 작성", "작성:", "כתב", "كتب", "va escriure", "je napisao", "rašė"),
)
"""Somebody wrote."""

_FROM = frozenset({
    *("from", "von", "de", "da", "van", "od", "från", "fra", "lähettäjä", "kimden", "от", "від"),
    *("feladó", "de la", "από", "发件人", "寄件者", "差出人", "보낸 사람", "expéditeur"),
})  # fmt: skip
_SENT = frozenset({
    *("sent", "date", "gesendet", "datum", "enviado", "enviado el", "fecha", "envoyé", "inviato"),
    *("data", "verzonden", "wysłano", "odesláno", "skickat", "sendt", "dato", "lähetetty"),
    *("gönderildi", "tarih", "отправлено", "дата", "надіслано", "elküldve", "dátum", "trimis"),
    *("ημερομηνία", "发送时间", "日期", "寄件日期", "送信日時", "日付", "보낸 날짜", "날짜"),
})  # fmt: skip
_TO_OR_SUBJECT = frozenset({
    *("to", "an", "para", "à", "a", "aan", "do", "komu", "till", "til", "vastaanottaja", "kime"),
    *("кому", "címzett", "către", "προς", "收件人", "宛先", "받는 사람", "destinataire"),
    *("subject", "betreff", "asunto", "objet", "oggetto", "assunto", "onderwerp", "temat"),
    *("předmět", "ämne", "emne", "aihe", "konu", "тема", "tárgy", "subiect", "θέμα"),
    *("主题", "主旨", "件名", "제목"),
})  # fmt: skip

_RULED = (
    *("original message", "forwarded message", "ursprüngliche nachricht", "originalnachricht"),
    *("weitergeleitete nachricht", "mensaje original", "mensaje reenviado", "forwarded mail"),
    *("message d'origine", "message original", "message transféré", "messaggio originale"),
    *("messaggio inoltrato", "mensagem original", "mensagem encaminhada", "originele bericht"),
    *("oorspronkelijk bericht", "doorgestuurd bericht", "wiadomość oryginalna"),
    *("oryginalna wiadomość", "ursprungligt meddelande", "vidarebefordrat", "opprinnelig melding"),
    *("oprindelig meddelelse", "исходное сообщение", "пересылаемое сообщение", "orijinal ileti"),
    *(
        "původní zpráva",
        "eredeti üzenet",
        "原始邮件",
        "轉寄",
        "转发",
        "元のメッセージ",
        "원본 메시지",
    ),
)
"""Words between dashes."""

_BEGINS = (
    *("begin forwarded message", "anfang der weitergeleiteten", "début du message"),
    *("inicio del mensaje reenviado", "inizio messaggio inoltrato", "begin doorgestuurd bericht"),
    *("vidarebefordrat brev", "início da mensagem"),
)
"""As Apple Mail begins what it forwards."""

_OPENINGS = (
    "on ",
    "am ",
    "el ",
    "le ",
    "il ",
    "em ",
    "op ",
    "den ",
    "w dniu ",
    "dne ",
    "a ",
    "la ",
)
"""First words of "On …, somebody wrote:"."""
_DIGIT_OR_MARK = re.compile(r"\d|@")
_ENDED_ADDRESS = re.compile(r"[>)\]]\s?[:：]$")


def is_quote(line: str) -> bool:
    """A line that its program marked as quoted."""
    return line.lstrip(" ").startswith(">")


def is_rule(line: str) -> bool:
    """A line of dashes with "Original Message" or the like in it, or Apple's words."""
    bare = _bare(line)
    if bare.startswith(_BEGINS):
        return True
    dashed = bare.startswith("--") and bare.endswith("--")
    return dashed and any(words in bare for words in _RULED)


def is_underscores(line: str) -> bool:
    """The line that Outlook draws above what it quotes."""
    bare = line[:LONGEST].strip()
    return len(bare) >= 20 and not bare.strip("_")  # noqa: PLR2004 - it draws 32


def is_opening(line: str) -> bool:
    """A line that may be the first of an announcement that is broken into several."""
    bare = _bare(line)
    return bare.startswith(_OPENINGS) and _DIGIT_OR_MARK.search(bare) is not None


def is_header_block(lines: list[str]) -> bool:
    """Whether "From: … Sent: … Subject: …" begins here: the way that Outlook quotes.

    Args:
        lines: The first of them and a few that follow.
    """
    labels = [label for label in map(_label, lines) if label]
    if not labels or not lines or _label(lines[0]) not in _FROM:
        return False
    others = labels[1:]
    return any(label in _SENT for label in others) and any(
        label in _TO_OR_SUBJECT for label in others
    )


def is_attribution(line: str) -> bool:
    """Somebody wrote, with a date or an address: such a line announces a quotation."""
    bare = _bare(line)
    if not bare.endswith((":", "：")) or _DIGIT_OR_MARK.search(bare) is None:
        return False
    # Some languages name no verb: a date, a name and an address in brackets stand for it.
    return _is_wrote(bare) or (_ENDED_ADDRESS.search(bare) is not None and "@" in bare)


def is_bare_attribution(line: str) -> bool:
    """Somebody wrote, and no more: it counts if what follows is marked as quoted."""
    bare = _bare(line)
    return bare.endswith((":", "：")) and _is_wrote(bare)


def _is_wrote(bare: str) -> bool:
    return any(verb in bare for verb in _WROTE)


def _label(line: str) -> str:
    """What stands before the colon, without the stars of bold text."""
    before, colon, _ = line[:LONGEST].replace("：", ":").partition(":")
    return before.strip(" *\t\xa0").lower() if colon else ""


def _bare(line: str) -> str:
    return line[:LONGEST].strip(" *\t\xa0").lower()
