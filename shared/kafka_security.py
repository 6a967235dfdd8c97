"""How a client of Kafka proves who it is and knows whom it talks to: TLS and a login.

Every client of ours takes its arguments from here (`tests/architecture/test_kafka_clients.py`). A
broker that can be reached and refuses us is told from one that is away: clients try again for ever
and say no more than that they could not connect.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from shared.certificates import untrusted
from shared.faults import AwayError

if TYPE_CHECKING:
    from faststream.security import BaseSecurity

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

ASK_MS = 3_000
"""How long a broker may take when it is asked why it refuses us."""
CLOSE_WITHIN = 0.2
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who we say that we are."""

    mechanism: Mechanism
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How one speaks to the brokers.

    Args:
        tls: Whose certificates hold, and which is ours; None for a line that is open to all.
        login: None where the brokers ask for none.
    """

    tls: ssl.SSLContext | None = None
    login: Login | None = None

    @property
    def protocol(self) -> Protocol:
        """As Kafka calls it."""
        if self.login is None:
            return "PLAINTEXT" if self.tls is None else "SSL"
        return "SASL_PLAINTEXT" if self.tls is None else "SASL_SSL"

    def for_aiokafka(self) -> dict[str, Any]:
        """Arguments of each of aiokafka's clients."""
        given: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.tls}
        if self.login is not None:
            given["sasl_mechanism"] = self.login.mechanism
            given["sasl_plain_username"] = self.login.user
            given["sasl_plain_password"] = self.login.password
        return given

    def for_faststream(self) -> "BaseSecurity":
        """The `security` of a FastStream broker."""
        from faststream import security  # noqa: PLC0415 - intake is without it

        if self.login is None:
            return security.BaseSecurity(self.tls)
        kind = {
            "PLAIN": security.SASLPlaintext,
            "SCRAM-SHA-256": security.SASLScram256,
            "SCRAM-SHA-512": security.SASLScram512,
        }[self.login.mechanism]
        return kind(self.login.user, self.login.password, self.tls)


OPEN = KafkaSecurity()
"""Neither TLS nor login, as on one machine."""


@asynccontextmanager
async def reaching(bootstrap_servers: str, security: KafkaSecurity) -> AsyncIterator[None]:
    """Connect inside of the block; what fails because a broker refuses us says so.

    Raises:
        AwayError: A broker can be reached and takes no connection from us; the text says why.
    """
    try:
        yield
    except KafkaConnectionError as error:
        if (why := await refusal(bootstrap_servers, security)) is not None:
            raise AwayError(why) from error
        raise


async def refusal(bootstrap_servers: str, security: KafkaSecurity) -> str | None:
    """Why the first broker that can be reached refuses us; None if it doesn't, or all are away."""
    for host, port, _ in collect_hosts(bootstrap_servers):
        try:
            await _ask(host, port, security)
        except (KafkaError, OSError, EOFError) as error:
            if (why := _in_words(error, security)) is not None:
                return why
        else:
            return None
    return None


async def _ask(host: str, port: int, security: KafkaSecurity) -> None:
    """Connect and ask for what anybody may know: only that shows whether the login was missed."""
    connection = AIOKafkaConnection(
        host, port, request_timeout_ms=ASK_MS, **security.for_aiokafka()
    )
    try:
        await connection.connect()
        await connection.send(MetadataRequest([]))
    finally:
        # It says when it is closed, but not if it never was open.
        await asyncio.wait([connection.close()], timeout=CLOSE_WITHIN)


def _in_words(error: Exception, security: KafkaSecurity) -> str | None:
    """Words that anybody may read: they name no address and no user."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return untrusted("the broker", error)
    if isinstance(error, ssl.SSLError):
        return f"the broker and we agree on no TLS ({error.reason})"
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        return "the broker refuses our user or password"
    if isinstance(error, UnsupportedSaslMechanismError | IllegalSaslStateError):
        return "the broker does not offer our way to log in"
    if isinstance(error, KafkaConnectionError) or type(error) is ConnectionResetError:
        return f"the broker hangs up: it may not speak {security.protocol} at this port"
    return None
