"""What everybody gets from every route of messaging: the decision about each, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.support.matrix_desk import NEEDLE
from tests.support.matrix_people import (
    ASSIGNEE,
    BEARERS,
    OTHERS,
    OWNERS,
    SIGNED_IN,
    STAFF,
    TOKEN_STAFF,
    Who,
)


class Gets(Enum):
    """What somebody is answered."""

    IN = auto()
    """What they asked for."""
    INBOX = auto()
    """A way to the inbox: agents have pages of their own."""
    SIGN_IN = auto()
    """A way to the page where one signs in."""
    NO_TOKEN = auto()
    """401."""
    FORBIDDEN = auto()
    """403."""
    HIDDEN = auto()
    """404, the same as for what there is not."""


Rule = Mapping[Who, Gets]


def _rule(otherwise: Gets, **those: frozenset[Who]) -> Rule:
    """Somebody who is named twice gets what is named last."""
    rule = dict.fromkeys(Who, otherwise)
    for name, whom in those.items():
        rule |= dict.fromkeys(whom, Gets[name.upper()])
    return rule


TOKEN_CUSTOMERS = (OWNERS | OTHERS) & BEARERS
HOLDERS = frozenset({Who.HOLDER, Who.OTHER_HOLDER})
CUSTOMERS = SIGNED_IN - STAFF

CLOSED = frozenset({Gets.SIGN_IN, Gets.NO_TOKEN, Gets.FORBIDDEN, Gets.HIDDEN})
"""What is said to those who may not."""

EVERYBODY = _rule(Gets.IN)
# The API takes tokens alone, whatever cookies there are.
BY_TOKEN = _rule(Gets.NO_TOKEN, IN=TOKEN_CUSTOMERS | TOKEN_STAFF)
TOKEN_THEIRS = _rule(Gets.NO_TOKEN, IN=TOKEN_STAFF | (OWNERS & BEARERS), HIDDEN=OTHERS & BEARERS)
TOKEN_STAFFS = _rule(
    Gets.NO_TOKEN, IN=TOKEN_STAFF, FORBIDDEN=OWNERS & BEARERS, HIDDEN=OTHERS & BEARERS
)
TOKEN_NO_CUSTOMERS = _rule(Gets.NO_TOKEN, IN=TOKEN_STAFF, FORBIDDEN=TOKEN_CUSTOMERS)
TOKEN_NOTE = _rule(Gets.NO_TOKEN, IN=TOKEN_STAFF, HIDDEN=TOKEN_CUSTOMERS)
TOKEN_LEADS = {**TOKEN_NO_CUSTOMERS, Who.TOKEN_AGENT: Gets.FORBIDDEN}
TOKEN_ADMINS = {**TOKEN_LEADS, Who.TOKEN_LEAD: Gets.FORBIDDEN}
TOKEN_NOBODYS = _rule(Gets.NO_TOKEN, HIDDEN=TOKEN_STAFF | TOKEN_CUSTOMERS)
# Pages take cookies alone, whatever tokens there are.
VISITORS = _rule(Gets.SIGN_IN, IN=SIGNED_IN | HOLDERS)
CENTER = {**VISITORS, **dict.fromkeys(STAFF, Gets.INBOX)}
THEIRS = _rule(Gets.SIGN_IN, IN=STAFF | (OWNERS - BEARERS), HIDDEN=OTHERS - BEARERS)
CUSTOMERS_PAGE = {**THEIRS, **dict.fromkeys(STAFF, Gets.INBOX)}
NOTE = _rule(Gets.SIGN_IN, IN=STAFF, HIDDEN=(OWNERS | OTHERS) - BEARERS)
NOBODYS = _rule(Gets.SIGN_IN, HIDDEN=SIGNED_IN | HOLDERS)
STAFFS = _rule(Gets.SIGN_IN, IN=STAFF, FORBIDDEN=CUSTOMERS)
LEADS = {**STAFFS, Who.AGENT: Gets.FORBIDDEN}
A_LEADS_OWN = {**STAFFS, Who.AGENT: Gets.HIDDEN, Who.ADMIN: Gets.HIDDEN}
KNOWN = _rule(Gets.SIGN_IN, IN=SIGNED_IN)
NO_LINK = _rule(Gets.HIDDEN)


@dataclass(frozen=True)
class Row:
    """A route, what is sent to it, and who gets what."""

    method: str
    path: str
    """As the route has it."""
    rule: Rule
    gives: frozenset[int]
    """The status for who comes in."""
    query: str = ""
    json: object = None
    form: Mapping[str, str] | None = None
    """Texts may name ids as `{ticket}`, and whoever sends it as `{who}`."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """What stands in the path, where it is not of the same name."""
    streams: bool = False
    proven: bool = True
    """Whether a form must bring the proof of its page."""
    ends_session: bool = False
    about: str = ""
    """Tells rows of one route apart."""

    @property
    def name(self) -> str:
        """What tests call it."""
        return f"{self.method} {self.path}{self.about and ' ' + self.about}"

    @property
    def takes_form(self) -> bool:
        """Whether it takes what a page's form sends."""
        return self.form is not None


def get(path: str, rule: Rule, gives: int = 200, **more: object) -> Row:
    """A row of what is looked at."""
    return Row("GET", path, rule, frozenset({gives}), **more)  # type: ignore[arg-type]  # by name


def post(path: str, rule: Rule, form: Mapping[str, str], *gives: int, **more: object) -> Row:
    """A row of a form; 303 unless it is said otherwise."""
    statuses = frozenset(gives or {303})
    return Row("POST", path, rule, statuses, form=form, **more)  # type: ignore[arg-type]  # by name


def send(method: str, path: str, rule: Rule, gives: int, json: object, **more: object) -> Row:
    """A row of the API."""
    return Row(method, path, rule, frozenset({gives}), json=json, **more)  # type: ignore[arg-type]  # by name


T, D, C = "/v1/tickets/{ticket}", "/inbox/{ticket}", "/center/{ticket}"
FILE, FILES = f"{T}/attachments/{{attachment}}", "/files/{ticket}/{attachment}"
THEIR_FILE, NOTE_FILE = {"attachment": "public file"}, {"attachment": "note file"}
OTHER_FILE = {"attachment": "foreign file"}
SPARE = {"ticket": "spare"}

API = (
    get("/v1/tickets", BY_TOKEN),
    get("/v1/search", BY_TOKEN, query=f"q={NEEDLE}"),
    get(T, TOKEN_THEIRS),
    send("POST", f"{T}/messages", TOKEN_THEIRS, 201, {"text": "Thanks."}),
    send(
        "POST",
        f"{T}/messages",
        TOKEN_NO_CUSTOMERS,
        201,
        {"text": "Among us.", "visibility": "note"},
        about="a note",
    ),
    send("PUT", f"{T}/status", TOKEN_THEIRS, 200, {"status": "open"}),
    send("PUT", f"{T}/priority", TOKEN_STAFFS, 200, {"priority": "high"}),
    send("PUT", f"{T}/assignment", TOKEN_STAFFS, 200, {"assignee": ASSIGNEE.subject}),
    send("PUT", f"{T}/tags", TOKEN_STAFFS, 200, {"tags": ["taipan"]}),
    send("PUT", f"{T}/merge", TOKEN_STAFFS, 200, {"into": "{into}"}, ids=SPARE),
    send("DELETE", f"{T}/merge", TOKEN_STAFFS, 200, None, ids=SPARE),
    send("POST", f"{T}/plan-change", TOKEN_STAFFS, 202, {"plan": "advanced"}),
    send("DELETE", f"{T}/plan-change", TOKEN_STAFFS, 204, None),
    send("PUT", f"{T}/read", TOKEN_THEIRS, 204, {"sequence": 1}),
    get(FILE, TOKEN_THEIRS, ids=THEIR_FILE),
    get(FILE, TOKEN_NOTE, ids=NOTE_FILE, about="of a note"),
    get(FILE, TOKEN_NOBODYS, ids=OTHER_FILE, about="of another ticket"),
    get("/v1/docs/search", EVERYBODY, query="q=exports"),
    # The broker is away, whoever comes.
    get("/v1/dead-letters", TOKEN_LEADS, 503),
    get("/v1/dead-letters/{id}", TOKEN_LEADS, 503, ids={"id": "letter"}),
    send("POST", "/v1/dead-letters/{id}/replay", TOKEN_ADMINS, 503, None, ids={"id": "letter"}),
    get("/v1/privacy/erasures", TOKEN_ADMINS),
    send("POST", "/v1/privacy/erasures", TOKEN_ADMINS, 202, {"person": "r-of-nobody"}),
    # There is no such erasure.
    get(
        "/v1/privacy/erasures/{erasure}",
        {**TOKEN_ADMINS, Who.TOKEN_ADMIN: Gets.HIDDEN},
        ids={"erasure": "spare"},
    ),
)
CENTERS = (
    get("/center", CENTER),
    get("/center", CENTER, query=f"q={NEEDLE}", about="searched"),
    get("/center/live", VISITORS, streams=True),
    get(C, CUSTOMERS_PAGE),
    get(f"{C}/chat", CUSTOMERS_PAGE),
    get(f"{C}/plans", THEIRS),
    get(f"{C}/live", THEIRS, streams=True),
    post(f"{C}/messages", THEIRS, {"text": "Thanks.", "key": "{who}"}),
    post(f"{C}/status", THEIRS, {"status": "open"}),
    post(f"{C}/read", THEIRS, {"sequence": "1"}),
    # It changes nothing that stays: that it comes from a page of ours is enough.
    post("/live/{ticket}/typing", THEIRS, {}, 204, proven=False),
    get(FILES, THEIRS, ids=THEIR_FILE),
    get(FILES, NOTE, ids=NOTE_FILE, about="of a note"),
    get(FILES, NOBODYS, ids=OTHER_FILE, about="of another ticket"),
)
DESK = (
    get("/inbox", STAFFS),
    get("/inbox/live", STAFFS, streams=True),
    post("/inbox/bulk", STAFFS, {"do": "status", "to_status": "open", "ticket": "{ticket}"}),
    get(D, STAFFS),
    get(f"{D}/live", STAFFS, streams=True),
    get(f"{D}/merge", STAFFS, query="into={into}", ids=SPARE),
    post(f"{D}/status", STAFFS, {"status": "open"}),
    post(f"{D}/priority", STAFFS, {"priority": "high"}),
    post(f"{D}/assignment", STAFFS, {"assignee": ASSIGNEE.subject}),
    post(f"{D}/tags", STAFFS, {"tags": "taipan"}),
    post(f"{D}/plan", STAFFS, {"plan": "advanced"}),
    post(f"{D}/merge", STAFFS, {"into": "{into}"}, ids=SPARE),
    post(f"{D}/unmerge", STAFFS, {}, ids=SPARE),
    post(f"{D}/read", STAFFS, {"sequence": "1"}),
    post(f"{D}/messages", STAFFS, {"text": "Hello.", "key": "{who}", "anyway": "1"}),
    post(f"{D}/links/revoke", STAFFS, {}, ids={"ticket": "linked"}),
    get("/search", STAFFS, query=f"q={NEEDLE}"),
    get("/lead", LEADS),
    get("/lead/live", LEADS, streams=True),
    get("/views", STAFFS),
    post("/views", STAFFS, {"name": "{who}", "query": "status=open"}),
    post("/views/default", STAFFS, {"view": ""}),
    post("/views/{view}", A_LEADS_OWN, {"name": "kookaburra"}),
    # Whose it is not is told what they are told whose it was: that there is none of theirs.
    post("/views/{view}/delete", STAFFS, {}, ids={"view": "spare view"}),
    get("/answers", STAFFS),
    post("/answers", LEADS, {"title": "{who}", "text": "Hello."}),
    get("/answers/new", LEADS),
    get("/answers/{answer}", LEADS),
    post("/answers/{answer}", LEADS, {"title": "cassowary", "text": f"cassowary {NEEDLE}"}),
    get("/answers/{answer}/text", STAFFS, query="ticket={ticket}"),
    get("/answers/{answer}/delete", LEADS),
    post("/answers/{answer}/delete", LEADS, {}, 200, 303, ids={"answer": "spare answer"}),
)
FRONT = (
    get("/", {**VISITORS, **dict.fromkeys(STAFF, Gets.INBOX)}, 303),
    get("/cookies", EVERYBODY),
    get("/request", KNOWN, 303),
    Row("GET", "/sign-in", EVERYBODY, frozenset({200, 303})),
    # The provider is away, whoever comes.
    get("/sign-in/start", EVERYBODY, 503),
    get("/sign-in/back", EVERYBODY, 400, query="code=made-up&state=made-up"),
    post("/sign-out", VISITORS, {}, 200, ends_session=True),
    get("/open/{token}", EVERYBODY, 303),
    get("/open/{token}", NO_LINK, ids={"token": "late"}, about="expired"),
    get("/open/{token}", NO_LINK, ids={"token": "revoked"}, about="revoked"),
    get("/open/{token}", EVERYBODY, 202, ids={"token": "unknown"}, about="unheard of"),
    get("/static/{name}", EVERYBODY),
    get("/docs", EVERYBODY),
    get("/docs/search", EVERYBODY, query="q=exports"),
    get("/docs/troubleshooting", EVERYBODY),
    get("/docs/{slug}", EVERYBODY),
    post("/docs/{slug}/helped", EVERYBODY, {"helped": "yes"}),
    # For whoever runs the desk; a proxy in front lets nobody else there.
    get("/health/live", EVERYBODY),
    get("/health/ready", EVERYBODY),
    get("/metrics", EVERYBODY),
)
TABLE = (*API, *CENTERS, *DESK, *FRONT)
