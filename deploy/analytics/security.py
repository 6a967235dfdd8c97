"""How the brokers are spoken to, in librdkafka's words: from the variables that services read."""

from collections.abc import Mapping
from pathlib import Path

from deploy.analytics.errors import AnalyticsError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
FILES = {
    "CARELINE_KAFKA_AUTHORITIES": "ssl.ca.location",
    "CARELINE_KAFKA_CERTIFICATE": "ssl.certificate.location",
    "CARELINE_KAFKA_KEY": "ssl.key.location",
}
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PASSWORD = "CARELINE_KAFKA_PASSWORD"  # noqa: S105 - its name


def security_from(environ: Mapping[str, str]) -> dict[str, str]:
    """What librdkafka is told of TLS and login.

    Raises:
        AnalyticsError: A variable is wrong; the text names it.
    """
    protocol = environ.get("CARELINE_KAFKA_SECURITY") or PROTOCOLS[0]
    if protocol not in PROTOCOLS:
        raise AnalyticsError(f"CARELINE_KAFKA_SECURITY: expected one of {', '.join(PROTOCOLS)}")
    told = {"security.protocol": protocol}
    if protocol.endswith("SSL"):
        told |= _files(environ)
    if protocol.startswith("SASL"):
        told |= _login(environ)
    return told


def _files(environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, setting in FILES.items():
        if path := environ.get(name):
            if not Path(path).is_file():
                raise AnalyticsError(f"{name}: expected a file, and there is none")
            found[setting] = path
    return found


def _login(environ: Mapping[str, str]) -> dict[str, str]:
    user, password = environ.get("CARELINE_KAFKA_USER"), environ.get(PASSWORD)
    if path := environ.get(f"{PASSWORD}_FILE"):
        try:
            password = Path(path).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise AnalyticsError(f"{PASSWORD}_FILE: expected a file with the password") from None
    if not user or not password:
        raise AnalyticsError(f"CARELINE_KAFKA_USER, {PASSWORD}: expected, since a login is wanted")
    mechanism = environ.get("CARELINE_KAFKA_MECHANISM") or MECHANISMS[-1]
    if mechanism not in MECHANISMS:
        raise AnalyticsError(f"CARELINE_KAFKA_MECHANISM: expected one of {', '.join(MECHANISMS)}")
    return {"sasl.mechanisms": mechanism, "sasl.username": user, "sasl.password": password}
