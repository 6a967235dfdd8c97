"""How a ticket is called when people speak of it."""

import re
from uuid import UUID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letters that are read as digits."""
_LOOKALIKES = str.maketrans("OIL", "011")
_NUMBER = re.compile(r"CL[- ]?([0-9A-Z]{4})[- ]?([0-9A-Z]{4})[- ]?([0-9A-Z]{4})")


def ticket_number(ticket: UUID) -> str:
    """The number people use: `CL-` and the last 60 bits of the id, in three groups of four.

    Nobody has to hand numbers out, so intake needs no database. Two of a hundred million tickets
    share a number with a chance of about 0.4 %; every address and link uses the whole id.
    """
    # The last ones: among the first are four that say which kind of UUID it is, always the same.
    bits = ticket.int & (1 << 60) - 1
    digits = "".join(_ALPHABET[bits >> shift & 31] for shift in range(55, -1, -5))
    return f"CL-{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def read_ticket_number(text: str) -> int | None:
    """The last 60 bits of the id of the ticket that is called so, or None for another text.

    As people type it: in any case, with or without hyphens, and with letters that look like digits.
    """
    matched = _NUMBER.fullmatch(text.strip().upper())
    if matched is None:
        return None
    bits = 0
    for letter in "".join(matched.groups()).translate(_LOOKALIKES):
        if letter not in _ALPHABET:
            return None
        bits = bits << 5 | _ALPHABET.index(letter)
    return bits
