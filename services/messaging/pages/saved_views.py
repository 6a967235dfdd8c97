"""Views of the inbox under a name: saved, renamed, shared, begun with, and deleted."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.messaging.filters import Filter
from services.messaging.pages.desk import Desk, address, id_of
from services.messaging.store import views
from services.messaging.store.views import View
from services.messaging.visitors import Visitor
from shared.forms import Form
from shared.problems import Problem

MOST = 100
"""Views of one person."""
LONGEST_NAME = 60


class SavedViews:
    """The page of one's views, and its forms.

    Args:
        desk: What agents' pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """All views that somebody may use."""
        async with self._desk.doors.guarded.reading(visitor) as connection:
            found = await views.list_views(connection, visitor.caller.subject)
        query = request.query_params
        return self._desk.sheet(
            request,
            visitor,
            "views.html.jinja",
            views=found,
            me=visitor.caller.subject,
            told=query.get("told", ""),
            gone={name: query.get(name, "")[:2000] for name in ("id", "name", "query", "shared")},
        )

    async def save(self, request: Request, visitor: Visitor) -> Response:
        """Keep the filter of the form under a name, as a new view or in place of one's own."""
        form = await self._desk.doors.form(request, visitor)
        me, id_ = visitor.caller.subject, form.first("id")
        wanted = Filter.read(dict(parse_qsl(form.first("query"))))
        view = View(
            id=id_of(id_) if id_ else self._desk.new_id(),
            owner=me,
            shared=form.first("shared") == "yes",
            name=_name(form),
            query=wanted.query,
        )
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            if not id_ and await views.count_views(connection, me) >= MOST:
                raise Problem(409, "Too many views", f"At most {MOST} views of yours are kept.")
            if not await views.save_view(connection, view, now=self._desk.clock()):
                raise _taken(view.name)
        return self._desk.done(request, f"/inbox?{wanted.query or 'all=1'}")

    async def change(self, request: Request, visitor: Visitor) -> Response:
        """Rename a view of one's own, share it or not."""
        form = await self._desk.doors.form(request, visitor)
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            view = await views.read_view(connection, _id(request), visitor.caller.subject)
            if view is None or view.owner != visitor.caller.subject:
                raise Problem(404, "Not found", "You have no such view.")
            changed = replace(view, name=_name(form), shared=form.first("shared") == "yes")
            if not await views.save_view(connection, changed, now=self._desk.clock()):
                raise _taken(changed.name)
        return self._desk.done(request, address("/views", told="changed"))

    async def delete(self, request: Request, visitor: Visitor) -> Response:
        """Forget a view of one's own; the next page has what is needed to have it back."""
        await self._desk.doors.form(request, visitor)
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            gone = await views.delete_view(connection, _id(request), visitor.caller.subject)
        if gone is None:
            return self._desk.done(request, "/views")
        facts = {
            "told": "deleted",
            "id": str(gone.id),
            "name": gone.name,
            "query": gone.query,
            "shared": "yes" if gone.shared else "",
        }
        return self._desk.done(request, f"/views?{urlencode(facts)}")

    async def begin_with(self, request: Request, visitor: Visitor) -> Response:
        """Begin with a view from now on, or with everything."""
        form = await self._desk.doors.form(request, visitor)
        me, id_ = visitor.caller.subject, form.first("view")
        async with self._desk.doors.guarded.transaction(visitor) as connection:
            view = await views.read_view(connection, id_of(id_), me) if id_ else None
            await views.set_default(connection, me, view.id if view else None)
        return self._desk.done(request, address("/views", told="default"))


def routes(desk: Desk) -> list[Route]:
    """Where views are kept."""
    saved, staff = SavedViews(desk), desk.doors.staff
    return [
        Route("/views", staff(saved.show), methods=["GET"]),
        Route("/views", staff(saved.save), methods=["POST"]),
        Route("/views/default", staff(saved.begin_with), methods=["POST"]),
        Route("/views/{view}", staff(saved.change), methods=["POST"]),
        Route("/views/{view}/delete", staff(saved.delete), methods=["POST"]),
    ]


def _id(request: Request) -> UUID:
    return id_of(request.path_params["view"])


def _name(form: Form) -> str:
    name = " ".join(form.first("name").split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        detail = f"A view's name has 1 to {LONGEST_NAME} characters."
        raise Problem(422, "Invalid request", detail)
    return name


def _taken(name: str) -> Problem:
    return Problem(409, "Name taken", f"You have another view that is called {name!r}.")
