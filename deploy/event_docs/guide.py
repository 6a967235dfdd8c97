"""What a reader of the stream has to know: one text, for the README and for the page."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.event_docs.asyncapi import DEAD_HEADERS
from deploy.event_docs.parties import NAMESPACE
from shared.envelope import CONTENT_TYPE, DATA_POINTER, SCHEMA_URN

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
SNIPPETS = {path.stem: path for path in sorted((HERE / "snippets").glob("[!_]*.py"))}
"""Code that stands in the text as it is; tests run it."""


def guide() -> str:
    """The text, in Markdown."""
    snippets = {name: path.read_text(encoding="utf-8") for name, path in SNIPPETS.items()}
    templates = Environment(  # noqa: S701 - it makes Markdown, of our own words alone
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return templates.get_template("guide.md.jinja").render(
        namespace=NAMESPACE,
        content_type=CONTENT_TYPE,
        urn=SCHEMA_URN,
        pointer=DATA_POINTER,
        dead_headers=DEAD_HEADERS,
        **snippets,
    )
