"""What people type who look for something in the documentation, made ready to be asked. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LONGEST = 200
"""Characters of a question that count."""
MOST_WORDS = 16
"""Words of a question that count."""
LEAST_OF_A_BEGINNING = 2
"""Letters from which on the last word may be the beginning of one."""
LEAST_TO_CORRECT = 4
"""Letters of a word that may be mistyped; shorter ones are like too many others."""

_WORD = re.compile(r"[^\W_]+")
_BEGINNING = re.compile(r"(?:^|(?<=\s))([^\W_]+)$")


@dataclass(frozen=True, slots=True)
class Question:
    """A question within its limits, in a form in which Postgres can be asked."""

    text: str
    """On one line; may hold quotes, `or`, and words with a minus."""

    @property
    def beginning(self) -> str:
        """The last word, if it may be the beginning of one that is still being typed."""
        found = _BEGINNING.search(self.text)
        return found[1].lower() if found and len(found[1]) >= LEAST_OF_A_BEGINNING else ""

    @property
    def before(self) -> str:
        """What stands before that."""
        return _BEGINNING.sub("", self.text).strip() if self.beginning else self.text

    @property
    def words(self) -> tuple[str, ...]:
        """Its words, without what joins them."""
        return tuple(dict.fromkeys(word.lower() for word in _WORD.findall(self.text)))

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Words that could have been mistyped."""
        return tuple(
            word for word in self.words if len(word) >= LEAST_TO_CORRECT and word.isalpha()
        )

    def corrected(self, corrections: Mapping[str, str]) -> "Question":
        """The same with other words."""
        return ask(_WORD.sub(lambda word: corrections.get(word[0].lower(), word[0]), self.text))


def ask(text: str) -> Question:
    """The question that somebody typed, however long and strange it is."""
    # No database keeps half a character, or one that is no character at all.
    storable = text[: LONGEST * 4].encode("utf-8", "ignore").decode().replace("\x00", " ")
    # A minus counts before a word alone: Postgres gives up on a heap of them.
    without = re.sub(r"-{2,}|(?<!\w)-(?!\w)", " ", storable)
    words = re.sub(r"\s+", " ", without).strip()[:LONGEST].split(" ")
    return Question(" ".join(words[:MOST_WORDS]).strip())


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Which of these was meant, the likeliest first; None if it was none of them.

    One slip is taken for a slip; two only in a word of six letters and more.
    """
    most = 1 if len(word) < 6 else 2  # noqa: PLR2004 - as said
    distances = ((slips(word, candidate), candidate) for candidate in candidates)
    near = [(distance, candidate) for distance, candidate in distances if distance <= most]
    return min(near, key=lambda found: found[0])[1] if near else None


def slips(one: str, other: str) -> int:
    """How many letters are missing, too many, wrong, or swapped with their neighbour."""
    rows = [list(range(len(other) + 1))]
    for at, letter in enumerate(one, start=1):
        row = [at]
        for beside, wanted in enumerate(other, start=1):
            cost = 0 if letter == wanted else 1
            fewest = min(rows[-1][beside] + 1, row[-1] + 1, rows[-1][beside - 1] + cost)
            if at > 1 and beside > 1 and (one[at - 2], letter) == (wanted, other[beside - 2]):
                fewest = min(fewest, rows[-2][beside - 2] + 1)
            row.append(fewest)
        rows.append(row)
    return rows[-1][-1]
