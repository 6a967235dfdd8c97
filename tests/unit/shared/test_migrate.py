"""Which files count as migrations, and in which order."""

from pathlib import Path

import pytest

from shared.migrate import SHARED, MigrationError, read_migrations


def write(folder: Path, *names: str) -> None:
    """Files with SQL of their own."""
    for name in names:
        (folder / name).write_text(f"SELECT '{name} für alle'", encoding="utf-8")


def test_files_are_read_in_order(tmp_path: Path) -> None:
    """By number, whatever the folder's own order; each knows where it came from."""
    write(tmp_path, "0002_second.sql", "0001_first.sql", "0003_third.sql")
    found = read_migrations("service", tmp_path)
    assert [(m.number, m.name) for m in found] == [
        (1, "0001_first"),
        (2, "0002_second"),
        (3, "0003_third"),
    ]
    assert {m.origin for m in found} == {"service"}
    assert found[0].sql == "SELECT '0001_first.sql für alle'"


@pytest.mark.parametrize(
    "names",
    [
        ["0002_second.sql"],
        ["0001_first.sql", "0003_third.sql"],
        ["0001_first.sql", "0001_also.sql"],
        ["0000_zero.sql", "0001_first.sql"],
    ],
)
def test_gaps_and_repeats_are_refused(tmp_path: Path, names: list[str]) -> None:
    """Numbers are 1, 2, 3 and so on; the message has the folder and what was found."""
    write(tmp_path, *names)
    with pytest.raises(MigrationError, match="numbers must be 1 to") as refused:
        read_migrations("service", tmp_path)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize("name", ["2_second.sql", "second.sql", "00002_second.sql", "0002.sql"])
def test_a_file_without_a_number_is_not_passed_over(tmp_path: Path, name: str) -> None:
    """A file that would silently never be applied is named instead."""
    write(tmp_path, "0001_first.sql", name)
    with pytest.raises(MigrationError, match=name):
        read_migrations("service", tmp_path)


def test_other_files_are_no_migrations(tmp_path: Path) -> None:
    """Notes and programs beside them are left alone; an empty folder has none."""
    assert read_migrations("service", tmp_path) == ()
    write(tmp_path, "README.md", "0001_first.sql.orig", "__init__.py")
    assert read_migrations("service", tmp_path) == ()


def test_an_edit_changes_the_checksum(tmp_path: Path) -> None:
    """However small; another name does not."""
    write(tmp_path, "0001_first.sql")
    (before,) = read_migrations("service", tmp_path)
    (again,) = read_migrations("service", tmp_path)
    (tmp_path / "0001_first.sql").write_text(before.sql + " ", encoding="utf-8")
    (edited,) = read_migrations("service", tmp_path)
    assert before.checksum == again.checksum != edited.checksum


def test_the_shared_ones_are_whole() -> None:
    """What every service has can be read."""
    assert [migration.number for migration in read_migrations("shared", SHARED)][:1] == [1]
