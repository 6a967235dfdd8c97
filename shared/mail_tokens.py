"""Addresses and Message-IDs that name a ticket and can't be made without the desk's secret.

Who answers a mail of ours does so to its reply address, or at least names its Message-ID. Both
carry the ticket and a keyed hash over the ticket and the party to whom it was given, so that intake
tells by the mail alone, without a database, that its sender takes part in that ticket.

A local part has 64 characters (RFC 5321, 4.5.3.1.1), and case can't be relied on. The ticket's 128
bits in letters and digits leave room for 160 bits: so addresses carry an HMAC over BLAKE2s with
digests of that length, all of it. Message-IDs have room for HMAC-SHA-256.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import partial
from uuid import UUID

BOUNCES = "bounces"
"""The party whom the envelope sender of our mails is made for: mail servers that return them."""

LONGEST_MAILBOX = 7
"""Characters of the reply mailbox before its @: with `+` and what we add it has 64."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ADDRESS_BITS, _ADDRESS_DIGITS = 128 + 160, 56
_MESSAGE_BITS, _MESSAGE_DIGITS = 128 + 128 + 256, 100
_MAILBOX = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_MAILBOX}}}@[A-Za-z0-9.-]+")
_blake2s_160 = partial(hashlib.blake2s, digest_size=20)


@dataclass(frozen=True, slots=True)
class Returned:
    """What a reply address that came back says; nothing is proved until it is checked."""

    ticket: UUID
    proof: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What a Message-ID that came back says, and that it holds for its party."""

    ticket: UUID
    delivery: UUID


class MailTokens:
    """Makes and checks them.

    Args:
        secret: At least 16 characters, the same for intake and notifier. A new one makes strangers
            of all who answer older mails: what they write becomes new tickets.
        mailbox: Where replies come in, such as `support@company.example`; the mail server must
            deliver `support+anything@company.example` there too.

    Raises:
        ValueError: the mailbox is no address of that kind, or too long.
    """

    def __init__(self, secret: str, mailbox: str) -> None:
        if not _MAILBOX.fullmatch(mailbox):
            raise ValueError(
                "it can't take replies: write it like support@company.example, with at most "
                f"{LONGEST_MAILBOX} letters, digits, dots, dashes or underscores before the @"
            )
        self._secret = secret.encode()
        self._local, _, self._domain = mailbox.lower().partition("@")

    @property
    def domain(self) -> str:
        """Of the mailbox; also stands in our Message-IDs."""
        return self._domain

    @property
    def mailbox(self) -> str:
        """Where replies come in, in small letters: no other desk has the same."""
        return f"{self._local}@{self._domain}"

    def address(self, ticket: UUID, party: str) -> str:
        """Where a party answers to a ticket.

        Args:
            ticket: Which one.
            party: The pseudonym of a requester, or `BOUNCES`.
        """
        carried = ticket.bytes + self._short(ticket, party)
        return f"{self._local}+{_spell(carried, _ADDRESS_DIGITS)}@{self._domain}"

    def read_address(self, address: str) -> Returned | None:
        """What an address of ours says, or None if it is no reply address."""
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        mailbox, _, digits = local.partition("+")
        if (mailbox, domain) != (self._local, self._domain):
            return None
        carried = _read(digits, _ADDRESS_DIGITS, _ADDRESS_BITS)
        return None if carried is None else Returned(UUID(bytes=carried[:16]), carried[16:])

    def holds(self, returned: Returned, party: str) -> bool:
        """Whether a reply address was made for this party."""
        return hmac.compare_digest(returned.proof, self._short(returned.ticket, party))

    def message_id(self, delivery: UUID, ticket: UUID, party: str) -> str:
        """The Message-ID of a mail to a party, with its angle brackets; the same at every try."""
        carried = delivery.bytes + ticket.bytes + self._long(delivery, ticket, party)
        return f"<{_spell(carried, _MESSAGE_DIGITS)}@{self._domain}>"

    def read_message_id(self, message_id: str, party: str) -> Answered | None:
        """The ticket of a mail of ours to this party, or None for any other Message-ID."""
        parts = self._carried(message_id)
        if parts is None:
            return None
        delivery, ticket, proof = parts
        holds = hmac.compare_digest(proof, self._long(delivery, ticket, party))
        return Answered(ticket, delivery) if holds else None

    def is_ours(self, message_id: str) -> bool:
        """Whether it looks like a Message-ID of ours, whoever it was for: nothing is proved."""
        return self._carried(message_id) is not None

    def named(self, message_id: str) -> UUID | None:
        """The ticket that a Message-ID of ours names, whoever it was for: nothing is proved."""
        parts = self._carried(message_id)
        return parts[1] if parts else None

    def _carried(self, message_id: str) -> tuple[UUID, UUID, bytes] | None:
        digits, _, domain = message_id.strip().strip("<>").lower().rpartition("@")
        carried = _read(digits, _MESSAGE_DIGITS, _MESSAGE_BITS) if domain == self._domain else None
        if carried is None:
            return None
        return UUID(bytes=carried[:16]), UUID(bytes=carried[16:32]), carried[32:]

    def _short(self, ticket: UUID, party: str) -> bytes:
        message = b"address\x1f" + ticket.bytes + party.encode()
        return hmac.new(self._secret, message, _blake2s_160).digest()

    def _long(self, delivery: UUID, ticket: UUID, party: str) -> bytes:
        message = b"message\x1f" + delivery.bytes + ticket.bytes + party.encode()
        return hmac.new(self._secret, message, hashlib.sha256).digest()


def _spell(carried: bytes, length: int) -> str:
    value, digits = int.from_bytes(carried, "big"), ""
    for _ in range(length):
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _read(digits: str, length: int, bits: int) -> bytes | None:
    if not re.fullmatch(rf"[0-9a-z]{{{length}}}", digits, re.ASCII):
        return None
    value = int(digits, 36)
    return value.to_bytes(bits // 8, "big") if value < 1 << bits else None
