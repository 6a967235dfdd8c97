"""A mail's own words, told from what it repeats of earlier ones. No line is lost.

Where it is not clear which words are whose, all of them count as own: to show a quotation too many
does less harm than to hide an answer. Answers between quoted lines are such a case.
"""

# ruff: noqa: RUF001 - letters of other alphabets look like ours

from dataclasses import dataclass

from services.intake.mail.quotes import (
    LONGEST,
    is_attribution,
    is_bare_attribution,
    is_header_block,
    is_opening,
    is_quote,
    is_rule,
    is_underscores,
)

_BLOCK_LINES = 7
"""Lines in which an Outlook header block shows itself."""
_ATTRIBUTION_LINES = 3
"""Into so many lines do mail programs break an announcement at the most."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where quoted lines begin."""

    start: int
    first: int
    """The first line after the announcement."""
    is_marked: bool
    """Whether each quoted line has its mark, so that their end is known."""
    may_be_forward: bool


def split_quoted(text: str) -> tuple[str, str | None]:
    """Own words and what is quoted.

    Returns:
        Own words, which may be empty, and the quoted lines, or None if there are none. What was
        handed on without a word of its own is all that the mail says, and counts as own.
    """
    lines = text.split("\n")
    cut = _find(lines)
    if cut is None:
        return _joined(lines), None
    above = lines[: cut.start]
    has_own = any(map(_says_something, above))
    if not cut.is_marked:
        if not has_own:
            return _joined(lines), None
        return _joined(above), _joined(lines[cut.start :])
    end = _end_of_quote(lines, cut.first)
    below = lines[end:]
    if any(map(is_quote, below)) or (not has_own and not _is_said(below) and cut.may_be_forward):
        return _joined(lines), None
    own = "\n\n".join(filter(None, (_joined(above), _joined(below))))
    return own, _joined(lines[cut.start : end])


def _find(lines: list[str]) -> _Cut | None:
    """The first line that begins something quoted."""
    has_quote = False
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if not is_quote(line):
            cut = _announced(lines, at)
        else:
            cut = None if has_quote else _unannounced(lines, at)
            has_quote = True
        if cut is not None:
            return cut
    return None


def _announced(lines: list[str], at: int) -> _Cut | None:
    """What begins at a line that isn't marked as quoted itself."""
    if is_rule(lines[at]):
        return _Cut(at, at + 1, is_marked=_is_marked(lines, at + 1), may_be_forward=True)
    begins = at + 1 if is_underscores(lines[at]) else at
    block = [line for line in lines[begins : begins + 2 * _BLOCK_LINES] if line.strip()]
    if is_header_block(block[:_BLOCK_LINES]):
        return _Cut(at, begins + 1, is_marked=False, may_be_forward=True)
    return _attributed(lines, at)


def _attributed(lines: list[str], last: int) -> _Cut | None:
    """The announcement that ends at a line, if one does: it may be broken into several."""
    if lines[last].rstrip()[-1:] not in {":", "："}:
        return None
    marked = _is_marked(lines, last + 1)
    starts = _starts(lines, last)
    found = [at for at in starts if is_attribution(_flat(lines[at : last + 1]))]
    if marked and not found:
        found = [at for at in starts if is_bare_attribution(_flat(lines[at : last + 1]))]
    if not found:
        return None
    # As few lines as tell it, more if they begin as announcements do.
    opening = next((at for at in reversed(starts) if at < found[0] and is_opening(lines[at])), None)
    start = found[0] if opening is None else opening
    if not marked and not is_opening(lines[start]) and "@" not in _flat(lines[start : last + 1]):
        return None
    return _Cut(start, last + 1, is_marked=marked, may_be_forward=False)


def _starts(lines: list[str], last: int) -> list[int]:
    """Where an announcement that ends at a line may begin, the nearest place first."""
    starts = []
    for at in range(last, max(-1, last - _ATTRIBUTION_LINES), -1):
        if not lines[at].strip() or is_quote(lines[at]):
            break
        starts.append(at)
    return starts


def _flat(lines: list[str]) -> str:
    joined = " ".join(line.strip() for line in lines)
    return joined if len(joined) <= LONGEST else ""


def _unannounced(lines: list[str], at: int) -> _Cut | None:
    """Marked lines without a word on them: quoted if they stand first or last, else shown."""
    end = _end_of_quote(lines, at)
    has_above, has_below = _is_said(lines[:at]), _is_said(lines[end:])
    if has_above != has_below and not any(map(is_quote, lines[end:])):
        return _Cut(at, at, is_marked=True, may_be_forward=True)
    return None


def _is_marked(lines: list[str], start: int) -> bool:
    """Whether the next line that isn't blank is marked as quoted."""
    following = (line for line in lines[start : start + 5] if line.strip())
    return is_quote(next(following, ""))


def _end_of_quote(lines: list[str], start: int) -> int:
    """The line after the last marked one of a run; blank lines don't end it."""
    end = start
    for at in range(start, len(lines)):
        if is_quote(lines[at]):
            end = at + 1
        elif lines[at].strip():
            break
    return end


def _is_said(lines: list[str]) -> bool:
    return any(map(_says_something, lines))


def _says_something(line: str) -> bool:
    """Not a blank line, nor one of those that telephones write by themselves."""
    bare = line[:LONGEST].strip().lower()
    return bool(bare) and not bare.startswith(_ADDED) and bool(bare.strip("-_"))


_ADDED = (
    *("sent from my", "sent from outlook", "get outlook for", "sent from yahoo", "von meinem"),
    *(
        "gesendet von",
        "holen sie sich outlook",
        "outlook für",
        "enviado desde mi",
        "enviado do meu",
    ),
    *("obtener outlook", "envoyé de mon", "envoyé depuis", "télécharger outlook", "inviato da"),
    *("verstuurd vanaf", "verzonden vanaf", "skickat från min", "sendt fra min", "wysłane z"),
    *("отправлено с", "diese nachricht wurde von meinem", "sent via", "iphone から送信"),
)


def _joined(lines: list[str]) -> str:
    """Lines without blank ones at either end."""
    said = [at for at, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[said[0] : said[-1] + 1]) if said else ""
