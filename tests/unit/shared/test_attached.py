"""What files may be called, and how they travel."""

import base64
from uuid import UUID

import pytest

from shared.attached import PART_BYTES, describe, parts_of, pieces, safe_name, safe_type

MESSAGE = UUID(int=1)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        (".bashrc", "bashrc"),
        ("a\r\nb.txt", "a b.txt"),
        ("ann\u202efdp.exe", "annfdp.exe"),
        ("\ud800.txt", "\ufffd.txt"),
        ("Größe.txt", "Größe.txt"),
        ("/", ""),
        ("  ..  ", ""),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_files_name_is_one_that_can_be_shown_and_saved(given: str, name: str) -> None:
    """No path, nothing that can't be seen or turns the rest around, and not too long."""
    assert safe_name(given) == name


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("image/PNG", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("", "application/octet-stream"),
        ("text/plain\r\nX: y", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
    ],
)
def test_a_files_type_is_one_or_none(given: str, kind: str) -> None:
    """What is no media type is bytes."""
    assert safe_type(given) == kind


@pytest.mark.parametrize(
    ("size", "count"), [(0, 1), (1, 1), (PART_BYTES, 1), (PART_BYTES + 1, 2), (3 * PART_BYTES, 3)]
)
def test_pieces_are_the_whole(size: int, count: int) -> None:
    """None is larger than a broker takes, and an empty file has one."""
    content = bytes(size)
    cut = pieces(content)
    assert (len(cut), b"".join(cut)) == (count, content)
    assert max(map(len, cut)) <= PART_BYTES


def test_parts_say_whose_they_are_and_which() -> None:
    """Each by something of its own, the same every time."""
    content = bytes(PART_BYTES) + b"the rest"
    file = describe(MESSAGE, 0, name="a.bin", kind="application/octet-stream", content=content)
    first, again = (
        list(parts_of(file.id, content, message=MESSAGE, person="r-one")) for _ in range(2)
    )
    assert first == again
    assert [name for name, _ in first] == [f"{file.id}/1", f"{file.id}/2"]
    assert [(data.part, data.parts) for _, data in first] == [(1, 2), (2, 2)]
    kept = [data.private.content for _, data in first if data.private is not None]
    assert b"".join(map(base64.b64decode, kept)) == content
    other = describe(MESSAGE, 1, name="a.bin", kind="application/octet-stream", content=content)
    assert other.id != file.id
