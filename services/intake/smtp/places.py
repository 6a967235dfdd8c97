"""Who is connected to a mail server of ours, and how much of their mails is held in memory.

Both have limits: what is over them is turned away with the word that trying again helps.
"""

import asyncio
import contextlib
from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, Self

from services.intake.limits import Network, is_within, read_host
from shared import metrics

SHARES = 4
"""Into so many is the memory divided: no host takes more than one of them."""


class Session(Protocol):
    """Somebody who is connected."""

    @property
    def handling(self) -> "asyncio.Task[None] | None":
        """The task of the session."""

    def hang_up(self, line: str) -> None:
        """Say a last line and close."""


@dataclass(slots=True)
class Memory:
    """What one mail takes of all that is there; given back at the end of the block."""

    places: "Places"
    host: str | None
    share: int | None
    """Bytes that all mails of its host may take together; None for one of our own."""
    taken: int = 0

    def take(self, size: int) -> bool:
        """Ask for so many bytes more."""
        if self.places.held + size > self.places.most_bytes:
            return False
        if self.share is not None and self.places.held_for(self.host) + size > self.share:
            return False
        self.places.hold(size, self.host)
        self.taken += size
        return True

    def give_back(self) -> None:
        """Give all of it back."""
        self.places.hold(-self.taken, self.host)
        self.taken = 0

    def __enter__(self) -> Self:
        """Begin with nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give all of it back."""
        self.give_back()


@dataclass(slots=True)
class Places:
    """The places of one server."""

    source: str
    """`smtp` or `lmtp`, for the metrics."""
    most: int
    """Connections at once."""
    most_per_host: int
    """Connections at once from one address, unless it is a mail server of our own."""
    most_bytes: int
    """Of all mails that are on their way in."""
    trusted: tuple[Network, ...] = ()
    held: int = 0
    ending: bool = False
    _hosts: dict[Session, str | None] = field(default_factory=dict)
    _held: Tally[str | None] = field(default_factory=Tally)
    _busy: set[Session] = field(default_factory=set)
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def enter(self, session: Session, host: str | None) -> str | None:
        """Give a session its place, or say why it gets none."""
        if self.ending:
            return "ending"
        if len(self._hosts) >= self.most:
            return "connections"
        if self._is_limited(host) and Tally(self._hosts.values())[host] >= self.most_per_host:
            return "connections_of_host"
        self._hosts[session] = host
        metrics.SMTP_CONNECTIONS.labels(self.source).set(len(self._hosts))
        return None

    def _is_limited(self, host: str | None) -> bool:
        address = read_host(host)
        return address is not None and not is_within(address, self.trusted)

    def leave(self, session: Session) -> None:
        """It is no longer connected; saying so twice does no harm."""
        self._hosts.pop(session, None)
        metrics.SMTP_CONNECTIONS.labels(self.source).set(len(self._hosts))

    def host(self, session: Session) -> str | None:
        """Where a session comes from, unless from a local socket."""
        return self._hosts.get(session)

    @contextlib.contextmanager
    def under_way(self, session: Session) -> Iterator[None]:
        """A mail of this session is on its way in until the end of the block."""
        self._busy.add(session)
        try:
            yield
        finally:
            self._busy.discard(session)

    def is_busy(self, session: Session) -> bool:
        """Whether a mail of this session is on its way in."""
        return session in self._busy

    def memory(self, host: str | None, *, most_bytes: int) -> Memory:
        """What a mail that comes in now takes.

        Args:
            host: Where it comes from.
            most_bytes: Of one mail: however small the shares are, one fits in.
        """
        share = max(self.most_bytes // SHARES, most_bytes) if self._is_limited(host) else None
        return Memory(self, host, share)

    def held_for(self, host: str | None) -> int:
        """Bytes of mails that come from there."""
        return self._held[host]

    def hold(self, size: int, host: str | None) -> None:
        """So many bytes more, or less, are in memory."""
        self.held += size
        self._held[host] += size
        if not self._held[host]:
            del self._held[host]
        metrics.SMTP_HELD_BYTES.labels(self.source).set(self.held)

    def keep(self, deciding: asyncio.Task[object]) -> None:
        """A mail is being decided; that goes on when its session ends."""
        self._tasks.add(deciding)
        deciding.add_done_callback(self._tasks.discard)

    async def end(self, within: float) -> None:
        """Let the mails that are on their way in come to their end, and send all others off."""
        self.ending = True
        for session in list(self._hosts):
            if session not in self._busy:
                session.hang_up("421 4.3.2 We are closing down; try again later")
        busy = [each.handling for each in self._hosts if each.handling is not None]
        if pending := {*busy, *self._tasks}:
            await asyncio.wait(pending, timeout=within)
        for session in list(self._hosts):
            session.hang_up("421 4.3.2 We are closing down; try again later")
