"""What others call things, on one line: nothing in it moves the text around it."""

SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
"""Halves of characters: neither UTF-8 nor Postgres takes them."""

LINE = 200
"""Characters of a subject, a name, a file's name."""

_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")
# Marks that turn the order of what follows: a name could be made to look like another.
_TURNING = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_MAP = _CONTROLS | _TURNING | SURROGATES


def one_line(text: str, limit: int = LINE) -> str:
    """Text without control characters and marks that turn its direction, on one line."""
    return " ".join(text[: 4 * limit + 64].translate(_MAP).split())[:limit].rstrip()
