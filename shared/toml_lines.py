"""On which line of a TOML file a key stands: `tomllib` gives values, but no positions."""

import re
import tomllib
from collections.abc import Iterator, Mapping

KeyPath = tuple[str, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line on which each key of a valid TOML text first stands, counted from 1.

    A statement ends at the first line break where what has been gathered is TOML by itself; and
    read by itself, it gives its own keys and nothing else. So the parser does all the reading.
    What stands in one of several tables of a name has the table's number, from 0, in its path.
    """
    lines: dict[KeyPath, int] = {}
    numbers: dict[KeyPath, int] = {}
    header: KeyPath = ()
    statement, begins = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        statement += line + "\n"
        try:
            paths = list(_paths(tomllib.loads(statement)))
        except tomllib.TOMLDecodeError:
            continue  # a value of several lines goes on
        if statement.lstrip().startswith("["):
            header = _numbered(paths[-1], numbers, adds=statement.lstrip().startswith("[["))
            paths = [header[:length] for length in range(1, len(header) + 1)]
        else:
            paths = [header + path for path in paths]
        for path in paths:
            lines.setdefault(path, begins)
        statement, begins = "", number + 1
    return lines


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a key, or of the closest table around it if the key itself is missing."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def syntax_error_line(text: str, error: tomllib.TOMLDecodeError) -> int:
    """The line at which the parser gave up."""
    at = re.search(r"\(at line (\d+),", str(error))
    return int(at[1]) if at else text.count("\n") + 1


def _numbered(header: KeyPath, numbers: dict[KeyPath, int], *, adds: bool) -> KeyPath:
    """A header's path, with the number of the latest table at each name that has several."""
    path: KeyPath = ()
    for depth, key in enumerate(header, start=1):
        path = (*path, key)
        if adds and depth == len(header):
            numbers[path] = numbers.get(path, -1) + 1
        if path in numbers:
            path = (*path, str(numbers[path]))
    return path


def _paths(table: Mapping[str, object], around: KeyPath = ()) -> Iterator[KeyPath]:
    for key, value in table.items():
        yield (*around, key)
        if isinstance(value, dict):
            yield from _paths(value, (*around, key))
