"""What the commands do without a desk."""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import commands, presence, supervisor
from deploy.local.errors import DeskError
from deploy.local.presence import Presence
from deploy.local.screen import Screen
from shared.identity import Role

ROOT = Path(__file__).parents[3]


@pytest.fixture
def told() -> io.StringIO:
    """What was shown."""
    return io.StringIO()


@pytest.fixture
def screen(told: io.StringIO) -> Screen:
    """A screen that is no terminal."""
    return Screen(told)


def desk(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody would."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "deploy.local", *arguments],
        env={**os.environ, "CARELINE_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def data_of_a_desk(home: Path) -> None:
    """What a desk leaves in its folder, as far as the names go."""
    for name in ("kafka", "postgres", "mail", "keys", "log", "run"):
        (home / name).mkdir(parents=True)
    (home / "mail" / "1.eml").write_text("", encoding="utf-8")
    (home / "desk.json").write_text("{}", encoding="utf-8")


def test_clean_removes_a_desks_data_and_says_so(
    tmp_path: Path, screen: Screen, told: io.StringIO
) -> None:
    """The demo's desk, which lies inside, goes too; and then the folder itself."""
    home = tmp_path / "home"
    data_of_a_desk(home)
    data_of_a_desk(home / "demo")
    assert commands.clean(home, screen) == 0
    assert not home.exists()
    assert f"Removed {home}: kafka, postgres, mail, keys, log, run" in told.getvalue()
    assert f"Removed {home / 'demo'}: " in told.getvalue()


def test_clean_touches_nothing_else(tmp_path: Path, screen: Screen, told: io.StringIO) -> None:
    """CARELINE_HOME may name a folder that has other things in it."""
    data_of_a_desk(tmp_path)
    (tmp_path / "letters").mkdir()
    assert commands.clean(tmp_path, screen) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]
    assert "Other things in there were left." in told.getvalue()


def test_clean_has_nothing_to_do_twice(tmp_path: Path, screen: Screen, told: io.StringIO) -> None:
    """A folder without data is left as it is, and that is no error."""
    assert commands.clean(tmp_path / "home", screen) == 0
    assert not (tmp_path / "home").exists()
    assert "There is nothing to remove" in told.getvalue()


@pytest.mark.parametrize("where", ["", "demo"])
def test_clean_refuses_while_a_desk_runs(tmp_path: Path, screen: Screen, where: str) -> None:
    """Nothing is removed, neither its data nor the demo's."""
    for folder in (tmp_path, tmp_path / "demo"):
        data_of_a_desk(folder)
    with supervisor.take_lock(tmp_path / where), pytest.raises(DeskError, match="A desk runs in"):
        commands.clean(tmp_path, screen)
    assert (tmp_path / "mail" / "1.eml").exists()
    assert (tmp_path / "demo" / "mail" / "1.eml").exists()


def test_no_token_without_a_desk(tmp_path: Path) -> None:
    """One line on standard error, and nothing that could be taken for a token."""
    asked = desk(tmp_path, "token", "--role", "agent")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == f"No desk runs in {tmp_path}. Start one first: make run\n"


def test_a_customers_token_needs_an_account(tmp_path: Path) -> None:
    """Without one it would open nothing."""
    asked = desk(tmp_path, "token", "--role", "customer")
    assert asked.returncode == 2
    assert "--account" in asked.stderr


def test_a_wrong_catalogue_is_refused_with_its_lines(tmp_path: Path) -> None:
    """Every problem with its line; nothing was started."""
    path = tmp_path / "plans.toml"
    text = (ROOT / "deploy" / "plans.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('first_response = "1h"', 'first_response = "1d"'), "utf-8")
    line = (
        path.read_text(encoding="utf-8").splitlines().index('targets.default.first_response = "1d"')
    )
    asked = desk(tmp_path / "home", "run", "--catalogue", str(path))
    assert asked.returncode == 2
    assert f"{path}:{line + 1}: " in asked.stderr
    assert "nothing was started" in asked.stderr
    assert "Traceback" not in asked.stderr
    assert not (tmp_path / "home").exists()


def test_a_catalogue_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what could be meant instead."""
    asked = desk(tmp_path, "run", "--catalogue", "no-such.toml")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith(f"There is no catalogue {ROOT / 'no-such.toml'}.")


def test_the_word_demo_names_the_demos_catalogue() -> None:
    """And nothing names the default."""
    assert commands.catalogue_path("demo").name == "plans-demo.toml"
    assert commands.catalogue_path(None).name == "plans.toml"


def test_the_printed_command_is_one_that_a_shell_understands() -> None:
    """Pasted, it is curl with an address, a content type and a JSON body."""
    words = shlex.split("\n".join(commands.curl("http://127.0.0.1:8101")))
    assert words[:2] == ["curl", "-sS"]
    assert "http://127.0.0.1:8101/v1/tickets" in words
    body = json.loads(words[words.index("-d") + 1])
    assert body.keys() >= {"requester", "subject", "text"}


def test_a_desk_is_found_only_while_it_runs(tmp_path: Path, screen: Screen) -> None:
    """What a killed desk left is nobody's address, also if another starts in its folder."""
    left = Presence(os.getpid() + 1, "plans.toml", "1", "careline", {"intake": "http://there"})
    presence.write(tmp_path, left)
    assert presence.find(tmp_path) is None
    with supervisor.take_lock(tmp_path):
        assert presence.find(tmp_path) is None
        mine = Presence(os.getpid(), "plans.toml", "1", "careline", {"intake": "http://here"})
        presence.write(tmp_path, mine)
        assert presence.find(tmp_path) == mine
        presence.remove(tmp_path)
        assert presence.find(tmp_path) is None
    with pytest.raises(DeskError, match="No desk runs"):
        commands.token(tmp_path, Role.AGENT, None, 1, screen)
