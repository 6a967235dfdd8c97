"""Canned answers: found and put into an answer by agents, written by leads."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.messaging import access, store
from services.messaging.pages.chapters import fill
from services.messaging.pages.desk import Desk, address, id_of
from services.messaging.store import answers
from services.messaging.store.answers import Canned
from services.messaging.visitors import Visitor
from shared.forms import Form
from shared.problems import Problem

MOST = 500
LONGEST_TITLE = 100
LONGEST_TEXT = 10_000


class CannedAnswers:
    """The pages of canned answers.

    Args:
        desk: What agents' pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """All of them, or those with some words."""
        words = request.query_params.get("q", "").strip()[:100].replace("\x00", "")
        async with self._desk.doors.guarded.reading(visitor) as connection:
            found = await answers.list_canned(connection, words=words)
        return self._desk.sheet(
            request,
            visitor,
            "answers.html.jinja",
            found=found,
            words=words,
            told=request.query_params.get("told", ""),
            gone=None,
        )

    async def edit(self, request: Request, visitor: Visitor) -> Response:
        """The form of one, or of a new one."""
        return await self._one(request, visitor, "answer.html.jinja")

    async def ask(self, request: Request, visitor: Visitor) -> Response:
        """Whether it is really to be deleted."""
        return await self._one(request, visitor, "answer_delete.html.jinja")

    async def text(self, request: Request, visitor: Visitor) -> Response:
        """One for a ticket, filled in, as scripts ask for it."""
        async with self._desk.doors.guarded.reading(visitor) as connection:
            canned = await answers.read_canned(connection, _id(request))
            ticket = id_of(request.query_params.get("ticket", ""))
            thread = access.allowed(visitor, await store.read_thread(connection, ticket))
        if canned is None:
            raise _gone()
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return PlainTextResponse(fill(canned.text, thread, visitor), headers=headers)

    async def save(self, request: Request, visitor: Visitor) -> Response:
        """Keep one as the form has it."""
        form = await self._desk.doors.form(request, visitor)
        given = request.path_params.get("answer") or form.first("id")
        canned = Canned(
            id=id_of(given) if given else self._desk.new_id(),
            title=_line(form, "title", LONGEST_TITLE),
            text=_text(form),
            changed_by=visitor.caller.subject,
            changed_at=self._desk.clock(),
        )
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            if not given and await answers.count_canned(connection) >= MOST:
                raise Problem(409, "Too many answers", f"At most {MOST} answers are kept.")
            if not await answers.save_canned(connection, canned):
                detail = f"There is another answer that is called {canned.title!r}."
                raise Problem(409, "Title taken", detail)
        return self._desk.done(request, address("/answers", told="saved"))

    async def delete(self, request: Request, visitor: Visitor) -> Response:
        """Forget one; the page that comes has it still, to be kept again."""
        await self._desk.doors.form(request, visitor)
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            gone = await answers.delete_canned(connection, _id(request))
            found = await answers.list_canned(connection)
        if gone is None:
            return self._desk.done(request, "/answers")
        return self._desk.sheet(
            request,
            visitor,
            "answers.html.jinja",
            found=found,
            words="",
            told="deleted",
            gone=gone,
        )

    async def _one(self, request: Request, visitor: Visitor, template: str) -> Response:
        canned = None
        if "answer" in request.path_params:
            async with self._desk.doors.guarded.reading(visitor) as connection:
                canned = await answers.read_canned(connection, _id(request))
            if canned is None:
                raise _gone()
        return self._desk.sheet(request, visitor, template, canned=canned)


def routes(desk: Desk) -> list[Route]:
    """Where canned answers are."""
    canned, staff, leads = CannedAnswers(desk), desk.doors.staff, desk.doors.leads
    return [
        Route("/answers", staff(canned.show), methods=["GET"]),
        Route("/answers", leads(canned.save), methods=["POST"]),
        Route("/answers/new", leads(canned.edit), methods=["GET"]),
        Route("/answers/{answer}", leads(canned.edit), methods=["GET"]),
        Route("/answers/{answer}", leads(canned.save), methods=["POST"]),
        Route("/answers/{answer}/text", staff(canned.text), methods=["GET"]),
        Route("/answers/{answer}/delete", leads(canned.ask), methods=["GET"]),
        Route("/answers/{answer}/delete", leads(canned.delete), methods=["POST"]),
    ]


def _id(request: Request) -> UUID:
    return id_of(request.path_params["answer"])


def _gone() -> Problem:
    return Problem(404, "Not found", "There is no such answer any more.")


def _line(form: Form, name: str, longest: int) -> str:
    value = " ".join(form.first(name).replace("\x00", "").split())
    if not value or len(value) > longest:
        raise Problem(422, "Invalid request", f"A {name} has 1 to {longest} characters.")
    return value


def _text(form: Form) -> str:
    value = form.first("text").replace("\r\n", "\n").replace("\x00", "").strip()
    if not value or len(value) > LONGEST_TEXT:
        raise Problem(422, "Invalid request", f"A text has 1 to {LONGEST_TEXT} characters.")
    return value
