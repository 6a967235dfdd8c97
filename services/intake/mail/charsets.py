"""Bytes of a mail as text and files, whatever they claim to be: nothing here raises.

No charset is guessed from statistics: what can't be read as declared is read as UTF-8, else as
Windows-1252, and whoever asked is told that it was a guess, so that the bytes can be kept beside.
"""

import binascii
import codecs
import re
from dataclasses import dataclass
from string import ascii_letters, digits

from shared.lines import SURROGATES

# What a declared charset is read as: by its superset where senders mix them up. Python has codecs
# that are no charsets (some unpack, some are slow), and UTF-7 hides markup: only these count.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
    "iso2022_jp": "iso2022_jp_ext",
}
_CHARSETS = frozenset(
    {
        *(
            "utf-8",
            "utf-8-sig",
            "utf-16",
            "utf-16-be",
            "utf-16-le",
            "koi8-r",
            "koi8-u",
            "mac-roman",
        ),
        *(f"cp{page}" for page in (437, 850, 852, 866, 874, 932, 949, 950, *range(1250, 1259))),
        *(f"iso8859-{part}" for part in range(2, 17) if part not in {9, 12}),
        *("big5", "big5hkscs", "euc_jp", "gb18030", "hz", "iso2022_kr", "iso2022_jp_ext"),
        *("iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004"),
    }
)
_NOT_BASE64 = bytes(set(range(256)) - set(f"{ascii_letters}{digits}+/=".encode()))
_ASCII = frozenset({"ascii", "us-ascii", "ansi_x3.4-1968", "iso646-us", "646"})
_ALIASES = {
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gbk",
    "gb_2312-80": "gb2312",
    "ks_c_5601-1987": "cp949",
    "windows-874": "cp874",
    "cp-850": "cp850",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Bytes as text, and whether that is certain to be what their sender meant."""

    text: str
    is_certain: bool


def decode(content: bytes, charset: str | None) -> Decoded:
    """Bytes as text, whatever charset they claim to be in; what can't be read is U+FFFD."""
    known = _codec(charset)
    for codec in (known, "utf-8"):
        if codec is not None:
            try:
                text = content.decode(codec)
            except UnicodeError:
                continue
            return Decoded(text.translate(SURROGATES), is_certain=True)
    text = content.decode(known or "cp1252", "replace").translate(SURROGATES)
    return Decoded(text, is_certain=False)


def _codec(charset: str | None) -> str | None:
    wanted = (charset or "").strip().strip("\"'").lower()
    if not re.fullmatch(r"[a-z0-9_.:+-]{1,40}", wanted):
        return None
    try:
        name = codecs.lookup(_ALIASES.get(wanted, wanted)).name
    except LookupError:
        return None
    name = _SUPERSETS.get(name, name)
    # "Plain ASCII" with bytes beyond it is UTF-8 more often than anything else: that is tried next.
    return name if name in _CHARSETS and wanted not in _ASCII else None


def decode_base64(content: bytes) -> bytes:
    """Base 64 as far as it goes: what is foreign to it is passed over, missing padding is added."""
    bare = content.translate(None, _NOT_BASE64).rstrip(b"=")
    if b"=" not in bare:
        return _decode_piece(bare)
    # One piece at a time: of a mail made for it there are as many as bytes.
    decoded = bytearray()
    for piece in re.finditer(rb"[^=]+", bare):
        decoded += _decode_piece(piece[0])
    return bytes(decoded)


def _decode_piece(piece: bytes) -> bytes:
    whole = piece[:-1] if len(piece) % 4 == 1 else piece
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
