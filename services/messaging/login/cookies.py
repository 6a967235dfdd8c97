"""Cookies of these pages: what they are called, and that nobody else reads or sets them."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie, as long as the browser keeps it.

    Under https its name begins with `__Host-`, which browsers hold to Secure, to this host alone
    and to the whole of it. Over plain http it is set for this machine alone.
    """

    name: str
    public_address: str
    """Where people reach these pages: it decides, whatever stands in between."""
    lasts: timedelta
    """Until the browser forgets it; what it opens may end earlier."""

    @property
    def full_name(self) -> str:
        """As the browser knows it."""
        return f"__Host-{self.name}" if self._is_secure else self.name

    @property
    def is_allowed(self) -> bool:
        """Whether nobody can read it on its way."""
        return self._is_secure or is_loopback(urlsplit(self.public_address).hostname)

    def read(self, request: Request) -> str:
        """Its value, or nothing."""
        return request.cookies.get(self.full_name, "")

    def put(self, response: Response, value: str) -> None:
        """Give it to the browser; nothing where somebody on the way could read it."""
        if self.is_allowed:
            response.set_cookie(
                self.full_name,
                value,
                max_age=int(self.lasts.total_seconds()),
                path="/",
                secure=self._is_secure,
                httponly=True,
                samesite="lax",
            )

    def drop(self, response: Response) -> None:
        """Take it back."""
        response.delete_cookie(
            self.full_name, path="/", secure=self._is_secure, httponly=True, samesite="lax"
        )

    @property
    def _is_secure(self) -> bool:
        return self.public_address.startswith("https://")


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
