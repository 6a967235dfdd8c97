"""What plans promise, in words that mails and pages share."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.calendars import Calendar, Weekday
from shared.languages import Languages
from shared.plan_words import (
    WORDS,
    PlanRow,
    Promised,
    rows,
    spell_duration,
    spell_holidays,
    spell_hours,
    spell_windows,
)
from shared.plans import CatalogueError, Clock, Priority, load_catalogue, parse_catalogue

DEPLOY = Path(__file__).parents[3] / "deploy"
SHIPPED = (DEPLOY / "plans.toml").read_text(encoding="utf-8")
NINE_TO_FIVE = (("09:00", "17:00"),)
ALL_DAY = (("00:00", "24:00"),)
STARTER = 'targets.default.first_response = "16h"'


def promising(targets: str) -> PlanRow:
    """The starter plan with other targets."""
    assert STARTER in SHIPPED
    text = SHIPPED.replace(STARTER, targets).replace("warnings.default = [0.8]", "")
    return rows(parse_catalogue(text, "plans.toml"), None)[1]


def test_the_plans_stand_side_by_side() -> None:
    """Name, service level, first answer and hours of each, from the lowest to the highest."""
    shown = rows(load_catalogue(DEPLOY / "plans.toml"), "basic")
    week = "Mon to Fri 09:00 to 17:00 (UTC)"
    assert [(row.id, row.service_level, str(row.response), row.hours) for row in shown] == [
        ("self-service", "Self Support", "at no promised time", None),
        ("starter", "Bronze Service & Support", "within 16 hours of working time", week),
        ("basic", "Silver Service & Support", "within 8 hours of working time", week),
        ("advanced", "Gold Service & Support", "within 4 hours of working time", week),
        ("professional", "Platinum Service & Support", "within 1 hour of working time", week),
        (
            "centurion",
            "White-Glove Service & Support",
            "within 30 minutes, round the clock",
            "round the clock, weekends and holidays included",
        ),
    ]
    assert [row.id for row in shown if row.is_own] == ["basic"]
    assert {row.others for row in shown} == {()}
    assert {row.holidays for row in shown} == {None}


def test_every_clock_that_is_promised_is_named() -> None:
    """Each in its own words: news comes every so often, the rest once and within."""
    row = promising(
        'targets.default = { first_response = "4h", next_response = "90m", update = "1h", '
        'resolution = "40h" }'
    )
    assert [f"{each.name}: {each}" for each in row.promises] == [
        "First answer: within 4 hours of working time",
        "Later answers: within 1 hour 30 minutes of working time",
        "News of an open ticket: at least every hour of working time",
        "Solution: within 40 hours of working time",
    ]


def test_a_priority_is_named_where_it_differs() -> None:
    """The most urgent first; what is as for normal tickets is not said again."""
    row = promising(
        'targets.default = { first_response = "4h", resolution = "40h" }\n'
        'targets.urgent.first_response = "1h"\n'
        'targets.low = { first_response = "8h", resolution = "40h" }'
    )
    assert row.response == Promised(
        Clock.FIRST_RESPONSE,
        "First answer",
        "within 4 hours of working time",
        (
            (Priority.URGENT, "within 1 hour of working time"),
            (Priority.LOW, "within 8 hours of working time"),
        ),
    )
    assert str(row.response) == (
        "within 4 hours of working time (urgent: within 1 hour of working time; "
        "low: within 8 hours of working time)"
    )
    (solution,) = row.others
    assert solution.by_priority == ()


def test_a_promise_to_urgent_tickets_alone_is_one() -> None:
    """Normal tickets are promised no time, and both are said."""
    row = promising('targets.urgent.resolution = "8h"')
    assert str(row.response) == "at no promised time"
    (solution,) = row.others
    assert str(solution) == "at no promised time (urgent: within 8 hours of working time)"
    assert row.hours == "Mon to Fri 09:00 to 17:00 (UTC)"


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), NINE_TO_FIVE), "Mon to Fri 09:00"),
        ({"sat": NINE_TO_FIVE, "sun": NINE_TO_FIVE}, "Sat and Sun 09:00 to 17:00 (Asia/Tokyo)"),
        ({"wed": ALL_DAY}, "Wed all day (Asia/Tokyo)"),
        (
            {"mon": (("08:30", "12:00"), ("13:00", "17:00")), "tue": NINE_TO_FIVE},
            "Mon 08:30 to 12:00 and 13:00 to 17:00, Tue 09:00 to 17:00 (Asia/Tokyo)",
        ),
        (
            {"mon": NINE_TO_FIVE, "tue": (), "wed": NINE_TO_FIVE},
            "Mon 09:00 to 17:00, Wed 09:00 to 17:00 (Asia/Tokyo)",
        ),
        (
            dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), NINE_TO_FIVE),
            "every day 09:00 to 17:00 (Asia/Tokyo)",
        ),
    ],
)
def test_a_week_in_words(hours: dict[Weekday, tuple[tuple[str, str], ...]], words: str) -> None:
    """Days in a row with the same hours stand together; the zone is always named."""
    assert spell_hours(Calendar(tz="Asia/Tokyo", hours=hours)).startswith(words)


def test_all_day_every_day_is_round_the_clock_only_without_exceptions() -> None:
    """A single closed day, and it is a week like any other."""
    hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ALL_DAY)
    always = Calendar.model_validate({"tz": "UTC", "hours": hours})
    assert spell_hours(always) == "round the clock, weekends and holidays included"
    mostly = Calendar.model_validate({"tz": "UTC", "hours": hours, "holidays": ["2026-12-24"]})
    assert spell_hours(mostly) == "every day all day (UTC)"


@pytest.mark.parametrize(
    ("country", "subdivision", "words"),
    [
        (None, None, None),
        ("US", None, "closed on public holidays (United States)"),
        ("DE", "BY", "closed on public holidays (Germany, BY)"),
        ("DEU", None, "closed on public holidays (DEU)"),
    ],
)
def test_public_holidays_in_words(
    country: str | None, subdivision: str | None, words: str | None
) -> None:
    """The country by its name, if we know it."""
    where = {"country": country, "subdivision": subdivision}
    calendar = Calendar.model_validate({"tz": "UTC", "hours": {"mon": NINE_TO_FIVE}, **where})
    assert spell_holidays(calendar) == words


@pytest.mark.parametrize(
    ("windows", "words"),
    [((), "closed"), (ALL_DAY, "all day"), (NINE_TO_FIVE, "09:00 to 17:00")],
)
def test_a_day_in_words(windows: tuple[tuple[str, str], ...], words: str) -> None:
    """Closed days too."""
    assert spell_windows(windows) == words


@pytest.mark.parametrize(
    ("locale", "level", "response", "hours"),
    [
        (
            "de-CH",
            "Bronze-Service & Support",
            "innerhalb von 16 Stunden Arbeitszeit",
            "Mo bis Fr 09:00 bis 17:00 (UTC)",
        ),
        (
            "es",
            "Servicio y soporte Bronce",
            "en un plazo de 16 horas (en horario de atención)",
            "de lun a vie de 9:00 a 17:00 (UTC)",
        ),
        (
            "en-US",
            "Bronze Service & Support",
            "within 16 hours of working time",
            "Mon to Fri 9:00\u202fAM to 5:00\u202fPM (UTC)",
        ),
        (
            "tlh",
            "Bronze Service & Support",
            "within 16 hours of working time",
            "Mon to Fri 09:00 to 17:00 (UTC)",
        ),
    ],
)
def test_plans_in_other_languages(locale: str, level: str, response: str, hours: str) -> None:
    """Their own descriptions, our words, and the region's clock; English where we know no other."""
    language = Languages(WORDS).of(locale)
    row = rows(load_catalogue(DEPLOY / "plans.toml"), None, language)[1]
    assert (row.service_level, row.response.words, row.hours) == (level, response, hours)


@pytest.mark.parametrize(
    ("targets", "de", "es"),
    [
        ('{ update = "1h" }', "mindestens jede Stunde", "al menos cada hora"),
        ('{ update = "8h" }', "mindestens alle 8 Stunden", "al menos cada 8 horas"),
        ('{ update = "90m" }', "alle 1 Stunde 30 Minuten", "cada 1 hora y 30 minutos"),
    ],
)
def test_every_so_often_in_other_languages(targets: str, de: str, es: str) -> None:
    """One of something is said without its number."""
    text = SHIPPED.replace(STARTER, f"targets.default = {targets}")
    catalogue = parse_catalogue(text.replace("warnings.default = [0.8]", ""), "plans.toml")
    for locale, words in (("de", de), ("es", es)):
        (news,) = rows(catalogue, None, Languages(WORDS).of(locale))[1].others
        assert words in news.words


def test_a_priority_is_named_in_the_readers_language() -> None:
    """It stands on the one line that has all."""
    text = SHIPPED.replace(STARTER, 'targets.urgent.first_response = "30m"')
    catalogue = parse_catalogue(text.replace("warnings.default = [0.8]", ""), "plans.toml")
    row = rows(catalogue, None, Languages(WORDS).of("de"))[1]
    assert str(row.response) == (
        "ohne zugesagte Zeit (dringend: innerhalb von 30 Minuten Arbeitszeit)"
    )


def test_no_time_at_all_is_said_too() -> None:
    """Less than a second is none."""
    assert spell_duration(timedelta(milliseconds=300)) == "0 seconds"


def test_a_plan_is_described_in_the_nearest_language() -> None:
    """Word by word: what a translation leaves out stays as it stands in the plan."""
    starter = load_catalogue(DEPLOY / "plans.toml").plans[1]
    assert starter.in_language("de-AT").name == starter.name
    assert starter.in_language("de-AT").support == "Support zu den Geschäftszeiten"
    assert starter.in_language("fr") is starter


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('translations.german.name = "x"', "'german' is no language"),
        ('translations.de.nmae = "x"', "unknown key"),
        ('translations.de.name = ""', "must not be empty"),
    ],
)
def test_a_wrong_translation_is_refused(line: str, reason: str) -> None:
    """With its line, as everything in a catalogue."""
    text = SHIPPED.replace(STARTER, f"{STARTER}\n{line}", 1)
    if "de.name" in line:
        text = text.replace('translations.de.name = "Self-Service-Plan"', "")
    with pytest.raises(CatalogueError, match=reason) as caught:
        parse_catalogue(text, "plans.toml")
    number = text.split("\n").index(line) + 1
    assert str(caught.value).startswith(f"plans.toml:{number}: ")
