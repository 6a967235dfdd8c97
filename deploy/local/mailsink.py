"""A mail server that keeps what it gets and delivers nothing, with pages to read it.

`python -m deploy.local.mailsink --smtp-port 8106 --http-port 8105 --folder .careline/mail`
"""

import argparse
import asyncio
import errno
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local import mailpages
from deploy.local.mailbox import Mailbox

HOST = "127.0.0.1"
LARGEST_MAIL = 10 * 1024 * 1024


class Receiver:
    """Says 250 only when the mail is in the folder."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a mail; a full disk is a reason to come again later, not to give up."""
        content = envelope.original_content or b""
        sender = (envelope.mail_from or "").strip("<>")  # aiosmtpd leaves the empty one in brackets
        try:
            kept = self._mailbox.add(sender, envelope.rcpt_tos, content, datetime.now(UTC))
        except OSError as error:
            return f"452 4.3.1 Could not keep the mail: {error.strerror}"
        return f"250 2.0.0 Kept as {kept.id}"


async def serve(mailbox: Mailbox, smtp_port: int, http_port: int) -> None:
    """Serve until SIGINT or SIGTERM. SMTP first: who can read the pages can send a mail."""

    def session() -> SMTP:
        return SMTP(
            Receiver(mailbox),
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="mail.localhost",
            ident="Careline mail sink",
        )

    pages = uvicorn.Server(
        uvicorn.Config(
            mailpages.application(mailbox),
            host=HOST,
            port=http_port,
            log_level="warning",
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
    )
    async with await asyncio.get_running_loop().create_server(session, HOST, smtp_port):
        await pages.serve()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mailsink", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True, help="where mails come in")
    parser.add_argument("--http-port", type=int, required=True, help="where they can be read")
    parser.add_argument("--folder", type=Path, required=True, help="where they are kept")
    given = parser.parse_args()
    try:
        asyncio.run(serve(Mailbox(given.folder), given.smtp_port, given.http_port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"SMTP port {given.smtp_port} is in use already.")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
