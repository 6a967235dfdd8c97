"""How a service answers with pages: one design, one policy for browsers, words by gettext.

A service's templates stand in its `templates/pages` and extend `base.html.jinja` of `shared/look`.
What the browser fetches beside them is in `shared/look` (the design) and in the service's `static`;
its address changes with its content, so that browsers may keep it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from shared import plan_words
from shared.languages import Language, Languages
from shared.problems import Problem

LOOK = Path(__file__).parent / "look"
"""The design: base templates, style sheets, scripts that every service's pages use."""
WORDS = LOOK / "words"
"""The words of the design, and of refusals of any service, in other languages."""
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_STEADY = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a page may do beside showing what its own service sends."""

    connects_to: Sequence[str] = ()
    """Origins that its scripts may ask."""
    frames: Sequence[str] = ()
    """Origins whose pages it shows in a frame."""
    framed_by: Sequence[str] = ()
    """Origins that may show it in a frame."""
    forms_to: Sequence[str] = ()
    """Origins that its forms lead to, redirects included."""

    @property
    def headers(self) -> Mapping[str, str]:
        """As HTTP says it."""
        directives = {
            "default-src": ("'none'",),
            "script-src": ("'self'",),
            "style-src": ("'self'",),
            "img-src": ("'self'", "data:"),
            "connect-src": ("'self'", *self.connects_to),
            "frame-src": ("'self'", *self.frames),
            "form-action": ("'self'", *self.forms_to),
            "frame-ancestors": tuple(self.framed_by) or ("'none'",),
            "base-uri": ("'none'",),
        }
        written = "; ".join(" ".join((name, *values)) for name, values in directives.items())
        return {
            "Content-Security-Policy": written,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            "Cache-Control": "private, no-store",
        }


@dataclass(frozen=True)
class Pages:
    """Makes the pages of one service.

    Args:
        folder: The service's own, with `templates/pages` and perhaps `static`.
        languages: The words that there are.
        brand: The organisation's name.
        common: What every template is given beside that.
    """

    folder: Path
    languages: Languages
    brand: str = "Careline"
    common: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what never changes while the service runs."""
        object.__setattr__(self, "_files", _read_files(LOOK, self.folder / "static"))
        object.__setattr__(self, "environment", self._environment())

    def language_of(self, request: Request) -> Language:
        """The reader's language, as far as their browser says."""
        asked = request.headers.get("accept-language", "").split(",")
        for each in asked:
            tag = each.partition(";")[0].strip()
            found = self.languages.of(tag) if tag and tag != "*" else None
            if found is not None and found.locale.language == tag.partition("-")[0].lower():
                return found
        return self.languages.of(None)

    def answer(
        self,
        template: str,
        *,
        language: Language,
        status: int = 200,
        policy: Policy | None = None,
        headers: Mapping[str, str] | None = None,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> Response:
        """A page."""
        html = self.render(template, language=language, **values)
        said = dict((policy or Policy()).headers) | dict(headers or {})
        return HTMLResponse(html, status, headers=said | {"Content-Language": language.tag})

    def render(self, template: str, *, language: Language, **values: Any) -> str:  # noqa: ANN401 - the same
        """A template as text: a page, or a part of one."""
        environment: Environment = self.environment  # type: ignore[attr-defined]  # set when made
        found = environment.get_template(template)
        return found.render(
            language=language,
            gettext=partial(_say, language),
            ngettext=language.say_many,
            brand=self.brand,
            static=self.address,
            **self.common,
            **values,
        )

    def problem(self, problem: Problem, *, language: Language, **values: Any) -> Response:  # noqa: ANN401 - the same
        """A refusal as a page."""
        said = in_words(problem, language)
        return self.answer(
            "problem.html.jinja",
            language=language,
            status=problem.status,
            headers=problem.headers,
            problem=said,
            title=said.document["title"],
            detail=said.document["detail"],
            **values,
        )

    def address(self, name: str) -> str:
        """Where the browser finds a file: `/static/look.css?v=…`."""
        files: Mapping[str, bytes] = self._files  # type: ignore[attr-defined]  # set when made
        return f"/static/{name}?v={sha256(files[name]).hexdigest()[:16]}"

    async def get_file(self, request: Request) -> Response:
        """A file of the design, or of the service."""
        files: Mapping[str, bytes] = self._files  # type: ignore[attr-defined]  # set when made
        name = request.path_params["name"]
        if name not in files:
            raise Problem(404, "Not found", "There is no such file.")
        kept = _STEADY if request.query_params.get("v") else _FRESH
        media_type = MEDIA_TYPES[Path(name).suffix]
        headers = {**kept, "X-Content-Type-Options": "nosniff"}
        return Response(files[name], media_type=media_type, headers=headers)

    def routes(self) -> list[Route]:
        """Where the browser fetches files."""
        return [Route("/static/{name}", self.get_file, methods=["GET"])]

    def _environment(self) -> Environment:
        folders = [self.folder / "templates" / "pages", LOOK]
        return Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def languages_of(folder: Path) -> Languages:
    """The languages of a service's pages: of plans, of the design, and of its own `words`."""
    return Languages(plan_words.WORDS, WORDS, folder / "words")


def in_words(problem: Problem, language: Language) -> Problem:
    """A refusal in the reader's words, as far as there are any, for a page or a script of one."""
    title, detail = (
        str(language.words.ugettext(str(problem.document[name]))) for name in ("title", "detail")
    )
    more = problem.document | {"title": title, "detail": detail}
    return Problem(problem.status, title, detail, headers=problem.headers, more=more)


def _say(language: Language, message: str, **values: object) -> Markup:
    """A message for a page: what is filled in is escaped, unless it is markup, such as a link."""
    return Markup(escape(language.words.ugettext(message))) % values  # noqa: S704 - it is escaped


def _read_files(*folders: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix in MEDIA_TYPES
    }
