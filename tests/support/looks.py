"""How every page is looked at: narrow and wide, light and dark; a quarter of that in each run."""

import pytest


def each_look(
    narrow: int = 390, wide: int = 1440, *, at_a_desk: bool = False
) -> pytest.MarkDecorator:
    """A test for each width (in CSS pixels) and colour scheme, as arguments `width` and `scheme`.

    One of them is looked at each time, the other three with `make long`. Customers' pages: narrow
    and dark. Those of people `at_a_desk`: wide and light. So each run looks at every width and at
    every scheme, and at every page.
    """
    each_time = (wide, "light") if at_a_desk else (narrow, "dark")
    looks = [(width, scheme) for width in (narrow, wide) for scheme in ("dark", "light")]
    return pytest.mark.parametrize(
        ("width", "scheme"),
        [
            look if look == each_time else pytest.param(*look, marks=pytest.mark.long)
            for look in looks
        ],
    )
