"""A customer who answers a mail of the desk's, over real SMTP."""

import asyncio
import smtplib
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import make_msgid

from deploy.local.history import Mail

SECONDS = 10
REFUSED = 0
"""Stands for an answer that was no code: nobody listens, or the line was lost."""


def answer_to(mail: Mail, sender: str, text: str) -> EmailMessage:
    """The mail that a mail program makes of `text` as an answer, with the old one quoted below."""
    answer = EmailMessage(policy=SMTP)
    answer["From"] = sender
    answer["To"] = mail.reply_to
    answer["Subject"] = mail.subject
    answer["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    answer["In-Reply-To"] = mail.message_id
    answer["References"] = f"{mail.references} {mail.message_id}".strip()
    quoted = "\n".join(f"> {line}" for line in mail.text.splitlines())
    answer.set_content(f"{text}\n\nOn Monday, support wrote:\n{quoted}\n")
    return answer


async def hand_over(mail: Message, server: str) -> int:
    """Give a mail to the server at `host:port`; returns the SMTP code that it got."""
    return await asyncio.to_thread(_hand_over, mail, server)


def _hand_over(mail: Message, server: str) -> int:
    host, _, port = server.rpartition(":")
    try:
        with smtplib.SMTP(host, int(port), timeout=SECONDS) as client:
            client.ehlo_or_helo_if_needed()
            client.mail(mail["From"])
            code, _ = client.rcpt(mail["To"])
            if code != 250:  # noqa: PLR2004 - SMTP's OK
                return code
            return client.data(mail.as_bytes(policy=SMTP))[0]
    except (smtplib.SMTPException, OSError):
        return REFUSED
