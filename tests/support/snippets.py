"""The blocks of a page of `docs/analytics`, so that tests run the page's own text.

A block that is to be run has a mark before it: `<!-- run: name -->`.
"""

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "analytics"
_MARKED = re.compile(
    r"<!-- run: (?P<name>[a-z-]+) -->\n+```[a-z]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def names(page: str) -> set[str]:
    """What the blocks of a page are called."""
    return set(_blocks(page))


def snippet(page: str, name: str) -> str:
    """The text of one block."""
    return _blocks(page)[name]


def _blocks(page: str) -> dict[str, str]:
    text = (PAGES / page).read_text(encoding="utf-8")
    found = [(match["name"], match["text"]) for match in _MARKED.finditer(text)]
    blocks = dict(found)
    assert len(blocks) == len(found) == text.count("<!-- run:"), f"{page}: a mark is wrong or twice"
    return blocks
