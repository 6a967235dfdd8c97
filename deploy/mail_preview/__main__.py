"""Write previews of all mails: `make preview-mail`.

Each kind in each language, with several plans, as HTML, and as pictures on a desktop and on a
phone, light and dark; `index.html` shows them side by side.
"""

import argparse
import shutil
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.mail_preview.pictures import BROWSERS, VIEWS, find_browser, running_browser, take
from deploy.mail_preview.previews import Preview, previews
from services.notifier.letters.words import TemplatesError

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "build" / "mail-previews"


def main() -> None:
    """Write them, and say where they are."""
    arguments = _arguments()
    try:
        mails = list(previews(arguments.templates))
    except TemplatesError as error:
        sys.exit(str(error))
    if arguments.out == OUT:
        shutil.rmtree(OUT, ignore_errors=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for mail in mails:
        (arguments.out / f"{mail.stem}.html").write_text(mail.html, encoding="utf-8")
    browser = None if arguments.html_only else find_browser()
    _write_index(mails, arguments.out, pictures=browser is not None)
    print(f"{len(mails)} mails as HTML: {arguments.out / 'index.html'}")
    if browser is not None:
        with running_browser(browser) as running:
            print(f"{take(running, mails, arguments.out)} pictures beside them")
    elif not arguments.html_only:
        sys.exit(
            f"There are no pictures: they need a browser on the path ({', '.join(BROWSERS)}). "
            "With --html-only none are asked for."
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.mail_preview", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="instead of build/mail-previews")
    parser.add_argument("--templates", type=Path, help="an organisation's own templates and words")
    parser.add_argument("--html-only", action="store_true", help="no pictures")
    return parser.parse_args()


def _write_index(mails: list[Preview], folder: Path, *, pictures: bool) -> None:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("index.html.jinja")
    page = template.render(mails=mails, views=VIEWS, pictures=pictures)
    (folder / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
