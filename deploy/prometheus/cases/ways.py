"""Cases of mails that come, and of mails and alerts that go."""

from deploy.prometheus.cases.case import Case, Firing, Measured, fires, rests

ACK = 'kind="acknowledgement"'


def cases() -> list[Case]:
    """All of them."""
    return [
        _recorded(),
        *_acknowledgements(),
        *_lanes(),
        *_mails_refused(),
        *_ended(),
        *_mail_in(),
        *_mailbox(),
        *_threads(),
    ]


def _recorded() -> Case:
    lane, kind = "notifier_oldest_pending_seconds", "notifier_oldest_pending_of_kind_seconds"
    by_lane, by_kind = f'lane:{lane}:max{{lane="email"}}', f"kind:{kind}:max{{{ACK}}}"
    return Case(
        {
            f'{lane}{{instance="a",lane="email"}}': "3x5",
            f'{lane}{{instance="b",lane="email"}}': "8x5",
            f'{kind}{{instance="a",{ACK}}}': "6x5",
            f'{kind}{{instance="b",{ACK}}}': "2x5",
        },
        measured=[
            Measured(f"lane:{lane}:max", "3m", {by_lane: 8}),
            Measured(f"kind:{kind}:max", "3m", {by_kind: 6}),
        ],
    )


def _acknowledgements() -> list[Case]:
    oldest, pending = (
        f"notifier_oldest_pending_of_kind_seconds{{{ACK}}}",
        f"notifier_pending{{{ACK}}}",
    )
    waiting = Firing({"kind": "acknowledgement"}, "2m 30s")
    return [
        fires("AcknowledgementsWaiting", {oldest: "150x9", pending: "4x9"}, "2m", waiting),
        rests("AcknowledgementsWaiting", {oldest: "90x9", pending: "4x9"}, "8m"),
        # One mail server that lets strangers wait is no trouble of ours.
        rests("AcknowledgementsWaiting", {oldest: "150x9", pending: "2x9"}, "8m"),
    ]


def _lanes() -> list[Case]:
    mail, ops = 'notifier_lane_open{lane="email"}', 'notifier_lane_open{lane="ops"}'
    return [
        fires("MailServerAway", {mail: "1x9", ops: "0x9"}, "3m", Firing({"lane": "email"})),
        rests("MailServerAway", {mail: "0x9", ops: "1x9"}, "8m"),
        fires("DestinationAway", {mail: "0x9", ops: "1x9"}, "6m", Firing({"lane": "ops"})),
        rests("DestinationAway", {mail: "1x9", ops: "0x9"}, "8m"),
    ]


def _tries(lane: str, taken: str, refused: str) -> dict[str, str]:
    one = f'notifier_tries_total{{lane="{lane}",kind="reply"'
    return {f'{one},outcome="accepted"}}': taken, f'{one},outcome="refused"}}': refused}


def _mails_refused() -> list[Case]:
    email, ops = {"lane": "email"}, {"lane": "ops"}
    many = _tries("email", "0+0.9x40", "0+0.4x40")
    few = _tries("email", "0+0.4x40", "0+0.3x40")
    usual = _tries("email", "0+5.1x40", "0+0.9x40")
    most = _tries("ops", "0+0.2x40", "0+0.4x40")
    rare = _tries("ops", "0+0.1x40", "0+0.2x40")
    half = _tries("ops", "0+0.6x40", "0+0.4x40")
    return [
        fires("MailsRefused", many, "30m", Firing(email, "30.77%")),
        rests("MailsRefused", few, "30m"),
        rests("MailsRefused", usual, "30m"),
        rests("MailsRefused", _tries("ops", "0+1x40", "0+1x40"), "30m"),
        fires("DestinationFailing", most, "30m", Firing(ops, "66.67%")),
        rests("DestinationFailing", rare, "30m"),
        rests("DestinationFailing", half, "30m"),
        rests("DestinationFailing", _tries("email", "0+1x40", "0+2x40"), "30m"),
    ]


def _ended() -> list[Case]:
    copies = "notifier_second_copies_possible_total"
    failed = 'notifier_deliveries_total{kind="breach_alert",outcome="failed"}'
    bounced = 'notifier_deliveries_total{kind="acknowledgement",outcome="failed"}'
    told = Firing({"kind": "breach_alert"}, "1")
    return [
        fires("SecondCopies", {copies: "0x50 8x20"}, "60m", Firing(value="8")),
        rests("SecondCopies", {copies: "0x50 4x20"}, "60m"),
        fires("AlertsGivenUp", {failed: "0x50 1x20"}, "60m", told),
        rests("AlertsGivenUp", {failed: "3x70", bounced: "0x50 1x20"}, "60m"),
    ]


def _mail_in() -> list[Case]:
    refused = 'intake_mails_total{source="smtp",outcome="refused"}'
    deferred = 'intake_mails_total{source="smtp",outcome="deferred"}'
    taken = 'intake_mails_total{source="smtp",outcome="ticket"}'
    held = f'notifier_deliveries_total{{{ACK},outcome="suppressed"}}'
    put_off = Firing({"source": "smtp"}, "15")
    return [
        fires("MailLoop", {refused: "0+1x40", held: "0+1x40"}, "30m", Firing(value="30")),
        rests("MailLoop", {refused: "0+1x40", taken: "0+9x40"}, "30m"),
        fires("MailsPutOff", {deferred: "0+1x40"}, "30m", put_off),
        rests("MailsPutOff", {deferred: "0+0.5x40", refused: "0+9x40"}, "30m"),
    ]


def _mailbox() -> list[Case]:
    connected = 'intake_imap_connected{job="intake",instance="intake-1"}'
    other = 'intake_imap_connected{job="intake",instance="intake-2"}'
    part = 'careline_part_ready{job="intake",instance="intake-1",part="imap"}'
    read = 'intake_imap_troubles_total{trouble="read"}'
    trouble = Firing({"trouble": "read"}, "8")
    return [
        fires("MailboxAway", {connected: "0x20", other: "0x20", part: "1x20"}, "11m"),
        rests("MailboxAway", {connected: "0x20", other: "1x20", part: "1x20"}, "11m"),
        # No mailbox was set up.
        rests("MailboxAway", {connected: "0x20"}, "11m"),
        fires("MailsStay", {read: "0x50 8x20"}, "60m", trouble),
        rests("MailsStay", {read: "0x50 4x20"}, "60m"),
    ]


def _threads() -> list[Case]:
    oldest = 'thread_waiting_mails_oldest_seconds{state="waiting"}'
    refused = 'thread_waiting_mails{state="refused"}'
    return [
        fires("MailsWaitForThread", {oldest: "900x20"}, "10m", Firing(value="15m 0s")),
        rests("MailsWaitForThread", {oldest: "500x20"}, "10m"),
        fires("MailsRefusedByThread", {refused: "1x30"}, "20m", Firing(value="1")),
        rests("MailsRefusedByThread", {refused: "0x30"}, "20m"),
    ]
