"""The catalogue in force follows its file, but never onto something that is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from shared.catalogue_file import CatalogueFile
from shared.plans import Catalogue, CatalogueError, parse_catalogue

FIRST = (Path(__file__).parents[3] / "deploy" / "plans.toml").read_text(encoding="utf-8")
SECOND = FIRST.replace('version = "2026-11"', 'version = "2026-12"').replace('"16h"', '"12h"')
WRONG = SECOND.replace('"4h"', '"half a day"').replace('calendar = "always"', 'calendar = "x"')
SAME_VERSION = FIRST.replace('"16h"', '"12h"')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalogue's file, right at first."""
    path = tmp_path / "plans.toml"
    path.write_text(FIRST, encoding="utf-8")
    return path


@pytest.fixture
def file(path: Path) -> CatalogueFile:
    """The same, loaded."""
    file = CatalogueFile(path)
    file.load()
    return file


class Adopted:
    """Keeps the catalogues that it is told of, unless it was given an error to answer with."""

    def __init__(self, *errors: Exception) -> None:
        self.versions: list[str] = []
        self.texts: list[str] = []
        self._errors: Iterator[Exception] = iter(errors)

    async def __call__(self, catalogue: Catalogue, text: str) -> None:
        """Be told."""
        if (error := next(self._errors, None)) is not None:
            raise error
        self.versions.append(catalogue.version)
        self.texts.append(text)


def is_refused() -> float | None:
    """What the metric says."""
    return REGISTRY.get_sample_value("careline_catalogue_refused")


def write(path: Path, text: str) -> None:
    """Write a file, as an editor would."""
    path.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """Take a file away."""
    path.unlink()


async def two_looks(file: CatalogueFile) -> None:
    """As many as a change takes to count."""
    assert not await file.look()
    assert not await file.look()


def test_it_is_loaded_at_start(file: CatalogueFile) -> None:
    """The catalogue is in force at once, with the text it was read from."""
    assert file.catalogue == parse_catalogue(FIRST, "plans.toml")
    assert file.text == FIRST
    assert file.refused == ()


def test_a_wrong_file_at_start_is_an_error(tmp_path: Path) -> None:
    """There is nothing to stay with: whoever starts is told everything, and nothing is in force."""
    (tmp_path / "plans.toml").write_text(WRONG, encoding="utf-8")
    file = CatalogueFile(tmp_path / "plans.toml")
    with pytest.raises(CatalogueError) as caught:
        file.load()
    assert len(caught.value.problems) == 2
    with pytest.raises(RuntimeError, match="not loaded"):
        _ = file.catalogue
    with pytest.raises(CatalogueError, match="can't be read"):
        CatalogueFile(tmp_path / "missing.toml").load()


async def test_a_new_catalogue_is_taken_while_we_run(file: CatalogueFile, path: Path) -> None:
    """It is in force once its file stands still, and said so once."""
    write(path, SECOND)
    with capture_logs() as lines:
        await file.look()
        assert file.catalogue.version == "2026-11"
        await file.look()
        assert file.catalogue == parse_catalogue(SECOND, "plans.toml")
        await two_looks(file)
    assert [(line["event"], line["version"]) for line in lines] == [
        ("catalogue_reloaded", "2026-12")
    ]


async def test_a_wrong_catalogue_is_refused_and_the_old_one_stays(
    file: CatalogueFile, path: Path
) -> None:
    """Every problem is logged once and shown until the file is mended; the metric says so too."""
    write(path, WRONG)
    with capture_logs() as lines:
        await two_looks(file)
        await two_looks(file)
    assert file.catalogue.version == "2026-11"
    assert is_refused() == 1
    assert [line["event"] for line in lines] == ["catalogue_refused"]
    assert lines[0]["problems"] == file.refused
    assert lines[0]["in_force"] == "2026-11"
    duration, calendar = file.refused
    line = WRONG[: WRONG.index('"half a day"')].count("\n") + 1
    assert duration.startswith(f"{path}:{line}: plans.advanced.targets.default.first_response: ")
    assert calendar.endswith("plans.centurion.calendar: there is no calendar 'x'")

    write(path, SECOND)
    await two_looks(file)
    assert file.catalogue.version == "2026-12"
    assert (file.refused, is_refused()) == ((), 0)


async def test_what_was_in_force_mends_a_wrong_file_too(file: CatalogueFile, path: Path) -> None:
    """Undoing the edit ends the refusal; nothing new is in force, so nothing is said of it."""
    write(path, WRONG)
    await two_looks(file)
    write(path, FIRST)
    with capture_logs() as lines:
        await two_looks(file)
    assert (file.refused, is_refused(), lines) == ((), 0, [])


async def test_a_file_that_is_being_written_is_not_read_half(
    file: CatalogueFile, path: Path
) -> None:
    """A text that breaks off between two tables is a catalogue, but not the one that was meant."""
    half = SECOND[: SECOND.rindex("calendar =")]
    assert parse_catalogue(half, "plans.toml").version == "2026-12"
    write(path, half)
    await file.look()
    write(path, SECOND)
    await two_looks(file)
    assert file.catalogue == parse_catalogue(SECOND, "plans.toml")
    assert file.refused == ()


async def test_a_file_that_is_away_for_a_moment_does_no_harm(
    file: CatalogueFile, path: Path
) -> None:
    """Editors replace files; only one that stays away is a problem."""
    remove(path)
    await file.look()
    write(path, FIRST)
    await two_looks(file)
    assert (file.refused, is_refused()) == ((), 0)

    remove(path)
    await two_looks(file)
    assert file.catalogue.version == "2026-11"
    assert is_refused() == 1
    (problem,) = file.refused
    assert "can't be read" in problem


async def test_a_link_that_is_pointed_elsewhere_is_followed(tmp_path: Path) -> None:
    """Mounted configuration is changed so: the file's own path stays a link to the same link."""
    for name, text in (("v1", FIRST), ("v2", SECOND)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plans.toml").write_text(text, encoding="utf-8")
    (tmp_path / "data").symlink_to("v1")
    (tmp_path / "plans.toml").symlink_to("data/plans.toml")
    file = CatalogueFile(tmp_path / "plans.toml")
    file.load()
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").rename(tmp_path / "data")
    await two_looks(file)
    assert file.catalogue.version == "2026-12"


async def test_other_content_needs_another_version(file: CatalogueFile, path: Path) -> None:
    """Promises name their catalogue's version, so it can't mean two things."""
    write(path, SAME_VERSION)
    await two_looks(file)
    assert file.catalogue == parse_catalogue(FIRST, "plans.toml")
    line = FIRST[: FIRST.index("\nversion =")].count("\n") + 2
    assert file.refused == (
        f"{path}:{line}: version: '2026-11' was in force with other content; give this one its own",
    )


async def test_comments_are_no_content(file: CatalogueFile, path: Path) -> None:
    """A catalogue that says the same in other words needs no other version."""
    adopted = Adopted()
    write(path, f"# For the auditors.\n\n{FIRST}")
    await file.look(adopted)
    await file.look(adopted)
    assert (file.refused, adopted.versions) == ((), [])


async def test_an_earlier_catalogue_may_come_back(file: CatalogueFile, path: Path) -> None:
    """With its own version, and only as it was."""
    for text in (SECOND, FIRST):
        write(path, text)
        await two_looks(file)
    assert file.catalogue == parse_catalogue(FIRST, "plans.toml")
    write(path, SECOND.replace('"12h"', '"13h"'))
    await two_looks(file)
    assert file.catalogue == parse_catalogue(FIRST, "plans.toml")
    assert "'2026-12' was in force with other content" in file.refused[0]


async def test_a_catalogue_is_adopted_before_it_is_in_force(
    file: CatalogueFile, path: Path
) -> None:
    """Who keeps catalogues has it before anybody promises by it; if they can't, we try again."""
    adopted = Adopted(ConnectionRefusedError())
    write(path, SECOND)
    await file.look(adopted)
    with pytest.raises(ConnectionRefusedError):
        await file.look(adopted)
    assert file.catalogue.version == "2026-11"
    assert (file.refused, is_refused()) == ((), 0)
    await file.look(adopted)
    assert file.catalogue.version == "2026-12"
    assert (adopted.versions, adopted.texts) == (["2026-12"], [SECOND])


async def test_whoever_adopts_may_refuse(file: CatalogueFile, path: Path) -> None:
    """They may know of a catalogue of this version from before we were started."""
    write(path, SECOND)
    adopted = Adopted(CatalogueError("plans.toml", [(9, "version: was another")]))
    for _ in range(4):
        await file.look(adopted)
    assert file.catalogue.version == "2026-11"
    assert file.refused == ("plans.toml:9: version: was another",)
    assert adopted.versions == []
