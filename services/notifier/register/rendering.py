"""The operators' pages, put together from their templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from json import dumps
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from services.notifier import api
from services.notifier.deliveries import Content, DeliveryKind, DeliveryState
from services.notifier.register import answers, contents, listing, wording
from services.notifier.register.listing import Batch, Bounces, Filter, Listing
from services.notifier.register.register import Begun, Entry
from services.notifier.register.sessions import Session
from services.notifier.store import overview, shown
from shared import dead_api
from shared.dead_record import Letter
from shared.dead_register import Page
from shared.dead_shown import plain, shown_key, shown_lines
from shared.notifications import NotificationChannel
from shared.problems import Problem
from shared.tickets import ticket_number

LONGEST_SOURCE = 200_000
"""Characters of a source that a page shows; all of it can be kept."""

_HEADERS = answers.PRIVATE | {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TEMPLATES = Environment(
    loader=PackageLoader("services.notifier", "templates/pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {
    "states": wording.STATES,
    "kinds": wording.KINDS,
    "channels": wording.CHANNELS,
    "outcomes": wording.OUTCOMES,
    "why": wording.why,
    "spell": wording.spell,
    "number": ticket_number,
    "plain": plain,
    "query_of": listing.query_of,
    "DIGEST": DeliveryKind.DIGEST,
    "State": DeliveryState,
}


_HERE = {
    "deliveries": "/deliveries",
    "lanes": "/lanes",
    "bounces": "/bounces",
    "dead_letters": "/dead-letters",
}
"""The pages that stand in the navigation."""


@dataclass(frozen=True, slots=True)
class Links:
    """What pages say about the organisation, and where they lead."""

    brand: str = "Careline"
    messaging_center: str | None = None
    """Public address of messaging, no slash at its end."""

    def conversation(self, ticket: UUID) -> str | None:
        """Where agents find the ticket's thread: customers' links are theirs alone."""
        base = self.messaging_center
        return None if base is None else f"{base}/inbox/{ticket}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Makes pages for one request."""

    links: Links
    style: str
    """Version of the style sheet."""
    now: datetime
    session: Session | None = None

    def sign_in(self, *, next_: str, problem: Problem | None = None) -> Response:
        """The form that takes a token, perhaps once more."""
        status = problem.status if problem else 200
        wrong = problem.document["detail"] if problem else None
        if status == HTTPStatus.UNAUTHORIZED:
            wrong = "The token does not hold: it is not whole, has expired, or is for another desk."
        return self._page("sign_in", status=status, next=next_, wrong=wrong)

    def deliveries(
        self,
        asked: Listing,
        found: shown.Found,
        counts: Mapping[DeliveryState, shown.Count],
        lanes: Sequence[str],
    ) -> Response:
        """The list."""
        return self._page(
            "deliveries",
            asked=asked,
            found=found,
            counts=counts,
            older=found.next and listing.written(found.next),
            lanes=sorted({*lanes, *asked.lane}),
            all_kinds=list(DeliveryKind),
            all_channels=list(NotificationChannel),
            look_through=shown.LOOK_THROUGH,
        )

    def delivery(
        self, entry: Entry, content: Content | None, *, show: str | None, told: str | None
    ) -> Response:
        """All that is known of one."""
        looked = contents.take_apart(content) if content else None
        return self._page(
            "delivery",
            entry=entry,
            delivery=entry.delivery,
            looked=looked,
            views=_views(looked),
            show=show or next(iter(_views(looked)), None),
            source=_source(content),
            told=told,
            conversation=self._conversation(entry),
        )

    def again(self, entry: Entry) -> Response:
        """Whether one is to be sent again."""
        return self._page("again", entry=entry, delivery=entry.delivery)

    def many_again(self, asked: Filter, batch: Batch, waiting: Begun) -> Response:
        """Whether many are to be sent again."""
        fields = batch.model_dump(mode="json", exclude_defaults=True)
        return self._page("many_again", asked=asked, fields=fields, waiting=waiting)

    def many_begun(self, batch: Batch, begun: Begun) -> Response:
        """How many were."""
        fields = batch.model_dump(mode="json", exclude_defaults=True)
        return self._page("many_begun", batch=batch, begun=begun, fields=fields)

    def lanes(self, lanes: Sequence[overview.Lane]) -> Response:
        """How each way out stands."""
        return self._page("lanes", lanes=lanes)

    def bounces(
        self,
        found: Sequence[overview.Bounce],
        asked: Bounces,
        older: str | None,
        *,
        told: str | None,
    ) -> Response:
        """Addresses that get no mail for now."""
        return self._page("bounces", bounces=found, asked=asked, older=older, told=told)

    def dead_letters(
        self, found: Mapping[str, Page], *, whole: bool, service: str | None, later: bool
    ) -> Response:
        """What services could not handle."""
        return self._page(
            "dead_letters", found=found, whole=whole, service=service, later=later, key=shown_key
        )

    def dead_letter(self, letter: Letter, *, told: str | None) -> Response:
        """All that is known of one."""
        content = shown_lines(letter.value, most=LONGEST_SOURCE)
        return self._page("dead_letter", letter=letter, content=content, told=told, key=shown_key)

    def dead_again(self, letter: Letter, refusal: str | None) -> Response:
        """Whether one is to be put back."""
        return self._page("dead_again", letter=letter, refusal=refusal, key=shown_key)

    def problem(self, problem: Problem) -> Response:
        """A refusal."""
        return self._page(
            "problem", status=problem.status, headers=problem.headers, document=problem.document
        )

    def _page(
        self,
        name: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **facts: object,
    ) -> Response:
        page = _TEMPLATES.get_template(f"{name}.html.jinja").render(
            links=self.links,
            style=self.style,
            here=_HERE.get(name),
            now=self.now,
            ago=lambda instant: wording.ago(instant, self.now),
            session=self.session,
            may_send=self.session is not None and self.session.may(api.SENDERS),
            may_look_at_dead=self.session is not None and self.session.may(dead_api.READERS),
            may_replay=self.session is not None and self.session.may(dead_api.REPLAYERS),
            **facts,
        )
        # What nobody can write in UTF-8 stood in somebody's mail: the page is shown all the same.
        body = page.encode("utf-8", "replace")
        return Response(
            body, status_code=status, media_type="text/html", headers=_HEADERS | dict(headers or {})
        )

    def _conversation(self, entry: Entry) -> str | None:
        ticket = entry.delivery.ticket
        return None if ticket is None else self.links.conversation(ticket)


def _views(looked: contents.Shown | None) -> dict[str, str]:
    """In which ways it can be looked at, the best first."""
    if looked is None:
        return {}
    views = {
        "html": "As it looked" if looked.html is not None else None,
        "text": "As plain text" if looked.text is not None else None,
        "source": "As it was sent",
    }
    return {name: words for name, words in views.items() if words is not None}


def _source(content: Content | None) -> str:
    if content is None:
        return ""
    posted = contents.take_apart(content).posted
    if posted is not None:
        return dumps(posted, ensure_ascii=False, indent=2)[:LONGEST_SOURCE]
    return contents.source(content).decode("utf-8", "replace")[:LONGEST_SOURCE]
