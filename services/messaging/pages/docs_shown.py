"""What the documentation's pages have in common: sections, marks, addresses, and being cached."""

import hashlib
from collections.abc import Sequence
from urllib.parse import urlencode

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from services.messaging.articles import GUIDE, TROUBLESHOOTING
from services.messaging.store.article_search import Marked
from services.messaging.store.articles import Shown

KEEPS_FOR = 60
"""Seconds for which browsers may show a page without asking again."""
LAST_PAGE = 50
"""Of results; nobody reads on for so long."""


def mark(pieces: Marked) -> Markup:
    """A text as HTML in which what was looked for is marked; all else is plain words."""
    shown = (
        Markup("<mark>{}</mark>").format(text) if is_hit else escape(text)
        for text, is_hit in pieces
    )
    return Markup("").join(shown)


def sections(articles: Sequence[Shown]) -> list[tuple[str, list[Shown]]]:
    """Guides first, then what to do about trouble, then sections with names of their own."""
    named = dict.fromkeys([GUIDE, TROUBLESHOOTING, *sorted(each.section for each in articles)])
    parted = ((name, [each for each in articles if each.section == name]) for name in named)
    return [(name, found) for name, found in parted if found]


def keepable(request: Request, page: Response) -> Response:
    """Let browsers keep what is the same for everybody: whoever brings a cookie has their own."""
    if request.cookies or request.query_params.get("said"):
        return page
    tag = f'"{hashlib.sha256(bytes(page.body)).hexdigest()[:32]}"'
    kept = {
        "Cache-Control": f"public, max-age={KEEPS_FOR}",
        "ETag": tag,
        "Vary": "Cookie, Accept-Language",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=kept)
    page.headers.update(kept)
    return page


def search_path(question: str, number: int = 1) -> str:
    """Where the results of a question stand."""
    asked = {"q": question} | ({"page": str(number)} if number > 1 else {})
    return f"/docs/search?{urlencode(asked)}"


def page_number(request: Request) -> int:
    """Which page of results is asked for; the nearest that there may be."""
    given = request.query_params.get("page", "1")[:5]
    return min(max(int(given), 1), LAST_PAGE) if given.isascii() and given.isdigit() else 1
