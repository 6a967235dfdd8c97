"""Two catalogues for comparing sla with its slow counterpart: all times lie on half hours.

The hours meet what is easily miscounted: a break at noon, a holiday, days with other hours, nights
in which the clocks are set back, and three zones. Of some priorities nothing is promised.
"""

from datetime import UTC, datetime

from shared.plans import parse_catalogue

BEGIN = datetime(2026, 10, 21, tzinfo=UTC)
"""A Wednesday: exceptions, a weekend with a clock change and a holiday follow."""

_CALENDARS = """
default_plan = "starter"

[calendars.business]
tz = "Europe/Berlin"
holidays = [2026-10-26]
[calendars.business.hours]
mon = [["09:00", "17:00"]]
tue = [["09:00", "17:00"]]
wed = [["09:00", "17:00"]]
thu = [["09:00", "17:00"]]
fri = [["09:00", "17:00"]]
[calendars.business.exceptions]
2026-10-22 = [["10:00", "12:30"]]
2026-10-24 = [["10:00", "14:00"]]
2026-10-28 = "closed"

[calendars.split]
tz = "America/New_York"
[calendars.split.hours]
mon = [["08:00", "12:00"], ["13:00", "18:30"]]
tue = [["08:00", "12:00"], ["13:00", "18:30"]]
thu = [["08:00", "12:00"], ["13:00", "18:30"]]
fri = [["08:00", "12:00"]]
sat = [["08:00", "12:00"]]

[calendars.night]
tz = "Europe/Berlin"
[calendars.night.hours]
mon = [["00:00", "06:00"], ["20:00", "24:00"]]
tue = [["00:00", "06:00"], ["20:00", "24:00"]]
wed = [["00:00", "06:00"], ["20:00", "24:00"]]
thu = [["00:00", "06:00"], ["20:00", "24:00"]]
fri = [["00:00", "06:00"], ["20:00", "24:00"]]
sat = [["00:00", "06:00"], ["20:00", "24:00"]]
sun = [["00:00", "06:00"], ["20:00", "24:00"]]

[calendars.always]
tz = "Asia/Kolkata"
[calendars.always.hours]
mon = [["00:00", "24:00"]]
tue = [["00:00", "24:00"]]
wed = [["00:00", "24:00"]]
thu = [["00:00", "24:00"]]
fri = [["00:00", "24:00"]]
sat = [["00:00", "24:00"]]
sun = [["00:00", "24:00"]]
"""

_PLAN = """
[plans.{id}]
name = "{id}"
service_level = "{id}"
support = "Support"
reach = "Mail"
"""

_TARGETS = {
    "one": {
        "self-service": "",
        "starter": """
calendar = "business"
targets.normal = { first_response = "8h" }
targets.high = { first_response = "4h", resolution = "16h" }
targets.urgent = { first_response = "2h", next_response = "4h", resolution = "8h" }
warnings.default = [0.5]
""",
        "basic": """
calendar = "business"
targets.default = { first_response = "4h", next_response = "3h", update = "6h", resolution = "16h" }
targets.low = { first_response = "8h", next_response = "8h" }
targets.urgent = { first_response = "1h", next_response = "1h30m" }
warnings.default = [0.5, "30m"]
warnings.resolution = [0.25, 0.5, "1h"]
""",
        "advanced": """
calendar = "split"
targets.normal = { first_response = "4h", update = "3h30m", resolution = "8h" }
targets.high = { first_response = "2h", next_response = "2h", update = "2h" }
targets.urgent = { first_response = "1h", next_response = "1h", update = "1h", resolution = "6h" }
warnings.update = ["30m"]
""",
        "professional": """
calendar = "night"
targets.default = { first_response = "3h", next_response = "2h", update = "8h", resolution = "12h" }
targets.high = { first_response = "1h" }
warnings.default = [0.8]
""",
        "centurion": """
calendar = "always"
targets.normal = { first_response = "2h", next_response = "1h30m", update = "12h" }
targets.high = { first_response = "1h", next_response = "1h", update = "6h", resolution = "24h" }
targets.urgent = { first_response = "30m", next_response = "30m", update = "2h", resolution = "4h" }
warnings.default = [0.5]
""",
    },
    "two": {
        "self-service": """
calendar = "business"
targets.urgent = { first_response = "16h" }
""",
        "starter": """
calendar = "always"
targets.default = { first_response = "20h", next_response = "10h", update = "30h" }
targets.urgent = { first_response = "1h" }
warnings.default = [0.5, 0.75]
""",
        "basic": """
calendar = "split"
targets.normal = { first_response = "2h", resolution = "20h" }
targets.high = { first_response = "3h", next_response = "2h", update = "1h", resolution = "2h" }
warnings.default = [0.5]
""",
        "advanced": """
calendar = "split"
targets.default = { first_response = "5h", next_response = "4h", update = "4h", resolution = "9h" }
warnings.default = [0.5, "1h"]
""",
        "professional": "",
        "centurion": """
calendar = "business"
targets.default = { first_response = "1h", next_response = "30m", update = "8h", resolution = "8h" }
targets.low = { resolution = "4h" }
""",
    },
}


def _text(version: str) -> str:
    plans = "".join(_PLAN.format(id=id_) + said for id_, said in _TARGETS[version].items())
    return f'version = "{version}"\n{_CALENDARS}{plans}'


TEXTS = {version: _text(version) for version in _TARGETS}
"""By version, as an organisation would write them."""
CATALOGUES = {version: parse_catalogue(text, version) for version, text in TEXTS.items()}
PLANS = tuple(_TARGETS["one"])
"""From the lowest to the highest."""
