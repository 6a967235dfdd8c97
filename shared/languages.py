"""Words of other languages, by gettext: English stands in the code, the rest in `.po` files.

The files are read as translators write them, so nothing has to be compiled or shipped twice. A
folder has one file a language, `de.po` or `pt_BR.po`.
"""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import NullTranslations, Translations

INTERNATIONAL = Locale("en", "150")
"""English where nothing is known of the reader's region: the day first, and 24 hours."""
_INVALID = (UnknownLocaleError, ValueError, TypeError)


class WordsError(ValueError):
    """A file of words can't be read; the message has file, line and reason."""


@dataclass(frozen=True, slots=True)
class Language:
    """What a reader understands: the words, and how their region writes dates and numbers."""

    locale: Locale
    words: NullTranslations

    @property
    def tag(self) -> str:
        """As pages and mails name it: "de", or "de-AT" with its region."""
        return str(self.locale).replace("_", "-") if self.locale != INTERNATIONAL else "en"

    def say(self, message: str, **values: object) -> str:
        """A message of the code in this language, with `%(name)s` filled in."""
        return str(self.words.ugettext(message)) % values

    def say_many(self, one: str, many: str, number: int) -> str:
        """A message that depends on a number, which stands in it as `%(num)s`."""
        return str(self.words.ungettext(one, many, number)) % {"num": number}

    def say_in(self, context: str, message: str) -> str:
        """One word that means different things in different places."""
        return str(self.words.upgettext(context, message))


class Languages:
    """All languages for which there are words, and English.

    Args:
        folders: Where the files are; a later folder's words go before an earlier one's.

    Raises:
        WordsError: a file can't be read, or is called after no language.
    """

    def __init__(self, *folders: Path) -> None:
        self._words: dict[str, NullTranslations] = {"en": NullTranslations()}
        for folder in folders:
            for file in sorted(folder.glob("*.po")):
                self._add(file)

    @property
    def tags(self) -> tuple[str, ...]:
        """Which there are, such as `("en", "de", "es")`."""
        return tuple(self._words)

    def of(self, asked: str | None) -> Language:
        """The best there is for a reader; English for whom nothing is there.

        Args:
            asked: The reader's locale, such as "de-AT"; it may be unknown or none.
        """
        try:
            asked_for = Locale.parse((asked or "en").replace("-", "_"))
        except _INVALID:
            return Language(INTERNATIONAL, self._words["en"])
        parts = str(asked_for).split("_")
        names = ("_".join(parts[:length]) for length in range(len(parts), 0, -1))
        found = next((name for name in names if name in self._words), None)
        if found is None or (found == "en" and len(parts) == 1):
            return Language(_english(asked_for.territory), self._words["en"])
        return Language(asked_for, self._words[found])

    def _add(self, file: Path) -> None:
        try:
            name = str(Locale.parse(file.stem.replace("-", "_")))
        except _INVALID:
            raise WordsError(f"{file}:1: {file.stem!r} is no language; call it de.po") from None
        words, earlier = _read(file), self._words.get(name)
        if isinstance(earlier, Translations):
            merged = Translations()
            self._words[name] = merged.merge(earlier).merge(words)
            merged.plural = words.plural
        else:
            self._words[name] = words


@cache
def _english(territory: str | None) -> Locale:
    try:
        return Locale("en", territory) if territory else INTERNATIONAL
    except UnknownLocaleError:
        return INTERNATIONAL


def _read(file: Path) -> Translations:
    try:
        with file.open("rb") as source:
            catalogue = read_po(source, abort_invalid=True)
    except PoFileError as error:
        raise WordsError(f"{file}:{error.lineno}: {error}") from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise WordsError(f"{file}:1: can't be read: {error}") from error
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
