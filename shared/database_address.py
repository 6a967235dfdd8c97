"""The address of a database: what may stand in it for TLS, and how a server refuses us."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from shared.certificates import authorities, own_certificate, untrusted
from shared.faults import AwayError

SHAPE = "postgresql://role:password@host:port/database"
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_HOST = re.compile(r"(\[[^\]]+\]|[^:\[\]]*)(:[0-9]+)?")
_VERIFY = ("verify-ca", "verify-full")


def check(address: str) -> None:
    """Find what can't work before the first try to connect.

    Raises:
        ValueError: The text says what is wrong, and repeats nothing but paths.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError(f"expected {SHAPE}, got something else") from None
    hosts = parts.netloc.rpartition("@")[2].split(",")
    # What looks like a port may be half of a password; the driver would repeat it.
    is_one = parts.scheme in ("postgresql", "postgres") and all(map(_HOST.fullmatch, hosts))
    if not is_one:
        raise ValueError(f"expected {SHAPE}, got something else")
    given = dict(parse_qsl(parts.query))
    mode = given.get("sslmode")
    if mode is not None and mode not in MODES:
        raise ValueError(f"expected one of {', '.join(MODES)} for sslmode")
    if mode in _VERIFY and "sslrootcert" not in given:
        raise ValueError(f"expected sslrootcert=/path/of/authorities.pem with sslmode={mode}")
    _check_files(given)


def _check_files(given: dict[str, str]) -> None:
    if (path := given.get("sslrootcert")) is not None:
        try:
            authorities(Path(path))
        except ValueError as error:
            raise ValueError(f"{error}, in sslrootcert={path}") from None
    chain, key = given.get("sslcert"), given.get("sslkey")
    if (chain is None) != (key is None):
        raise ValueError("expected sslcert and sslkey together, or neither")
    if chain is not None and key is not None:
        own_certificate(ssl.create_default_context(), Path(chain), Path(key))


@contextmanager
def refused() -> Iterator[None]:
    """Connect inside of the block; what fails because a server refuses us says so.

    Raises:
        AwayError: The server can be reached and takes no connection from us; the text says why.
    """
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise AwayError(untrusted("the database server", error)) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise AwayError("the database server refuses our role or password") from error
    except ConnectionError as error:
        # The driver's own words: it knows no kind of error for that.
        if "SSL upgrade" in str(error):
            raise AwayError(
                "the database server has no TLS, and we were told to want it"
            ) from error
        raise
