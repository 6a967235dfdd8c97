"""Files on their way: what they may be called, and in which pieces a broker takes them."""

import base64
import hashlib
import re
from collections.abc import Iterator
from uuid import UUID

from shared.envelope import derive_id
from shared.lines import LINE, one_line
from shared.messages import Attachment, AttachmentReceivedData, AttachmentReceivedPrivate

PART_BYTES = 512 * 1024
"""Of a file's content in one event: in base 64 it is below what a broker takes by default."""

OTHER_TYPE = "application/octet-stream"
_LONGEST_ENDING = 20
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


def safe_name(given: str) -> str:
    """A file's name without path, control characters and leading dots; empty if nothing is left."""
    bare = re.split(r"[/\\]", given)[-1]
    name = one_line(bare, 1000).lstrip(". ")
    if len(name) <= LINE:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = f"{dot}{ending}" if stem and len(ending) <= _LONGEST_ENDING else ""
    return name[: LINE - len(ending)] + ending


def safe_type(given: str) -> str:
    """A media type without parameters, in small letters; `application/octet-stream` for no type."""
    kind = given.partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else OTHER_TYPE


def describe(message: UUID, place: int, *, name: str, kind: str, content: bytes) -> Attachment:
    """What is said of a file that came with a message.

    Args:
        message: That message.
        place: Where it stands among its files, from 0: gives the file its id.
        name: What it is called, already safe.
        kind: Its media type, already safe.
        content: What is in it.
    """
    return Attachment(
        id=derive_id(message, "file", str(place)),
        name=name,
        content_type=kind,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def pieces(content: bytes) -> list[bytes]:
    """A file's content in pieces of 512 KiB at the most; an empty file has one, which is empty."""
    starts = range(0, max(1, len(content)), PART_BYTES)
    return [content[start : start + PART_BYTES] for start in starts]


def parts_of(
    attachment: UUID, content: bytes, *, message: UUID, person: str
) -> Iterator[tuple[str, AttachmentReceivedData]]:
    """What is said of a file's content, piece by piece, each with what tells its event apart.

    Args:
        attachment: Id of the file.
        content: What is in it.
        message: Id of the message that it came with.
        person: Pseudonym of whose it is.
    """
    cut = pieces(content)
    for part, piece in enumerate(cut, 1):
        data = AttachmentReceivedData(
            attachment=attachment,
            message=message,
            part=part,
            parts=len(cut),
            private=AttachmentReceivedPrivate(
                person=person, content=base64.b64encode(piece).decode()
            ),
        )
        yield f"{attachment}/{part}", data
