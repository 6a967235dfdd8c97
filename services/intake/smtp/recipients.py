"""Who may be written to: nobody but us. A server that took mail for others would be abused."""

from collections.abc import Iterable
from dataclasses import dataclass

ALWAYS = frozenset({"postmaster", "abuse"})
"""Addresses that every domain must have (RFC 5321, 4.5.1; RFC 2142)."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """The addresses that mail is taken for."""

    addresses: frozenset[str]
    domains: frozenset[str]

    @classmethod
    def of(cls, mailbox: str, queues: Iterable[str]) -> "Recipients":
        """Those of a mailbox and of queues, with anything behind a `+`, and what must be there."""
        addresses = frozenset(each.lower() for each in (mailbox, *queues))
        return cls(addresses, frozenset(each.rpartition("@")[2] for each in addresses))

    def has(self, address: str) -> bool:
        """Whether an address, as SMTP names it, is one of ours."""
        local, at, domain = address.lower().rpartition("@")
        if not at:
            return domain == "postmaster"
        mailbox = local.partition("+")[0]
        if mailbox in ALWAYS and domain in self.domains:
            return True
        return f"{mailbox}@{domain}" in self.addresses
