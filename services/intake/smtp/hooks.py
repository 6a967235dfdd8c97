"""What a session of SMTP asks us: whom we greet, from whom and for whom we take mail."""

import re
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.intake.accepting import MailIntake
from services.intake.smtp.recipients import Recipients

COMMAND_BYTES = 2048
"""Of a command line: long addresses with options need more than the 512 of old."""
COMMANDS = {"*": 30, "MAIL": 100, "DATA": 100, "RSET": 200, "RCPT": 5000}
"""How often a session may say each."""
STRANGERS = 25
"""Recipients that we don't know, before a session is somebody who guesses addresses."""

_STATUS = re.compile(r"([245]\d\d) (?!\d\.\d{1,3}\.\d{1,3} )")
_DETAILS = {
    "221": "2.0.0",
    "250": "2.0.0",
    "252": "2.5.0",
    "421": "4.3.0",
    "451": "4.3.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "530": "5.7.0",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.7.0",
    "555": "5.5.4",
}


def enhance(status: str) -> str:
    """An answer of aiosmtpd's with an enhanced status code (RFC 2034), which its own lack."""
    found = _STATUS.match(status)
    detail = None if found is None else _DETAILS.get(found[1])
    return status if detail is None else f"{status[:4]}{detail} {status[4:]}"


class Guest(Session):
    """A session, and what we remember of it."""

    strangers = 0
    host: str | None = None


# No slots: aiosmtpd looks at each of its members, and with them Python 3.11.2 trips over one.
@dataclass(frozen=True)
class Hooks:
    """aiosmtpd calls each by its name."""

    intake: MailIntake
    recipients: Recipients
    most_recipients: int

    async def handle_EHLO(  # noqa: N802 - aiosmtpd calls it so
        self, _: SMTP, session: Guest, __: Envelope, hostname: str, offered: list[str]
    ) -> list[str]:
        """What we can do. Nobody logs in here, so nobody is told how."""
        session.host_name = hostname
        kept = [line for line in offered if line[4:8] not in ("AUTH", "HELP")]
        return [*kept, "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_MAIL(  # noqa: N802 - the same
        self, _: SMTP, session: Guest, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Say at once what would be said after the mail, as far as that is known."""
        verdict = self.intake.not_now(session.host)
        if verdict is not None:
            return verdict.line
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - the same
        self, _: SMTP, session: Guest, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Ours, or nobody's."""
        if len(envelope.rcpt_tos) >= self.most_recipients:
            return "452 4.5.3 Too many recipients; send it again to the rest"
        if not self.recipients.has(address):
            session.strangers += 1
            return "550 5.1.1 We take no mail for that address"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"
