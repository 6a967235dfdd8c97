"""Error budgets: how much of them is left, and alerts for those that burn too fast.

The histograms are read once, as rates of 5 minutes; all longer windows are sums over those series.
That costs a handful of samples where looking through 30 days of every bucket would cost millions.
"""

from dataclasses import dataclass

from deploy.prometheus.objectives import OBJECTIVES, WINDOW_DAYS, Objective
from deploy.prometheus.pace import DAY, HOUR, MINUTE, Pace, spell
from deploy.prometheus.rules import Alert, Group, Recording, Severity

EVERY = MINUTE
"""Between two evaluations; the sums below count on it."""
SHORT = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Burn:
    """Burning this many times as fast as the budget allows, over both windows."""

    rate: float
    long: int
    short: int
    hold: int
    severity: Severity

    @property
    def spent(self) -> float:
        """The share of the whole budget that is gone when the longer window is full of it."""
        return self.rate * self.long / (WINDOW_DAYS * DAY)


BURNS = (
    Burn(14.4, HOUR, 5 * MINUTE, 2 * MINUTE, Severity.PAGE),
    Burn(6, 6 * HOUR, 30 * MINUTE, 5 * MINUTE, Severity.PAGE),
    Burn(3, DAY, 2 * HOUR, 30 * MINUTE, Severity.TICKET),
    Burn(1, 3 * DAY, 6 * HOUR, HOUR, Severity.TICKET),
)
_WINDOWS = sorted({w for burn in BURNS for w in (burn.long, burn.short)} | {WINDOW_DAYS * DAY})


def groups(pace: Pace) -> list[Group]:
    """Recordings first: alerts read what was recorded just before."""
    recordings = [
        *(each for objective in OBJECTIVES for each in _events(objective, pace)),
        *(_ratio(window, pace) for window in _WINDOWS),
        *(_increase(burn.long, pace) for burn in BURNS),
        Recording(
            "objective:error_budget:left30d",
            "1 - objective:bad:ratio_rate30d / (1 - objective:target:ratio)",
        ),
    ]
    alerts = [_alert(objective, burn, pace) for objective in OBJECTIVES for burn in BURNS]
    every = pace.every(EVERY)
    return [
        Group("careline-objectives", every, recordings),
        Group("careline-budgets", every, alerts),
    ]


def _events(objective: Objective, pace: Pace) -> list[Recording]:
    labels, window = {"objective": objective.name}, pace.window(SHORT)
    return [
        Recording("objective:target:ratio", f"vector({objective.target})", labels),
        Recording("objective:total:rate5m", f"{objective.total(window)} or vector(0)", labels),
        Recording("objective:bad:rate5m", f"{objective.gone_wrong(window)} or vector(0)", labels),
    ]


def _ratio(window: int, pace: Pace) -> Recording:
    bad, total = "objective:bad:rate5m", "objective:total:rate5m"
    if window != SHORT:
        looks = pace.window(window)
        bad, total = f"sum_over_time({bad}[{looks}])", f"sum_over_time({total}[{looks}])"
    # Without any event nothing went wrong.
    return Recording(
        f"objective:bad:ratio_rate{spell(window)}", f"{bad} / ({total} > 0) or {total} * 0"
    )


def _increase(window: int, pace: Pace) -> Recording:
    looks, every = pace.window(window), pace.every(EVERY)
    return Recording(
        f"objective:bad:increase{spell(window)}",
        f"sum_over_time(objective:bad:rate5m[{looks}]) * {every}",
    )


def _alert(objective: Objective, burn: Burn, pace: Pace) -> Alert:
    one = f'{{objective="{objective.name}"}}'
    too_fast = f"{burn.rate:g} * {objective.allowed:g}"
    long, short = spell(burn.long), spell(burn.short)
    return Alert(
        name=objective.alert,
        expr=f"objective:bad:ratio_rate{long}{one} > {too_fast}\n"
        f"and objective:bad:ratio_rate{short}{one} > {too_fast}\n"
        f"and objective:bad:increase{long}{one} >= {objective.floor}",
        hold=pace.hold(burn.hold),
        severity=burn.severity,
        summary=f"{objective.title}: too few of them",
        description=f"{{{{ $value | humanizePercentage }}}} went wrong in {long}, "
        f"{objective.allowed:.4g} of 1 is allowed: at {burn.rate:g} times that "
        f"{burn.spent:.0%} of the budget of {WINDOW_DAYS} days is gone after {long}.",
        dashboard=objective.dashboard,
        runbook="objectives",
        labels={"burn": f"{burn.rate:g}", "window": long},
    )
