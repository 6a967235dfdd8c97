"""The ways in and out: mails that come, mails and alerts that go."""

from deploy.prometheus.pace import HOUR, MINUTE, Pace
from deploy.prometheus.rules import Alert, Group, Recording, Rule, Severity

EVERY = 30
_TRIES = "notifier_tries_total"


def groups(pace: Pace) -> list[Group]:
    """Recordings and alerts of mail in, mail out, chats, pagers and webhooks."""
    every = pace.every(EVERY)
    recordings = [
        Recording(
            "lane:notifier_oldest_pending_seconds:max",
            "max by (lane) (notifier_oldest_pending_seconds)",
        ),
        Recording(
            "kind:notifier_oldest_pending_of_kind_seconds:max",
            "max by (kind) (notifier_oldest_pending_of_kind_seconds)",
        ),
    ]
    return [
        Group("careline-ways", every, recordings),
        Group("careline-mail-out", every, _mail_out(pace)),
        Group("careline-alerts-out", every, _alerts_out(pace)),
        Group("careline-mail-in", every, _mail_in(pace)),
    ]


def _failing(which: str, window: str) -> str:
    """By lane, the share of tries that were not accepted."""
    bad = f'sum by (lane) (increase({_TRIES}{{{which},outcome!="accepted"}}[{window}]))'
    return f"{bad} / sum by (lane) (increase({_TRIES}{{{which}}}[{window}]))"


def _enough(which: str, window: str, least: int) -> str:
    return f"sum by (lane) (increase({_TRIES}{{{which}}}[{window}])) >= {least}"


def _mail_out(pace: Pace) -> list[Rule]:
    return [
        _acknowledgements_waiting(pace),
        _mail_server_away(pace),
        _mails_refused(pace),
        _second_copies(pace),
    ]


def _acknowledgements_waiting(pace: Pace) -> Alert:
    return Alert(
        name="AcknowledgementsWaiting",
        expr='kind:notifier_oldest_pending_of_kind_seconds:max{kind="acknowledgement"} '
        f"> {pace.age(120)}\n"
        'and on (kind) max by (kind) (notifier_pending{kind="acknowledgement"}) >= 3',
        hold=pace.hold(MINUTE),
        severity=Severity.PAGE,
        summary="Customers wait for their acknowledgements",
        description="The oldest acknowledgement has been owed for "
        "{{ $value | humanizeDuration }}, and it is not the only one.",
        dashboard="careline-notifier",
        runbook="ways-out",
    )


def _mail_server_away(pace: Pace) -> Alert:
    mail = 'lane="email"'
    return Alert(
        name="MailServerAway",
        expr=f"max by (lane) (notifier_lane_open{{{mail}}}) == 1",
        hold=pace.hold(2 * MINUTE),
        severity=Severity.PAGE,
        summary="Our mail server takes no mail",
        description="Several tries in a row have failed: mail is held back, and tried with "
        "growing pauses.",
        dashboard="careline-notifier",
        runbook="ways-out",
    )


def _mails_refused(pace: Pace) -> Alert:
    mail = 'lane="email"'
    recently = pace.window(10 * MINUTE)
    return Alert(
        name="MailsRefused",
        expr=f"{_failing(mail, recently)} > 0.2\nand {_enough(mail, recently, 10)}",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="Many mails are refused or lost",
        description=f"{{{{ $value | humanizePercentage }}}} of the tries of {recently} were "
        "not accepted.",
        dashboard="careline-notifier",
        runbook="ways-out",
    )


def _second_copies(pace: Pace) -> Alert:
    return Alert(
        name="SecondCopies",
        expr=f"sum(increase(notifier_second_copies_possible_total[{pace.window(HOUR)}])) > 5",
        hold=pace.hold(0),
        severity=Severity.TICKET,
        summary="People may have got mails twice",
        description='{{ $value | printf "%.0f" }} deliveries were sent again after a try of '
        "which nobody knows what it came to.",
        dashboard="careline-notifier",
        runbook="ways-out",
    )


def _alerts_out(pace: Pace) -> list[Rule]:
    others, recently = 'lane!="email"', pace.window(15 * MINUTE)
    return [
        Alert(
            name="DestinationAway",
            expr=f"max by (lane) (notifier_lane_open{{{others}}}) == 1",
            hold=pace.hold(5 * MINUTE),
            severity=Severity.TICKET,
            summary="{{ $labels.lane }} takes no alerts",
            description="Several tries in a row have failed: alerts to {{ $labels.lane }} are "
            "held back, and tried with growing pauses.",
            dashboard="careline-notifier",
            runbook="ways-out",
        ),
        Alert(
            name="DestinationFailing",
            expr=f"{_failing(others, recently)} > 0.5\nand {_enough(others, recently, 5)}",
            hold=pace.hold(5 * MINUTE),
            severity=Severity.TICKET,
            summary="Most alerts to {{ $labels.lane }} fail",
            description=f"{{{{ $value | humanizePercentage }}}} of the tries of {recently} were "
            "not accepted.",
            dashboard="careline-notifier",
            runbook="ways-out",
        ),
        Alert(
            name="AlertsGivenUp",
            expr="sum by (kind) (increase(notifier_deliveries_total"
            '{kind=~"breach_alert|at_risk_alert|digest",outcome="failed"}'
            f"[{pace.window(HOUR)}])) > 0",
            hold=pace.hold(0),
            severity=Severity.TICKET,
            summary="Somebody was not told of a promise that slips",
            description='{{ $value | printf "%.0f" }} deliveries ({{ $labels.kind }}) failed for '
            "good.",
            dashboard="careline-notifier",
            runbook="ways-out",
        ),
    ]


def _mail_in(pace: Pace) -> list[Rule]:
    return [
        _mail_loop(pace),
        _mails_put_off(pace),
        _mailbox_away(pace),
        _mails_stay(pace),
        _mails_wait_for_thread(pace),
        _mails_refused_by_thread(pace),
    ]


def _mail_loop(pace: Pace) -> Alert:
    recently = pace.window(15 * MINUTE)
    mails = "increase(intake_mails_total"
    turned_away = f'sum({mails}{{outcome="refused"}}[{recently}]))'
    held_back = (
        "sum(increase(notifier_deliveries_total"
        f'{{kind="acknowledgement",outcome="suppressed"}}[{recently}]))'
    )
    return Alert(
        name="MailLoop",
        expr=f"({turned_away} or vector(0))\n+ ({held_back} or vector(0)) > 20",
        hold=pace.hold(MINUTE),
        severity=Severity.PAGE,
        summary="A machine seems to answer our mails, or to send many",
        description='{{ $value | printf "%.0f" }} mails were refused, or got no '
        f"acknowledgement, in {recently}.",
        dashboard="careline-intake",
        runbook="ways-in",
    )


def _mails_put_off(pace: Pace) -> Alert:
    recently = pace.window(15 * MINUTE)
    mails = "increase(intake_mails_total"
    return Alert(
        name="MailsPutOff",
        expr=f'sum by (source) ({mails}{{outcome="deferred"}}[{recently}])) > 10',
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="Mails by {{ $labels.source }} are put off",
        description='{{ $value | printf "%.0f" }} mails were told to come again in '
        f"{recently}.",
        dashboard="careline-intake",
        runbook="ways-in",
    )


def _mailbox_away(pace: Pace) -> Alert:
    return Alert(
        name="MailboxAway",
        # The part is there only where a mailbox was set up.
        expr='(max(intake_imap_connected) == 0) and on () careline_part_ready{part="imap"}',
        hold=pace.hold(10 * MINUTE),
        severity=Severity.TICKET,
        summary="The mailbox can't be looked into",
        description="No replica of intake reads the mailbox: mails wait there.",
        dashboard="careline-intake",
        runbook="ways-in",
    )


def _mails_stay(pace: Pace) -> Alert:
    return Alert(
        name="MailsStay",
        expr=f"sum by (trouble) (increase(intake_imap_troubles_total[{pace.window(HOUR)}])) > 5",
        hold=pace.hold(0),
        severity=Severity.TICKET,
        summary="Mails of the mailbox can't be read or put away",
        description='{{ $value | printf "%.0f" }} times in '
        f"{pace.window(HOUR)} a mail could not be dealt with ({{{{ $labels.trouble }}}}).",
        dashboard="careline-intake",
        runbook="ways-in",
    )


def _mails_wait_for_thread(pace: Pace) -> Alert:
    return Alert(
        name="MailsWaitForThread",
        expr='max(thread_waiting_mails_oldest_seconds{state="waiting"}) '
        f"> {pace.age(10 * MINUTE)}",
        hold=pace.hold(5 * MINUTE),
        severity=Severity.TICKET,
        summary="A customer's answer is in no thread",
        description="The oldest such mail came {{ $value | humanizeDuration }} ago.",
        dashboard="careline-messaging",
        runbook="ways-in",
    )


def _mails_refused_by_thread(pace: Pace) -> Alert:
    return Alert(
        name="MailsRefusedByThread",
        expr='max(thread_waiting_mails{state="refused"}) > 0',
        hold=pace.hold(15 * MINUTE),
        severity=Severity.TICKET,
        summary="A mail was not for the thread that it named",
        description="{{ $value }} mails lie beside the threads, seen by nobody.",
        dashboard="careline-messaging",
        runbook="ways-in",
    )
