"""The gate: what breaks a reader of the stream is found and named, and what does not passes."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deploy.contract import __main__ as contract
from deploy.contract import stream
from deploy.contract.changes import between
from deploy.contract.stream import Place, Stream
from tests.support.instances import instances
from tests.support.schema_edits import (
    BREAKS,
    HARMLESS,
    OLDER,
    OURS,
    POSTED,
    SLOTTED,
    Edit,
    grow_everywhere,
    model,
)
from tests.support.schemas import FORMATS


@pytest.fixture(scope="module")
def released() -> Stream:
    """The events as they are, taken for a release."""
    now = stream.present()
    return Stream("0.1.0", now.places, now.schemas, now.private)


def edited(released: Stream, edit: Edit) -> Stream:
    """The stream after an edit of it as JSON."""
    tree = json.loads(json.dumps(asdict(released)))
    edit(tree)
    places = {name: Place(**place) for name, place in tree["places"].items()}
    return Stream("0.2.0", places, tree["schemas"], tree["private"])


@pytest.mark.parametrize("case", HARMLESS)
def test_what_breaks_nobody_passes(released: Stream, case: str) -> None:
    """A change that every reader lives with is listed, if it adds anything, and is no break."""
    edit, said = HARMLESS[case]
    changes = between(released, edited(released, edit))
    assert (list(changes.breaks), list(changes.harmless)) == ([], said)


def test_every_schema_may_gain_fields_anywhere(released: Stream) -> None:
    """A field that may be missing can be added to any type at any depth."""
    changes = between(released, edited(released, grow_everywhere))
    assert changes.breaks == ()
    assert len(changes.harmless) > 2 * len(released.schemas)


@pytest.mark.parametrize("case", BREAKS)
def test_a_break_is_named_with_whom_it_breaks(released: Stream, case: str) -> None:
    """One sentence says which field of which type, for whom, and what was and is."""
    edit, said = BREAKS[case]
    assert list(between(released, edited(released, edit)).breaks) == said


JUDGED = [case for case in (*HARMLESS, *BREAKS) if case != "what nobody can judge"]


@pytest.mark.parametrize("case", JUDGED)
def test_records_bear_out_what_is_said_of_readers(released: Stream, case: str) -> None:
    """A validator refuses a record of the other version if a reader is said to, and only then."""
    edit, said = (HARMLESS | BREAKS)[case]
    now = edited(released, edit)
    assert any(f"{OLDER} refuse" in each for each in said) == any(_refused(now, released))
    assert any(f"{OURS} refuse" in each for each in said) == any(_refused(released, now))


def _refused(writer: Stream, reader: Stream) -> Iterator[bool]:
    """Of records that one version may write, those that the other one's schemas refuse."""
    for kind in (POSTED, SLOTTED):
        for written, read in ((writer.schemas, reader.schemas), (writer.private, reader.private)):
            if kind in written and kind in read:
                validator = Draft202012Validator(read[kind], format_checker=FORMATS)
                yield from (not validator.is_valid(each) for each in instances(written[kind]))


def test_nothing_that_was_released_is_broken() -> None:
    """The events are what their readers were promised."""
    assert contract.main([]) == 0


def test_with_no_release_there_is_nothing_to_break(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first release the gate passes, and says that it had nothing to compare with."""
    assert contract.main([], tmp_path / "none") == 0
    assert "have been released yet: there is nothing to break" in capsys.readouterr().out


def test_a_release_is_kept_and_compared_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was released reads back as it was; the same version can't be released twice."""
    assert contract.main(["--release"], tmp_path) == 0
    now = stream.present()
    assert stream.last_released(stream.numbers(now.version)[0], tmp_path) == now
    assert contract.main([], tmp_path) == 0
    assert f"compared with release {now.version}" in capsys.readouterr().out
    assert contract.main(["--release"], tmp_path) == 1
    assert f"{now.version} was released already" in capsys.readouterr().out


def test_a_break_ends_with_status_1_and_is_never_released(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A break against the last release fails, and so does releasing over it."""
    now = stream.present()
    older = edited(now, lambda tree: model(tree, "Channel")["enum"].remove("chat"))
    stream.write(Stream("0.0.9", older.places, older.schemas, older.private), tmp_path)
    for arguments in ([], ["--release"]):
        assert contract.main(arguments, tmp_path) == 1
        assert f'{POSTED}: readers of 0.0.9 refuse data.channel: it may now be "chat"' in (
            capsys.readouterr().out
        )
    assert [path.name for path in tmp_path.iterdir()] == ["0.0.9"]


def test_the_last_release_of_the_same_major_version_counts(tmp_path: Path) -> None:
    """Versions compare by number, and another major version promises nothing to this one."""
    now = stream.present()
    for version in ("0.9.0", "0.10.0", "1.0.0"):
        stream.write(Stream(version, now.places, now.schemas, now.private), tmp_path)
    newest = {major: stream.last_released(major, tmp_path) for major in (0, 1, 2)}
    assert {major: found and found.version for major, found in newest.items()} == {
        0: "0.10.0",
        1: "1.0.0",
        2: None,
    }
