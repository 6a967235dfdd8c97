"""The pages and the JSON of the mail sink.

Mails come from anywhere and hold anything: every value is escaped by the templates, the HTML part
is shown in a frame that may do nothing but look, and the pages load nothing from elsewhere.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deploy.local.mailbox import Mail, Mailbox, Summary

TEMPLATES = Path(__file__).with_name("templates")
PER_PAGE = 25
MOST_AT_ONCE = 1000
ID_PATTERN = re.compile(r"\d{0,12}")
LINK = re.compile(r"(https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]])")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# The frame's own rules: no scripts, no forms, nothing loaded from outside (a picture could tell its
# sender that the mail was read). Links open in a new tab.
FRAME_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'self'; "
        "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    ),
}


def application(mailbox: Mailbox) -> Starlette:
    """Build the web application for a mailbox."""
    pages = Pages(mailbox)
    return Starlette(
        routes=[
            Route("/", pages.listing),
            Route("/messages/{id}", pages.mail),
            Route("/messages/{id}/html", pages.html_part),
            Route("/messages/{id}/source", pages.source),
            Route("/style.css", pages.style),
            Route("/api/messages", pages.api_list),
            Route("/api/messages/{id}", pages.api_mail),
            Route("/health/ready", pages.ready),
        ],
        # Only by these names: a page elsewhere can't point a name of its own at this machine.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={HTTPException: pages.refusal},
    )


class Pages:
    """One method per address."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
        )
        self._templates.filters["local"] = _local_time
        self._templates.filters["pieces"] = _pieces

    async def listing(self, request: Request) -> Response:
        """List mails, newest first, a page at a time."""
        words = request.query_params.get("q", "")
        found = self._mailbox.newest_first(words)
        last = max(1, -(-len(found) // PER_PAGE))
        page = min(_number(request, "page", 1, most=10**9), last)
        shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
        links = {
            name: "/?" + urlencode({"q": words, "page": number})
            for name, number in (("newer", page - 1), ("older", page + 1))
            if 1 <= number <= last
        }
        return self._page(
            "mail_list.html", mails=shown, words=words, page=page, last=last,
            total=len(found), links=links,
        )  # fmt: skip

    async def mail(self, request: Request) -> Response:
        """Show one mail."""
        return self._page("mail.html", mail=self._find(request))

    async def html_part(self, request: Request) -> Response:
        """Serve a mail's HTML for the frame: as it came, but links leave the frame."""
        html = self._find(request).html
        if html is None:
            raise HTTPException(404, "This mail has no HTML part.")
        return HTMLResponse(
            re.sub(r"(?i)(<head[^>]*>)", r'\1<base target="_blank">', html, count=1),
            headers=FRAME_HEADERS,
        )

    async def source(self, request: Request) -> Response:
        """Serve a mail as it came, below the lines that say what its envelope was."""
        source = self._find(request).source
        return Response(source, media_type="text/plain; charset=utf-8", headers=HEADERS)

    async def style(self, _: Request) -> Response:
        """Serve the only style sheet."""
        style = (TEMPLATES / "mail.css").read_text(encoding="utf-8")
        return Response(style, media_type="text/css", headers=HEADERS)

    async def api_list(self, request: Request) -> Response:
        """List mails as JSON, oldest first; `next` is what `after` has to be for the rest."""
        after = request.query_params.get("after", "")
        if not ID_PATTERN.fullmatch(after):
            raise HTTPException(422, "after must be the id of a mail.")
        limit = _number(request, "limit", 100, most=MOST_AT_ONCE)
        found = self._mailbox.oldest_first(request.query_params.get("to"), after, limit)
        messages = [_as_json(mail) for mail in found]
        return JSONResponse(
            {"messages": messages, "next": found[-1].id if len(found) == limit else None},
            headers=HEADERS,
        )

    async def api_mail(self, request: Request) -> Response:
        """Give one mail as JSON."""
        mail = self._find(request)
        body = {
            **_as_json(mail.summary),
            "headers": mail.headers,
            "text": mail.text,
            "html": mail.html,
            "attachments": mail.attachments,
        }
        return JSONResponse(body, headers=HEADERS)

    async def ready(self, _: Request) -> Response:
        """Say that mails can be sent: SMTP listens before these pages do."""
        return JSONResponse({"status": "ready"}, headers=HEADERS)

    async def refusal(self, request: Request, error: Exception) -> Response:
        """Say what is wrong: a problem document (RFC 9457) for programs, a page for people."""
        known = error if isinstance(error, HTTPException) else HTTPException(500)
        if request.url.path.startswith(("/api/", "/health/")):
            problem = {"title": known.detail, "status": known.status_code}
            media_type = "application/problem+json"
            return JSONResponse(problem, known.status_code, HEADERS, media_type)
        return self._page("mail_refused.html", known.status_code, reason=known.detail)

    def _find(self, request: Request) -> Mail:
        mail = self._mailbox.read(request.path_params["id"])
        if mail is None:
            raise HTTPException(404, "There is no such mail.")
        return mail

    def _page(self, template: str, status_code: int = 200, **values: object) -> Response:
        html = self._templates.get_template(template).render(values)
        return HTMLResponse(html, status_code, HEADERS)


def _number(request: Request, name: str, otherwise: int, most: int) -> int:
    text = request.query_params.get(name, str(otherwise))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
        raise HTTPException(422, f"{name} must be a number from 1 to {most}.")
    return int(text)


def _as_json(mail: Summary) -> dict[str, Any]:
    return {**asdict(mail), "received_at": mail.received_at.isoformat()}


def _local_time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Split a text into links and what is between them; the template escapes both."""
    for number, piece in enumerate(LINK.split(text)):
        yield number % 2 == 1, piece
