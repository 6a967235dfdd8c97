"""Where keys stand in a TOML file."""

import tomllib

import pytest

from shared.toml_lines import key_lines, nearest_line, syntax_error_line

TEXT = """\
# [not.a.table]
title = "x"  # a = 1

[plans.starter]
note = '''
[not.a.table]
key = "nor a key"
'''
hours = [
    ["09:00"],  # [nor.this]

    ["10:00"]
]
targets.default.first = "1h"
targets.default.next = "2h"
inline = { one = 1, two = { three = 3 } }

[plans."a.b"]
'quoted key' = \"\"\"one line\"\"\"

  [[rows]]
  cell = 1
  [[rows]]
  cell = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("title", 2),
        ("plans", 4),
        ("plans starter", 4),
        ("plans starter note", 5),
        ("plans starter hours", 9),
        ("plans starter targets", 14),
        ("plans starter targets default first", 14),
        ("plans starter targets default next", 15),
        ("plans starter inline two three", 16),
        ("rows", 21),
        ("rows 0 cell", 22),
        ("rows 1", 23),
        ("rows 1 cell", 24),
    ],
)
def test_the_line_of_a_key(path: str, line: int) -> None:
    """A key is found by its path, and text or arrays of several lines are no keys.

    Of several tables of one name each is found by its number.
    """
    assert key_lines(TEXT)[tuple(path.split())] == line


def test_quoted_keys_and_nothing_invented() -> None:
    """Quoted keys are one part of a path, and every key that is found is in the file."""
    lines = key_lines(TEXT)
    assert lines["plans", "a.b", "quoted key"] == 19
    assert {path[0] for path in lines} == {"title", "plans", "rows"}
    assert not any("not" in path or "key" in path or "a" in path for path in lines)


def test_a_missing_key_is_reported_at_the_table_around_it() -> None:
    """What isn't there has no line of its own, so the nearest table is named, or the top."""
    lines = key_lines(TEXT)
    assert nearest_line(lines, ("plans", "starter", "targets", "default", "update", "0")) == 14
    assert nearest_line(lines, ("plans", "gold", "name")) == 4
    assert nearest_line(lines, ("version",)) == 1


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = \nc = 3\n", 2), ("a = 1\nb = [\n2,", 3)])
def test_the_line_of_a_syntax_error(text: str, line: int) -> None:
    """The parser names a line, or else it was the end of the file that surprised it."""
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert syntax_error_line(text, caught.value) == line
