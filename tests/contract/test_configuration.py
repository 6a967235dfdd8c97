"""`docs/configuration.md` tells every setting that there is, and services warn of no others."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.settings_docs.__main__ import contents
from deploy.settings_docs.found import COMMANDS, ROOT, classes, names, settings
from shared.setting_problems import variable
from shared.setting_words import Kind

TABLE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
READ_BY_CODE = re.compile(r"\bCARELINE_[A-Z][A-Z_]*[A-Z]\b")


def test_the_page_and_the_list_of_names_are_current() -> None:
    """They are written by `make docs`."""
    for path, text in contents().items():
        assert path.read_text(encoding="utf-8") == text, f"run make docs: {path.name}"


def test_every_service_is_found() -> None:
    """Whatever has a folder of services has settings."""
    services = {path.parent.name for path in ROOT.glob("services/*/__main__.py")}
    assert services <= classes().keys()


@pytest.mark.parametrize("service", sorted(classes()))
def test_each_setting_stands_in_the_table(service: str) -> None:
    """By the name that somebody would look for."""
    for name in classes()[service].model_fields:
        assert f"\n| `{variable(name)}`" in TABLE


@pytest.mark.parametrize("service", sorted(classes()))
def test_each_setting_says_what_it_means_and_each_number_what_it_counts(service: str) -> None:
    """Neither can be read off a name."""
    for name, field in classes()[service].model_fields.items():
        assert (field.description or "").rstrip().endswith("."), name
        assert Kind.of(field).unit or not Kind.of(field).is_number, name


def test_what_is_expected_is_told_in_words() -> None:
    """A pattern is for machines."""
    for setting in settings():
        assert not re.search(r"[\^$\\]", setting.takes), setting


def test_every_variable_that_the_code_names_is_known() -> None:
    """A service that was given it would say otherwise that nothing reads it."""
    known = set(names())
    strange = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in _code()
        for name in READ_BY_CODE.findall(path.read_text(encoding="utf-8"))
        if name not in known and not any(each.startswith(name) for each in known)
    }
    assert strange == set()


def test_what_commands_read_is_read_by_some_code() -> None:
    """What is gone from the code goes from the page."""
    text = "".join(path.read_text(encoding="utf-8") for path in _code())
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert [name for name in COMMANDS if name not in text + tests] == []


def _code() -> Iterator[Path]:
    for folder in ("shared", "services", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent.name != "settings_docs" and path.name != "setting_problems.py":
                yield path
