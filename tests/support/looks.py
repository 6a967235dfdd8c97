"""How every page is looked at: narrow and wide, light and dark; half of that in each run."""

import pytest


def each_look(narrow: int = 390, wide: int = 1440) -> pytest.MarkDecorator:
    """A test for each width (in CSS pixels) and colour scheme, as arguments `width` and `scheme`.

    Narrow and dark, wide and light are looked at each time, so that every width and every scheme
    is; the other two with `make long`.
    """
    return pytest.mark.parametrize(
        ("width", "scheme"),
        [
            (narrow, "dark"),
            (wide, "light"),
            pytest.param(narrow, "light", marks=pytest.mark.long),
            pytest.param(wide, "dark", marks=pytest.mark.long),
        ],
    )
