"""What is wrong with a plan catalogue, in words for somebody who edits the file."""

from collections.abc import Iterable, Iterator

from pydantic_core import ErrorDetails

from shared.toml_lines import KeyPath

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "string_type": "must be text, in quotes",
    "string_too_short": "must not be empty",
    "tuple_type": "must be a list, in square brackets",
    "frozen_set_type": "must be a list, in square brackets",
    "dict_type": "must be a table with keys of its own",
    "mapping_type": "must be a table with keys of its own",
    "model_type": "must be a table with keys of its own",
    "date_from_datetime_inexact": "must be a date, such as 2026-12-24",
    "date_from_datetime_parsing": "must be a date, such as 2026-12-24",
    "date_type": "must be a date, such as 2026-12-24",
}
_SHAPE = {"tuple_type", "string_type", "missing", "too_long"}
_WINDOWS = 'must be windows such as [["09:00", "17:00"]], or "closed"'


def in_words(errors: Iterable[ErrorDetails]) -> Iterator[tuple[KeyPath, str]]:
    """What pydantic found, each at its key; nothing about what stands under a key that is wrong."""
    errors = list(errors)
    wrong_keys = {_path(error) for error in errors if _is_about_key(error)}
    found = (_finding(e) for e in errors if _is_about_key(e) or _path(e) not in wrong_keys)
    yield from dict.fromkeys(found)


def _is_about_key(error: ErrorDetails) -> bool:
    return error["loc"][-1:] == ("[key]",)


def _path(error: ErrorDetails) -> KeyPath:
    return tuple(str(part) for part in error["loc"] if part != "[key]")


def _finding(error: ErrorDetails) -> tuple[KeyPath, str]:
    path, kind = _path(error), error["type"]
    match path:
        case ("calendars", _, "hours" | "exceptions", _, *_) if kind in _SHAPE:
            return path[:4], _WINDOWS
    if kind in {"literal_error", "enum"}:
        there_are = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
        what = "unknown key" if kind == "literal_error" else f"unknown {error['input']!r}"
        return path, f"{what}; there are {there_are}"
    return path, _WORDS.get(kind, error["msg"].removeprefix("Value error, "))
