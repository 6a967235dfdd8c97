"""The pages that intake shows, put together from their templates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.intake import promises, sent
from services.intake.thanks import Taken
from services.intake.typed import Typed
from shared.languages import Language
from shared.messages import Channel
from shared.moments import zone_of
from shared.pages import Pages, Policy
from shared.passes import Pass
from shared.plans import Catalogue, Priority
from shared.problems import Problem
from shared.tickets import ticket_number

PATHS: Mapping[Channel, str] = {Channel.WEB: "/request", Channel.CHAT: "/chat"}
"""Where the forms are."""

# Going back leads to the form as it was, with its id: what is sent again is the same ticket. Forms
# go to `?sent`, since browsers drop what they keep of an address that something is sent to.
_KEPT = {"Cache-Control": "private, no-cache"}
_SECRET = {"Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class Links:
    """Where these pages lead to."""

    center: str
    """Public address of messaging, no slash at its end."""
    documentation: str
    troubleshooting: str
    portal: str | None = None
    terms: str | None = None

    @property
    def origin(self) -> str:
        """Of messaging, as browsers name it."""
        return "://".join(urlsplit(self.center)[:2])


@dataclass(frozen=True, slots=True)
class Sheets:
    """Makes pages for one request after another."""

    pages: Pages
    links: Links
    catalogue: Callable[[], Catalogue]
    """The one in force."""
    clock: Callable[[], datetime]

    def language(self, request: Request) -> Language:
        """The reader's."""
        return self.pages.language_of(request)

    def form(  # noqa: PLR0913 - all that the form shows
        self,
        request: Request,
        typed: Typed,
        *,
        channel: Channel,
        who: Pass | None,
        time_zone: str,
        problems: Mapping[str, str] | None = None,
        trouble: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The form, perhaps once more with what was typed.

        Args:
            request: Whose reader it is for.
            typed: What stands in its fields.
            channel: Which of the forms.
            who: Who is signed in.
            time_zone: In which times are shown.
            problems: What must be mended, by field.
            trouble: Why it was not taken, if that is not the sender's to mend.
            status: Of the answer.
            headers: Of the answer.
        """
        language = self.language(request)
        shown = self._promises(
            language, who.plan if who else None, Priority.NORMAL, self.clock(), time_zone
        )
        return self._answer(
            "request_form.html.jinja",
            request,
            status=status,
            headers=_KEPT | dict(headers or {}),
            policy=Policy(connects_to=[self.links.origin], forms_to=[self.links.origin]),
            typed=typed,
            is_chat=channel is Channel.CHAT,
            here=PATHS[channel],
            who=who,
            problems=problems or {},
            trouble=trouble,
            promises=shown,
            priorities=list(Priority),
        )

    def thanks(self, request: Request, taken: Taken) -> Response:
        """What somebody is told whose request was taken."""
        ticket = sent.ticket_of(taken.form)
        shown = self._promises(
            self.language(request), taken.plan, taken.priority, taken.at, taken.time_zone
        )
        token = sent.link_of(taken.form, now=taken.at).token
        return self._answer(
            "thanks.html.jinja",
            request,
            headers=_SECRET,
            policy=Policy(frames=[self.links.origin], forms_to=[self.links.origin]),
            number=ticket_number(ticket),
            thread=f"{self.links.center}/open/{token}",
            promises=shown,
            is_chat=taken.channel is Channel.CHAT,
            here="",
        )

    def problem(self, request: Request, problem: Problem) -> Response:
        """A refusal."""
        language = self.language(request)
        return self.pages.problem(problem, language=language, **self._common(request, ""))

    def _promises(
        self, language: Language, own: str | None, priority: Priority, at: datetime, zone: str
    ) -> promises.Promises:
        return promises.promises(
            self.catalogue(),
            own,
            priority=priority,
            asked_at=at,
            zone=zone_of(zone),
            language=language,
        )

    def _answer(
        self,
        template: str,
        request: Request,
        *,
        status: int = 200,
        headers: Mapping[str, str],
        policy: Policy,
        **values: Any,  # noqa: ANN401 - whatever the template shows
    ) -> Response:
        here = values.pop("here")
        return self.pages.answer(
            template,
            language=self.language(request),
            status=status,
            headers=headers,
            policy=policy,
            **self._common(request, here),
            **values,
        )

    def _common(self, request: Request, here: str) -> dict[str, Any]:
        say = self.language(request).say
        nav = [
            (say("New request"), "/request"),
            (say("Your requests"), f"{self.links.center}/center"),
            (say("Documentation"), self.links.documentation),
        ]
        return {"center": self.links.center, "links": self.links, "nav": nav, "here": here}
