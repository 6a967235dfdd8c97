"""The request form and the page of thanks: taken only once the broker has all of it.

Without a script a form is answered by a page; a script, which says so by `X-Careline: script`, is
told where the thanks are, or what is wrong as a problem document.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from services.intake import api, reading, sent, thanks, typed
from services.intake.limits import HourlyCap, Network, network_of
from services.intake.passes import Passes
from services.intake.sheets import PATHS, Sheets
from services.intake.taking import Taking
from services.intake.typed import Around, Typed
from shared import forms, metrics, problems
from shared.faults import BrokerAwayError
from shared.messages import Channel
from shared.pages import in_words
from shared.problems import Problem
from shared.tickets import ticket_number

COME_BACK = "600"
"""Seconds after which who is over the cap may try again."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking a form needs beside pages.

    Args:
        taking: Puts forms on the stream.
        thanks_secret: Makes addresses of thanks.
        new_form: A fresh id for a form: 32 random bytes, for addresses.
        time_zone: Of those whose browser doesn't say.
        public_origin: Under which browsers know the form.
        cap: How many forms an hour, by network.
        trusted: Networks that it doesn't hold for.
        places: How many forms with files are read at once.
    """

    taking: Taking
    thanks_secret: str
    new_form: Callable[[], str]
    time_zone: str
    public_origin: str
    cap: HourlyCap
    trusted: tuple[Network, ...]
    places: asyncio.Semaphore


@dataclass(frozen=True, slots=True)
class RequestPages:
    """The pages' handlers."""

    desk: Desk
    sheets: Sheets
    passes: Passes
    clock: Callable[[], datetime]

    async def show_form(self, request: Request) -> Response:
        """An empty form; a pass in the address is kept, and taken out of the address."""
        if "pass" in request.query_params:
            return self._take_pass(request)
        who = self.passes.of(request)
        empty = typed.of_visitor(self.desk.new_form(), who)
        return self.sheets.form(
            request, empty, channel=_channel(request), who=who, time_zone=self.desk.time_zone
        )

    async def send(self, request: Request) -> Response:
        """Take a form: 303 to the thanks once all of it is on the stream."""
        wrong: dict[str, str] = {}
        try:
            form = await reading.read(request, self.desk.places, self.desk.public_origin)
        except forms.FilesTooLarge as large:
            form, wrong = large.form, {"files": self._too_large(request)}
        filled = typed.read(form, new_form=self.desk.new_form)
        if (network := self._network(request)) is not None:
            if not self.desk.cap.allows(network, self.clock()):
                return self._over_the_cap(request, filled)
            self.desk.cap.add(network, self.clock())
        around = self._around(request)
        asked, mend = typed.check(filled, around, self.sheets.language(request))
        if asked is None or wrong:
            return self._again(
                request, filled, status=413 if wrong else 422, wrong={**mend, **wrong}
            )
        verified = around.who is not None and around.who.account is not None
        taken = sent.Sent(filled.form, asked, verified, form.files)
        try:
            await self.desk.taking.take(
                taken, now=self.clock(), traceparent=api.traceparent(request)
            )
        except BrokerAwayError:
            metrics.TICKETS.labels(around.channel, "unavailable").inc()
            return self._away(request, filled)
        metrics.TICKETS.labels(around.channel, "accepted").inc()
        return self._thank(request, taken, around)

    async def show_thanks(self, request: Request) -> Response:
        """The page of thanks, for whoever has its address."""
        taken = thanks.read_key(
            self.desk.thanks_secret,
            request.path_params["key"],
            now=self.clock(),
            lasts=sent.LINK_LASTS,
        )
        if taken is None:
            raise Problem(404, "Not found", "There is no such page, or it is too long ago.")
        return self.sheets.thanks(request, taken)

    async def sign_in(self, request: Request) -> Response:
        """Off to messaging for a pass, which holds in this browser alone."""
        if not self.passes.secret:
            return _see_other("/request")
        state = self.passes.state_of(request)
        answer = _see_other(f"{self.sheets.links.center}/request?{urlencode({'state': state})}")
        self.passes.begin(answer, state)
        return answer

    async def forget(self, request: Request) -> Response:
        """Be nobody again: for who finds somebody else signed in."""
        forms.refuse_other_sites(request, others=[self.desk.public_origin])
        answer = _see_other("/request")
        self.passes.forget(answer)
        return answer

    def open(self, handler: Handler) -> Handler:
        """A page whose refusals are pages too, or problem documents for scripts."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Problem as problem:
                if _is_script(request):
                    language = self.sheets.language(request)
                    return problems.respond(in_words(problem, language))
                return self.sheets.problem(request, problem)

        return handle

    def _take_pass(self, request: Request) -> Response:
        others = [(name, value) for name, value in request.query_params.items() if name != "pass"]
        query = f"?{urlencode(others)}" if others else ""
        answer = _see_other(f"{request.url.path}{query}")
        self.passes.take(request, request.query_params["pass"], answer)
        return answer

    def _around(self, request: Request) -> Around:
        return Around(
            channel=_channel(request),
            locale=typed.locale_of(request.headers.get("accept-language", "")),
            time_zone=self.desk.time_zone,
            who=self.passes.of(request),
        )

    def _network(self, request: Request) -> str | None:
        host = request.client.host if request.client else None
        return network_of(host, self.desk.trusted)

    def _thank(self, request: Request, taken: sent.Sent, around: Around) -> Response:
        asked = taken.asked
        shown = thanks.Taken(
            form=taken.key,
            at=self.clock(),
            time_zone=asked.time_zone,
            channel=asked.channel,
            priority=asked.priority,
            plan=around.who.plan if around.who else None,
        )
        path = f"/thanks/{thanks.make_key(self.desk.thanks_secret, shown)}"
        if not _is_script(request):
            return _see_other(path)
        number = ticket_number(taken.ticket)
        body = {"ticket": str(taken.ticket), "number": number, "thanks": path}
        return JSONResponse(body, 201, headers={"Location": path, "Cache-Control": "no-store"})

    def _too_large(self, request: Request) -> str:
        return self.sheets.language(request).say(
            "All files together: at most 20 MiB, one file at most 10 MiB, and at most 10 files."
        )

    def _away(self, request: Request, filled: Typed) -> Response:
        say = self.sheets.language(request).say
        trouble = say(
            "We can't take your request just now. Nothing is lost: what you wrote stands below. "
            "Please send it again in a moment; it will not arrive twice."
        )
        headers = {"Retry-After": problems.RETRY_AFTER}
        return self._again(request, filled, status=503, trouble=trouble, headers=headers)

    def _over_the_cap(self, request: Request, filled: Typed) -> Response:
        metrics.TICKETS.labels(_channel(request), "capped").inc()
        say = self.sheets.language(request).say
        trouble = say(
            "Too many requests came from your network within an hour. Yours was not taken: what "
            "you wrote stands below. Please send it again later."
        )
        headers = {"Retry-After": COME_BACK}
        return self._again(request, filled, status=429, trouble=trouble, headers=headers)

    def _again(
        self,
        request: Request,
        filled: Typed,
        *,
        status: int,
        wrong: Mapping[str, str] | None = None,
        trouble: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """The form once more; a script is told why alone."""
        if _is_script(request):
            return problems.respond(_problem(status, wrong, trouble, headers))
        return self.sheets.form(
            request,
            filled,
            channel=_channel(request),
            who=self.passes.of(request),
            time_zone=typed.zone_of(filled, self.desk.time_zone),
            problems=wrong,
            trouble=trouble,
            status=status,
            headers=headers,
        )


def routes(pages: RequestPages) -> list[Route]:
    """The pages of intake."""
    shown, taken = pages.open(pages.show_form), pages.open(pages.send)
    return [
        Route("/", _go_to_form, methods=["GET"]),
        *(Route(path, shown, methods=["GET"]) for path in PATHS.values()),
        *(Route(path, taken, methods=["POST"]) for path in PATHS.values()),
        Route("/request/sign-in", pages.open(pages.sign_in), methods=["GET"]),
        Route("/request/forget", pages.open(pages.forget), methods=["POST"]),
        Route("/thanks/{key}", pages.open(pages.show_thanks), methods=["GET"]),
        *pages.sheets.pages.routes(),
    ]


async def _go_to_form(_: Request) -> Response:
    return _see_other("/request")


def _see_other(path: str) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers=headers)


def _is_script(request: Request) -> bool:
    return request.headers.get("x-careline") == "script"


def _channel(request: Request) -> Channel:
    return next(
        (channel for channel, path in PATHS.items() if request.url.path == path), Channel.WEB
    )


def _problem(
    status: int,
    wrong: Mapping[str, str] | None,
    trouble: str | None,
    headers: dict[str, str] | None,
) -> Problem:
    errors = [{"pointer": f"/{name}", "detail": detail} for name, detail in (wrong or {}).items()]
    title = HTTPStatus(status).phrase
    return Problem(status, title, trouble or title, errors=errors, headers=headers)
