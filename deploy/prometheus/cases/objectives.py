"""Cases of error budgets: objectives of which events go wrong at a steady or a changing rate."""

from collections.abc import Mapping, Sequence

from deploy.prometheus.budgets import BURNS, Burn
from deploy.prometheus.cases.case import Case, Check, Firing, Measured
from deploy.prometheus.objectives import OBJECTIVES, Objective
from deploy.prometheus.pace import DAY, HOUR, MINUTE, spell

MANY = 10_000
"""Events a minute: far beyond any floor."""
_SECOND = ("intake-latency", "deadlines")
"""They count what another objective counts by another measure, and so have cases of their own."""
_SETS = (
    [each for each in OBJECTIVES if each.name not in _SECOND],
    [each for each in OBJECTIVES if each.name in _SECOND],
)


def cases() -> list[Case]:
    """All that are evaluated every minute."""
    return [
        *(_steady(_SETS[0], times) for times in (16, 7.5, 4.5, 1.8, 0.8)),
        *(_steady(_SETS[1], times) for times in (16, 0.8)),
        *(_few(_SETS[0], share) for share in (0.8, 1.4)),
        _over(_SETS[0]),
        _quiet(),
        _forgotten((30 * MINUTE, HOUR), every=1, bad=10, sees=10 * MINUTE, forgets=20 * MINUTE),
        _left(),
    ]


def slow_cases() -> list[Case]:
    """Those over days, evaluated every hour."""
    windows = [2 * HOUR, 6 * HOUR, DAY, 3 * DAY, 30 * DAY]
    return [_forgotten(windows, every=2, bad=125, sees=HOUR, forgets=3 * HOUR)]


def _series(objective: Objective, bad: str, good: str) -> dict[str, str]:
    """Counters of what went wrong and of what went well, as they are written in a case."""
    name = objective.histogram
    if objective.bad is not None:
        labels = 'job="intake",http_route="/v1/tickets",http_response_status_code'
        # Probes are nobody's requests.
        probe = labels.replace("/v1/tickets", "/health/ready")
        return {
            f'{name}_count{{{labels}="503"}}': bad,
            f'{name}_count{{{labels}="202"}}': good,
            f'{name}_count{{{probe}="503"}}': f"0+{MANY}x10000",
        }
    labels = _labels(objective)
    edge = f'le="{objective.within!r}"'
    return {
        f'{name}_count{{{labels}instance="slow"}}': bad,
        f'{name}_bucket{{{labels}instance="slow",{edge}}}': "0x50000",
        f'{name}_count{{{labels}instance="quick"}}': good,
        f'{name}_bucket{{{labels}instance="quick",{edge}}}': good,
    }


def _labels(objective: Objective) -> str:
    if objective.name == "intake-latency":
        return 'job="intake",http_route="/request",http_response_status_code="200",'
    return f"{objective.matchers}," if objective.matchers else ""


def _all(those: Sequence[Objective], bad: Mapping[str, str], good: str) -> dict[str, str]:
    series: dict[str, str] = {}
    for each in those:
        series |= _series(each, bad[each.name], good)
    return series


def _firing(objective: Objective, share: float, burns: Sequence[Burn]) -> list[Firing]:
    """What fires at these burns when such a share goes wrong."""
    value = f"{share * 100:.4g}%"
    return [
        Firing({"objective": objective.name}, value, {"burn": f"{burn.rate:g}"}) for burn in burns
    ]


def _steady(those: Sequence[Objective], times: float) -> Case:
    """So many times as fast as the budget allows: alerts up to that rate fire, no others."""
    series: dict[str, str] = {}
    for each in those:
        bad = each.allowed * times * MANY
        series |= _series(each, f"0+{bad:.6f}x75", f"0+{MANY - bad:.6f}x75")
    burns = [burn for burn in BURNS if burn.rate < times]
    return Case(
        series,
        [Check(each.alert, "70m", _firing(each, each.allowed * times, burns)) for each in those],
    )


def _few(those: Sequence[Objective], share: float) -> Case:
    """All that happens goes wrong, and within 55 minutes it is this share of the floor."""
    steps = {each.name: round(share * each.floor / 55, 6) for each in those}
    # A little more than their sum: a counter that goes back by a rounding error has begun anew.
    bad = {name: f"0+{step}x55 {step * 55 + 1e-6:.7f}x60" for name, step in steps.items()}
    # The long windows remember what the short ones have forgotten by then.
    quick, slow = BURNS[:2], BURNS[2:]
    checks = [
        Check(each.alert, at, _firing(each, 1, burns) if share > 1 else [])
        for each in those
        for at, burns in (("54m", quick), ("110m", slow))
    ]
    return Case(_all(those, bad, "0x120"), checks)


def _over(those: Sequence[Objective]) -> Case:
    """It was bad and is over: the long windows remember, the short ones of pages are clean."""
    bad = {each.name: f"0+{MANY}x10 {MANY * 10}x60" for each in those}
    # A little less than 10 of 50 minutes: the first rates are of what was not there from the start.
    checks = [Check(each.alert, "50m", _firing(each, 0.1754, BURNS[2:3])) for each in those]
    return Case(_all(those, bad, f"0+{MANY}x10 {MANY * 10}+{MANY}x40"), checks)


def _quiet() -> Case:
    """Without any event nothing is spent."""
    names = [each.name for each in OBJECTIVES]
    return Case(
        {},
        [Check(each.alert, "1h") for each in OBJECTIVES],
        [
            Measured(record, "1h", {f'{record}{{objective="{name}"}}': value for name in names})
            for record, value in (
                ("objective:total:rate5m", 0),
                ("objective:bad:rate5m", 0),
                ("objective:bad:ratio_rate5m", 0),
                ("objective:bad:ratio_rate30d", 0),
                ("objective:bad:increase3d", 0),
                ("objective:error_budget:left30d", 1),
            )
        ],
    )


def _forgotten(windows: Sequence[int], *, every: int, bad: int, sees: int, forgets: int) -> Case:
    """Of the first `bad` minutes each window remembers as much as it looks back.

    Args:
        windows: Seconds.
        every: Minutes between two samples.
        bad: Minutes in which all goes wrong.
        sees: Seconds more than the window after which it still remembers.
        forgets: The same after which it does not.
    """
    [chat] = [each for each in OBJECTIVES if each.name == "chat"]
    one = '{objective="chat"}'
    records = [(f"objective:bad:ratio_rate{spell(window)}", window) for window in windows]
    records += [
        (f"objective:bad:increase{spell(window)}", window)
        for window in windows
        if window in {burn.long for burn in BURNS}
    ]
    measured = [
        Measured(f"{record}{one} > bool 0.0001", spell(window + later), {one: value})
        for record, window in records
        for later, value in ((sees, 1), (forgets, 0))
    ]
    wrong, samples = bad // every, (windows[-1] + forgets) // MINUTE // every
    series = _series(chat, f"0+60x{wrong} {60 * wrong}x{samples}", f"0+60x{wrong + samples}")
    return Case(series, measured=measured, every=f"{every}m")


def _left() -> Case:
    """A budget of which half is gone, and the rates that it is made from."""
    [chat] = [each for each in OBJECTIVES if each.name == "chat"]
    series = _series(chat, "0+0.15x60", "0+59.85x60")
    one = '{objective="chat"}'
    return Case(
        series,
        measured=[
            Measured(f"round({record}{one}, 0.0001)", "1h", {one: value})
            for record, value in (
                ("objective:target:ratio", 0.995),
                ("objective:total:rate5m", 1),
                ("objective:bad:rate5m", 0.0025),
                ("objective:bad:ratio_rate5m", 0.0025),
                ("objective:bad:ratio_rate30m", 0.0025),
                ("objective:bad:ratio_rate30d", 0.0025),
                ("objective:error_budget:left30d", 0.5),
            )
        ],
    )
