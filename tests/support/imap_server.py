"""Real IMAP servers for tests: pymap, which is a Python package, and Dovecot where it is installed.

Most mailboxes of this world are Dovecot's. pymap lets the same tests run anywhere.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from imapclient import IMAPClient

from deploy.local import ports
from tests.support.certificates import make_certificate

HOST = "127.0.0.1"
USER, PASSWORD = "support", "a-password-of-the-tests"
DOVECOT = shutil.which("dovecot") or shutil.which("/usr/sbin/dovecot")
STARTS_WITHIN = 20


@dataclass
class ImapServer:
    """A server with one mailbox."""

    port: int
    command: list[str]
    authority: Path | None = None
    tls_port: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(  # noqa: S603 - a server of the test's own
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                self.client().logout()
            except OSError:
                assert time.monotonic() < deadline, "the IMAP server does not start"
                assert self.process.poll() is None, "the IMAP server has ended"
                time.sleep(0.1)
            else:
                return

    def end(self) -> None:
        """End it; a server of this kind may have stored nothing."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def client(self) -> IMAPClient:
        """A connection of the test's own, logged in."""
        client = IMAPClient(HOST, self.port, ssl=False, timeout=10)
        client.login(USER, PASSWORD)
        return client

    def deliver(self, *mails: EmailMessage | bytes, at: datetime | None = None) -> None:
        """Put mails into the inbox, as if they had come now or then."""
        with closing(_Closing(self.client())) as line:
            for mail in mails:
                content = mail if isinstance(mail, bytes) else mail.as_bytes()
                line.client.append("INBOX", content, msg_time=at)

    def count(self, folder: str) -> int:
        """How many mails a folder has; none if it is not there."""
        return len(self.flags(folder))

    def flags(self, folder: str) -> list[tuple[bytes, ...]]:
        """The flags of each mail in a folder."""
        with closing(_Closing(self.client())) as line:
            if not line.client.folder_exists(folder):
                return []
            line.client.select_folder(folder, readonly=True)
            found = line.client.search("ALL")
            return [tuple(each[b"FLAGS"]) for each in line.client.fetch(found, ["FLAGS"]).values()]


@dataclass
class _Closing:
    client: IMAPClient

    def close(self) -> None:
        self.client.logout()


@contextmanager
def running_pymap() -> Iterator[ImapServer]:
    """pymap, which keeps mails in its memory."""
    port = ports.free_ports().intake
    command = [str(Path(sys.executable).with_name("pymap")), "--host", HOST, "--port", str(port)]
    command += ["--no-tls", "--no-service", "admin"]
    command += ["dict", "--demo-user", USER, "--demo-password", PASSWORD]
    server = ImapServer(port, command)
    server.start()
    try:
        yield server
    finally:
        server.end()


@contextmanager
def running_dovecot() -> Iterator[ImapServer]:
    """Dovecot, with TLS; as root it takes the users that its package made."""
    chosen = ports.free_ports()
    folder = Path(tempfile.mkdtemp(prefix="careline-imap-"))
    try:
        chain, key = make_certificate(folder)
        config = folder / "dovecot.conf"
        config.write_text(_config(folder, chosen.intake, chosen.sla, chain, key))
        assert DOVECOT is not None
        command = [DOVECOT, "-F", "-c", str(config)]
        server = ImapServer(chosen.intake, command, chain, chosen.sla)
        server.start()
        try:
            yield server
        finally:
            server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _config(folder: Path, port: int, tls_port: int, chain: Path, key: Path) -> str:
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    mails = folder / "mails"
    mails.mkdir()
    if os.getuid() == 0:
        folder.chmod(0o755)
        os.chown(mails, owner.pw_uid, owner.pw_gid)
        users = ""
    else:
        users = f"default_internal_user = {owner.pw_name}\ndefault_login_user = {owner.pw_name}\n"
    return f"""{users}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = {HOST}
disable_plaintext_auth = no
mail_location = maildir:{mails}/%u
first_valid_uid = 1
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={mails}/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = .
}}
"""
