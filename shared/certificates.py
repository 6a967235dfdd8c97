"""Certificates: whose are trusted, which is ours, and why another's does not hold."""

import ssl
from pathlib import Path

_NAMES_ANOTHER = {62, 64}
"""OpenSSL's numbers for a certificate of another host's name, and of another address."""
_EXPIRED = 10


def untrusted(whose: str, error: ssl.SSLCertVerificationError) -> str:
    """Why the certificate of somebody does not hold."""
    if error.verify_code in _NAMES_ANOTHER:
        return f"{whose}'s certificate is for another name than the one that we call it by"
    if error.verify_code == _EXPIRED:
        return f"{whose}'s certificate has expired"
    return f"{whose}'s certificate is not trusted ({error.verify_message})"


def authorities(given: Path | None) -> Path | None:
    """A file of certificates that others are to be trusted by.

    Raises:
        ValueError: There are none in it.
    """
    try:
        ssl.create_default_context(cafile=given)
    except OSError as error:
        raise ValueError(f"expected a file of certificates (PEM), {_why(error)}") from None
    return given


def own_certificate(tls: ssl.SSLContext, chain: Path, key: Path) -> None:
    """Have a context show a certificate.

    Raises:
        ValueError: They can't be read, or don't belong together.
    """
    try:
        # A password is asked for at the terminal unless it is given.
        tls.load_cert_chain(chain, key, password="")
    except OSError as error:
        raise ValueError(
            f"expected the key, without a password, of the certificate (both PEM), {_why(error)}"
        ) from None


def _why(error: OSError) -> str:
    """Say it without the path, which the reader knows."""
    if isinstance(error, ssl.SSLError):
        return "and what is there is none"
    return f"and it can't be read: {error.strerror}"
