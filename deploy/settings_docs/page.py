"""`docs/configuration.md`: how a desk is told what it needs, and every setting."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from deploy.settings_docs.found import COMMANDS, Setting, classes, settings

GUIDE = Path(__file__).with_name("guide.md")


def page() -> str:
    """The page, in Markdown."""
    return "\n".join(
        [
            GUIDE.read_text(encoding="utf-8"),
            "## Every setting\n",
            "Those marked with ● must be given; those marked with ◆ are secret, and may come from",
            "a file, too.\n",
            *_table(
                ("setting", "takes", "default", "unit", "read by", "meaning"),
                (_row(setting, services) for setting, services in settings().items()),
            ),
            "\n## What commands and tests read\n",
            *_table(
                ("variable", "meaning"), ((f"`{name}`", text) for name, text in COMMANDS.items())
            ),
            "",
        ]
    )


def _row(setting: Setting, services: Sequence[str]) -> tuple[str, ...]:
    marks = " ●" * setting.required + " ◆" * setting.secret
    return (
        f"`{setting.name}`{marks}",
        setting.takes,
        f"`{setting.default}`" if setting.default else "",
        setting.unit,
        "all" if len(services) == len(classes()) else ", ".join(services),
        setting.meaning,
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
