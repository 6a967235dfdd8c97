"""Mail goes out over TLS to whom we trust, and waits where nobody is to be trusted."""

import ssl
from pathlib import Path

import pytest
import structlog

from services.notifier.deliveries import Accepted, Lost
from tests.integration.notifier.test_channels import Server, send, serving
from tests.support.certificates import make_certificate


def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    return context


async def test_starttls_to_a_server_that_wants_it(tmp_path: Path) -> None:
    """Its certificate holds by an authority of our own."""
    chain, key = make_certificate(tmp_path)
    server = Server()
    told = {"tls_context": _context(chain, key), "require_starttls": True}
    with serving(server, **told) as port:
        assert await send(port, security="starttls", authorities=chain) == Accepted()
    assert len(server.contents) == 1


async def test_a_certificate_of_another_authority_gets_no_mail(tmp_path: Path) -> None:
    """The mail waits, and the log says what to look at."""
    chain, key = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, "other")
    server = Server()
    with (
        structlog.testing.capture_logs() as logged,
        serving(server, tls_context=_context(chain, key)) as port,
    ):
        assert await send(port, security="starttls", authorities=other) == Lost(after_data=False)
    assert not server.commands
    (line,) = [each for each in logged if each["event"] == "smtp_lost"]
    assert line["error"].startswith("the mail server's certificate is not trusted")


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_without_an_authority_of_ours_the_system_decides(
    tmp_path: Path, security: str
) -> None:
    """It knows nothing of a certificate that was made for a test."""
    chain, key = make_certificate(tmp_path)
    server = Server()
    with serving(server, tls_context=_context(chain, key)) as port:
        assert isinstance(await send(port, security=security), Lost)
    assert not server.commands
