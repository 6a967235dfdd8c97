"""What the desk owes its users, as numbers: over 30 days this share of events goes well.

Every threshold is an edge of its histogram's buckets, so that what is counted is exact.
"""

from dataclasses import dataclass

WINDOW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Objective:
    """One service level.

    Events are the observations of one histogram. Bad are those that took longer than `within`, or
    those with the labels of `bad`.
    """

    name: str
    title: str
    """In words, for dashboards and documents."""
    target: float
    """The share of events that goes well, from 0 to 1."""
    histogram: str
    alert: str
    """The name of the alert that its budget burns."""
    dashboard: str
    floor: int
    """Fewer bad events than this, within the longer window, wake nobody."""
    matchers: str = ""
    """Which observations count."""
    within: float | None = None
    """Seconds."""
    bad: str | None = None
    """Matchers of what went wrong."""

    @property
    def allowed(self) -> float:
        """The share of events that may go wrong."""
        return round(1 - self.target, 10)

    def total(self, window: str) -> str:
        """Events a second."""
        return f"sum(rate({self._count(self.matchers)}[{window}]))"

    def gone_wrong(self, window: str) -> str:
        """Bad events a second."""
        if self.bad is not None:
            return f"sum(rate({self._count(_and(self.matchers, self.bad))}[{window}]))"
        edge = _and(self.matchers, f'le="{self.within!r}"')
        good = f"sum(rate({self.histogram}_bucket{{{edge}}}[{window}]))"
        return f"clamp_min({self.total(window)} - {good}, 0)"

    def _count(self, matchers: str) -> str:
        return f"{self.histogram}_count" + (f"{{{matchers}}}" if matchers else "")


def _and(*matchers: str) -> str:
    return ",".join(each for each in matchers if each)


_ANSWERS = 'job="intake",http_route!~"/health/.*|/metrics"'
"""What people and programs ask intake for; probes and scrapes are none of them."""

OBJECTIVES = (
    Objective(
        name="intake-answers",
        title="Requests that intake answers with anything but 5xx",
        target=0.9995,
        histogram="http_server_request_duration_seconds",
        matchers=_ANSWERS,
        bad='http_response_status_code=~"5.."',
        alert="IntakeAnswersFailing",
        dashboard="careline-intake",
        floor=10,
    ),
    Objective(
        name="intake-latency",
        title="Answers of intake within 250 ms",
        target=0.99,
        histogram="http_server_request_duration_seconds",
        matchers=_ANSWERS + ',http_response_status_code!~"5.."',
        within=0.25,
        alert="IntakeSlow",
        dashboard="careline-intake",
        floor=20,
    ),
    Objective(
        name="acknowledgements",
        title="Acknowledgements that the mail server has 60 s after the ticket",
        target=0.999,
        histogram="notifier_latency_seconds",
        matchers='kind="acknowledgement"',
        within=60.0,
        alert="AcknowledgementsLate",
        dashboard="careline-notifier",
        floor=5,
    ),
    Objective(
        name="deadlines-prompt",
        title="Breaches that are on the stream 1 s after their due time",
        target=0.99,
        histogram="sla_breach_lateness_seconds",
        within=1.0,
        alert="DeadlinesSlow",
        dashboard="careline-timers",
        floor=10,
    ),
    Objective(
        name="deadlines",
        title="Breaches that are on the stream 60 s after their due time",
        target=0.9999,
        histogram="sla_breach_lateness_seconds",
        within=60.0,
        alert="DeadlinesLate",
        dashboard="careline-timers",
        floor=3,
    ),
    Objective(
        name="breach-alerts",
        title="Alerts of breaches that somebody has within 30 s",
        target=0.999,
        histogram="notifier_latency_seconds",
        matchers='kind="breach_alert"',
        within=30.0,
        alert="BreachAlertsLate",
        dashboard="careline-notifier",
        floor=3,
    ),
    Objective(
        name="chat",
        title="Changes that an open page shows within 2 s",
        target=0.995,
        histogram="thread_live_seconds",
        within=2.0,
        alert="ChatSlow",
        dashboard="careline-messaging",
        floor=10,
    ),
)
