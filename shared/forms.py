"""What forms of our own pages send: read within limits, and only from our own pages."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared import web
from shared.problems import Problem

FORM_LIMIT = 512 * 1024
"""Bytes of a form without files; the longest text that a ticket takes fits in fully escaped."""
FILES = 10
"""Of one form."""
FILE_BYTES = 10 * 1024 * 1024
"""Of one file."""
ALL_FILES_BYTES = 20 * 1024 * 1024
"""Of all files of one form."""
LARGE = 1024 * 1024
"""Bytes; forms that may be larger take their turns, so that memory is held by few at once. Smaller
ones don't wait: whoever sends files slowly keeps nobody from sending words."""
MOST_FIELDS = 50
MOST_PARTS = 100
"""Files that are read at all, so that more than may be sent are refused with the fields kept."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that somebody added to a form."""

    name: str
    """As the browser calls it: on one line, without a path; may be strange."""
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The fields and files of a form."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[SentFile, ...] = ()

    def first(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return next((value for key, value in self.fields if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a field, as they stand in the form."""
        return tuple(value for key, value in self.fields if key == name)


class FilesTooLarge(Problem):
    """Files over a limit; the fields beside them came through.

    Args:
        detail: Which limit.
        form: The fields, without files.
    """

    def __init__(self, detail: str, form: Form) -> None:
        super().__init__(413, "Request too large", detail)
        self.form = form


async def read_form(request: Request, *, others: Sequence[str] = ()) -> Form:
    """What a form of ours sent, urlencoded or as multipart with files.

    Args:
        request: Not read yet.
        others: Other origins of the desk whose pages may send this form too.

    Raises:
        FilesTooLarge: 413, the files are too many or too large.
        Problem: 403 from another site, 413 over a limit, 400 for what is no form.
    """
    refuse_other_sites(request, others=others)
    return await read_fields(request)


async def read_fields(request: Request) -> Form:
    """What somebody sent as a form, whoever made it: for callers that no browser speaks for.

    Args:
        request: Not read yet.

    Raises:
        Problem: 413 over a limit, 400 for what is no form.
    """
    limit = FORM_LIMIT + ALL_FILES_BYTES
    if int(request.headers.get("content-length") or 0) > limit:
        raise _too_large(f"At most {ALL_FILES_BYTES // 1024**2} MiB of files are taken.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise _no_form()
    # The parser itself has no limit on the whole: it reads from here, within ours.
    body = await web.read_body(request, limit=limit if "multipart" in media_type else FORM_LIMIT)
    request._body = body  # noqa: SLF001 - as Starlette keeps it once it was read
    try:
        async with request.form(
            max_files=MOST_PARTS, max_fields=MOST_FIELDS, max_part_size=FORM_LIMIT
        ) as form:
            request._body = b""  # noqa: SLF001 - what was in it is held by the form: not twice
            return await _taken(form)
    except HTTPException as error:
        raise Problem(400, "Malformed request", str(error.detail)) from None


def may_be_large(request: Request) -> bool:
    """Whether a form may be larger than `LARGE`: it says so, or doesn't say how large it is."""
    said = request.headers.get("content-length", "")
    return not said.isdecimal() or int(said) > LARGE


def refuse_other_sites(request: Request, *, others: Sequence[str] = ()) -> None:
    """Take nothing that a page of another site sends.

    Browsers say where a request is from. Pages that ask them for no `Referer` send `Origin: null`
    with forms: then it is `Sec-Fetch-Site` that counts.

    Raises:
        Problem: 403.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if origin is not None and origin in others:
        return
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = origin is not None and _is_here(request, origin)
    if not is_ours:
        raise Problem(403, "Forbidden", "This came from another site, or does not say from where.")


def refuse_unproved(proof: str, given: Sequence[str]) -> None:
    """Take a form only with the proof that stood in it.

    Args:
        proof: What the forms of this session hold.
        given: What came with the form.

    Raises:
        Problem: 403 for a form that was made elsewhere, or for an earlier session.
    """
    if len(given) != 1 or not proof or not hmac.compare_digest(given[0].encode(), proof.encode()):
        detail = "This form is from an earlier session. Please open the page anew."
        raise Problem(403, "Forbidden", detail)


async def _taken(form: FormData) -> Form:
    fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
    uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    # A field for files that was left empty comes as a file without a name.
    given = [upload for upload in uploads if upload.filename or upload.size]
    if (over := _over(given)) is not None:
        raise FilesTooLarge(over, Form(fields))
    return Form(fields, tuple([await _file(upload) for upload in given]))


def _over(uploads: Sequence[UploadFile]) -> str | None:
    """Which limit files are over, or None."""
    sizes = [upload.size or 0 for upload in uploads]
    if len(sizes) > FILES:
        return f"At most {FILES} files are taken."
    if max(sizes, default=0) > FILE_BYTES:
        return f"One file has at most {FILE_BYTES // 1024**2} MiB."
    if sum(sizes) > ALL_FILES_BYTES:
        return f"All files together: at most {ALL_FILES_BYTES // 1024**2} MiB."
    return None


async def _file(upload: UploadFile) -> SentFile:
    return SentFile(upload.filename or "", upload.content_type or "", await upload.read())


def _too_large(detail: str) -> Problem:
    return Problem(413, "Request too large", detail, headers={"Connection": "close"})


def _no_form() -> Problem:
    return Problem(400, "Malformed request", "This is no form that a page here would send.")


def _is_here(request: Request, origin: str) -> bool:
    try:
        return urlsplit(origin)[:2] == (request.url.scheme, request.url.netloc)
    except ValueError:
        return False
