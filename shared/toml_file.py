"""Files that an organisation writes in TOML: read as a whole, or refused as a whole.

Whatever is wrong is said with its line and reason, all of it at once, so that a file is mended in
one go and no service starts on half of one.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shared.toml_lines import KeyPath, key_lines, nearest_line, syntax_error_line


class FileError(ValueError):
    """A file is refused; `problems` has all that was found, each as "file:line: reason"."""

    def __init__(self, name: str, problems: Iterable[tuple[int, str]]) -> None:
        self.problems = tuple(f"{name}:{line}: {why}" for line, why in sorted(problems))
        super().__init__("\n".join(self.problems))


def read_text(path: Path, refusal: type[FileError]) -> str:
    """The text of a file.

    Raises:
        FileError: as `refusal`; the file can't be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(str(path), [(1, f"can't be read: {error}")]) from error


def read_tables(text: str, name: str, refusal: type[FileError]) -> Mapping[str, Any]:
    """The tables of a text; problems are reported under `name`.

    Raises:
        FileError: as `refusal`; it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise refusal(name, [(syntax_error_line(text, error), str(error))]) from error


def refuse(
    findings: Iterable[tuple[KeyPath, str]], text: str, name: str, refusal: type[FileError]
) -> None:
    """Refuse a text in which something was found, each at the line of its key.

    Raises:
        FileError: as `refusal`; there are findings.
    """
    if findings := list(findings):
        lines = key_lines(text)
        raise refusal(
            name, ((nearest_line(lines, at), f"{'.'.join(at)}: {why}") for at, why in findings)
        )
