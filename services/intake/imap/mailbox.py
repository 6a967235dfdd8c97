"""A folder on an IMAP server: what waits in it, and where a mail goes once we know about it.

IMAPClient blocks; all of this runs in threads (`imap.py`). Two ways to mark a mail: it is moved to
a folder, which every server can do, or where it shall stay, it gets a keyword of ours. That it was
seen would not do: whoever looks into the mailbox sees it, too. No mail is ever deleted.
"""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from services.intake.folders import comparable

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
DONE_KEYWORD, REFUSED_KEYWORD = "CarelineDone", "CarelineRefused"
PAGE = 50
"""Mails whose sizes are asked for at once."""
MOST_HISTORY = 100
"""Mails that may have waited for longer than a day where nobody has ever taken one: more are a
mailbox' past, and nobody wants tickets and acknowledgements for that.
"""


_UNTOUCHED = ["UNDELETED", "UNKEYWORD", DONE_KEYWORD, "UNKEYWORD", REFUSED_KEYWORD]


class ImapError(Exception):
    """Why the mailbox can't be used now."""


class UnusableError(ImapError):
    """Somebody must mend it: a wrong password, a bad certificate, a missing folder."""


class CommandRefusedError(ImapError):
    """The server is there and does not do what it was told."""


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox, as the settings name it."""

    host: str
    port: int
    security: str
    """`tls`, `starttls` or `none`."""
    user: str
    password: str
    folder: str = "INBOX"
    done: str = "Careline/Done"
    """Where mails go that were taken; empty: they stay, with a keyword."""
    refused: str = "Careline/Refused"
    authorities: Path | None = None
    """Certificates that the server's must hold by, instead of the system's."""
    since: date | None = None
    """Mails that came to the server before that day are left alone."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail in the folder."""

    uid: int
    size: int


class Mailbox:
    """One connection, logged in.

    Args:
        account: Which mailbox.

    Raises:
        ImapError: It can't be used; nothing is left open.
    """

    def __init__(self, account: Account) -> None:
        # It logs commands and answers, and so addresses and mails.
        logging.getLogger("imapclient").setLevel(logging.WARNING)
        self._account = account
        self._interrupted = threading.Event()
        with _explained():
            self._client = _connect(account)
        try:
            with _explained():
                self._client.login(account.user, account.password)
                self._moves = self._client.has_capability("MOVE")
                self._idles = self._client.has_capability("IDLE")
                self._done, self._refused = (
                    self._folder(account.done),
                    self._folder(account.refused),
                )
                self._refuse_circle()
        except ImapError:
            self.close()
            raise

    def open(self) -> int:
        """Look into the folder; the number changes when its UIDs mean other mails than before."""
        with _explained():
            try:
                answer = self._client.select_folder(self._account.folder)
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                raise UnusableError(f"the folder {self._account.folder} can't be opened") from None
            keywords = answer.get(b"PERMANENTFLAGS", ())
            if not self._account.done and rb"\*" not in keywords:
                raise UnusableError("the mail server keeps no keywords: name a folder")
            return int(answer.get(b"UIDVALIDITY", 0))

    def refuse_history(self, before: date) -> None:
        """Take no mailbox that was in use before us for one full of new mails.

        Where mails were taken before, what waits has piled up while we were away.

        Raises:
            UnusableError: many mails from before that day wait, and nobody said since when.
        """
        if self._account.since is not None:
            return
        with _explained():
            old = len(self._client.search([*_UNTOUCHED, "BEFORE", before]))
            if old <= MOST_HISTORY or self._took_any():
                return
        raise UnusableError(f"the folder holds {old} old mails: set CARELINE_IMAP_SINCE to a day")

    def waiting(self) -> list[int]:
        """The UIDs of all mails that nobody has dealt with, oldest first."""
        since = self._account.since
        criteria = [*_UNTOUCHED, "SINCE", since] if since else _UNTOUCHED
        with _explained():
            return sorted(self._client.search(criteria))

    def look(self, uids: Sequence[int]) -> list[Waiting]:
        """Some of them with their sizes; those that are gone are left out."""
        with _explained():
            found = self._client.fetch(uids, ["RFC822.SIZE"])
        return [Waiting(uid, int(found[uid][b"RFC822.SIZE"])) for uid in uids if uid in found]

    def read(self, uid: int, most_bytes: int) -> bytes | None:
        """A mail, or None if it is gone; of one that is longer, a byte more than the most.

        Whatever the server said of its size, no more than that is read.

        Raises:
            CommandRefusedError: it is there, and the server can't read it.
        """
        with _explained():
            found = self._client.fetch([uid], [f"BODY.PEEK[]<0.{most_bytes + 1}>"])
        if uid not in found:
            return None
        content = found[uid].get(b"BODY[]<0>")
        if content is None:
            raise CommandRefusedError("the mail server gives a mail without its content")
        return bytes(content)

    def take(self, uid: int) -> None:
        """It is on the stream."""
        self._put_away(uid, self._done, DONE_KEYWORD)

    def refuse(self, uid: int) -> None:
        """It is not wanted, and stays where a person can look at it."""
        self._put_away(uid, self._refused, REFUSED_KEYWORD)

    def wait(self, seconds: float) -> None:
        """Until something is new, as far as the server tells, or for so long."""
        if not self._idles:
            self._interrupted.wait(seconds)
            return
        with _explained():
            self._client.idle()
            try:
                self._client.idle_check(timeout=seconds)
            finally:
                self._client.idle_done()

    def close(self) -> None:
        """Say goodbye, where anybody listens."""
        try:
            self._client.logout()
        except (IMAPClientError, OSError):
            with contextlib.suppress(IMAPClientError, OSError):
                self._client.shutdown()

    def cut(self) -> None:
        """Let whoever waits for the server in another thread wait no longer."""
        self._interrupted.set()
        with contextlib.suppress(OSError, AttributeError):
            self._client.socket().shutdown(socket.SHUT_RDWR)

    def _put_away(self, uid: int, folder: str | None, keyword: str) -> None:
        with _explained():
            if folder is None:
                self._client.add_flags([uid], [rb"\Seen", keyword.encode()], silent=True)
                return
            try:
                self._move(uid, folder)
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                if self._client.folder_exists(folder):
                    raise
                self._client.create_folder(folder)  # somebody has removed it meanwhile
                self._move(uid, folder)

    def _move(self, uid: int, folder: str) -> None:
        if self._moves:
            self._client.move([uid], folder)
        else:
            # Expunging would take what others have marked as deleted, too. We pass over it.
            self._client.copy([uid], folder)
            self._client.add_flags([uid], [rb"\Deleted"], silent=True)

    def _took_any(self) -> bool:
        if self._done is None:
            return bool(self._client.search(["KEYWORD", DONE_KEYWORD]))
        return bool(self._client.folder_status(self._done, ["MESSAGES"])[b"MESSAGES"])

    def _refuse_circle(self) -> None:
        """What was put away must not be found again; only now we know what the folders are called.

        Raises:
            UnusableError: mails would be put into the folder that they are read from.
        """
        _, delimiter = self._naming()
        source = comparable(self._account.folder, delimiter)
        for folder in (self._done, self._refused):
            if folder is not None and comparable(folder, delimiter) == source:
                raise UnusableError(f"mails are read from {folder}, and can't be put away there")

    def _folder(self, name: str) -> str | None:
        """The folder under the name that this server has for it, made where it is missing."""
        if not self._account.done:
            return None
        prefix, delimiter = self._naming()
        full = prefix + name.replace("/", delimiter)
        if not self._client.folder_exists(full):
            with contextlib.suppress(IMAPClientError):  # another replica may have been first
                self._client.create_folder(full)
            if not self._client.folder_exists(full):
                raise UnusableError(f"the folder {full} can't be made")
        return full

    def _naming(self) -> tuple[str, str]:
        if self._client.has_capability("NAMESPACE"):
            personal = self._client.namespace().personal
            if personal:
                prefix, delimiter = personal[0]
                return str(prefix or ""), str(delimiter or "/")
        listed: list[Any] = self._client.list_folders("", "")
        return "", (listed[0][1] or b"/").decode() if listed else "/"


def _connect(account: Account) -> IMAPClient:
    context = ssl.create_default_context(cafile=account.authorities)
    client = IMAPClient(
        account.host,
        account.port,
        ssl=account.security == "tls",
        ssl_context=context,
        timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),
    )
    if account.security == "starttls":
        try:
            client.starttls(context)
        except BaseException:
            client.shutdown()
            raise
    return client


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """What went wrong, in words that repeat nothing that the server said."""
    try:
        yield
    except LoginError:
        raise UnusableError("the mail server refuses the login") from None
    except ssl.SSLCertVerificationError:
        raise UnusableError("the mail server's certificate does not hold") from None
    except (OSError, IMAPClientAbortError) as error:
        raise ImapError(f"the mail server does not answer ({type(error).__name__})") from None
    except IMAPClientError as error:
        raise CommandRefusedError(f"a command was refused ({type(error).__name__})") from None
