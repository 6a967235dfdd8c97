"""`python -m deploy.settings_docs` writes `docs/configuration.md`; `--check` says if it is current.

So it does with `shared/known_settings.txt`. Exit status 1 when one of them is not current.
"""

import argparse
import sys
from pathlib import Path

from deploy.settings_docs.found import ROOT, names
from deploy.settings_docs.page import page
from shared.setting_problems import KNOWN


def contents() -> dict[Path, str]:
    """What either file has to say."""
    return {
        ROOT / "docs" / "configuration.md": page(),
        KNOWN: "".join(f"{name}\n" for name in names()),
    }


def main() -> None:
    """Read the arguments; write, or check."""
    parser = argparse.ArgumentParser(prog="python -m deploy.settings_docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    only_check = parser.parse_args().check
    for path, text in contents().items():
        if not only_check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.relative_to(ROOT)} is not what the settings say: run `make docs`")


if __name__ == "__main__":
    main()
