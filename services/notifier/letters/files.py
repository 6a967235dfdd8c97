"""Files that came with a message, as mails tell of them: they are to be had in the conversation."""

from dataclasses import dataclass

from babel.units import format_unit

from services.notifier.deliveries import File
from services.notifier.letters.headers import one_line
from shared.languages import Language

LONGEST_NAME = 100
"""Characters of a file's name; the rest is cut off."""
_UNITS = ((1_000_000, "digital-megabyte"), (1_000, "digital-kilobyte"))


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file, as its reader is told of it."""

    name: str
    size: str


def show_file(file: File, language: Language) -> ShownFile:
    """By its name, without what would turn the words around it, and its size."""
    return ShownFile(one_line(file.name)[:LONGEST_NAME], spell_size(file.size_bytes, language))


def spell_size(size_bytes: int, language: Language) -> str:
    """How large a file is: "1.2 MB"."""
    for least, unit in _UNITS:
        if size_bytes >= least:
            number = round(size_bytes / least, 1)
            return format_unit(number, unit, length="short", locale=language.locale)
    return format_unit(size_bytes, "digital-byte", length="long", locale=language.locale)
