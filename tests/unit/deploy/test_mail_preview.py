"""The previews of mails, as a command."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def preview(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it where no browser is on the path."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "deploy.mail_preview", "--out", str(folder), *arguments],
        cwd=ROOT,
        env={"PATH": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_browser_there_is_html_and_a_plain_word(tmp_path: Path) -> None:
    """It fails, since pictures were asked for, and says what they need."""
    done = preview(tmp_path)
    assert done.returncode == 1
    assert "they need a browser on the path (chromium," in done.stderr
    assert (tmp_path / "acknowledgement-starter.de.html").exists()
    assert "<iframe" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_html_alone_can_be_asked_for(tmp_path: Path) -> None:
    """Every kind in every language, and an index of them all."""
    done = preview(tmp_path, "--html-only")
    assert (done.returncode, done.stderr) == (0, "")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    mails = {path.name for path in tmp_path.glob("*.*.html")}
    assert len(mails) == 14 * 3
    assert all(f'href="{name}"' in index for name in mails)


def test_own_templates_are_previewed_or_refused(tmp_path: Path) -> None:
    """A broken one is named with its line."""
    own, out = tmp_path / "own", tmp_path / "out"
    own.mkdir()
    (own / "reply.html.jinja").write_text("fine\n{{ broken }}")
    done = preview(out, "--html-only", "--templates", str(own))
    assert done.returncode == 1
    assert f"{own / 'reply.html.jinja'}:2: 'broken' is undefined" in done.stderr
