"""intake: what comes in, by form, API and mail."""

from deploy.grafana.boards.service import of, process, requests, sent
from deploy.grafana.parts import (
    GREEN,
    GREY,
    RED,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    quantiles,
    rate,
)

MINE = of("intake")
NO_MAILBOX = "begins where a mailbox is read by IMAP"
NO_SMTP = "begins with the first mail server that connects"

WAYS_IN = Row(
    "Ways in",
    (
        Panel(
            "Tickets by form and API",
            "Accepted are on the stream. Unavailable: the broker is away, and 503 was answered. "
            "Capped: one sender asked too often.",
            (rate("intake_tickets_total", MINE, by="channel, outcome"),),
            unit=Unit.PER_SECOND,
            stacked=True,
            alerts=("IntakeAnswersFailing",),
        ),
        Panel(
            "Mails by what became of them",
            "Deferred are sent again by their server. Bounces that climb with what we send: a "
            "loop.",
            (rate("intake_mails_total", MINE, by="source, outcome"),),
            unit=Unit.PER_SECOND,
            stacked=True,
            alerts=("MailLoop", "MailsPutOff"),
        ),
        Panel(
            "Time to answer a mail",
            "From a mail's end to 250 or another answer: Kafka has it by then.",
            tuple(quantiles("intake_mail_seconds", MINE)),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (10, RED)),
            lines=True,
        ),
        Panel(
            "Mails that wait for their answer",
            "The oldest mail has no answer while this does not fall.",
            (Query(f"sum by (source) (intake_mails_in_flight{{{MINE}}})", "{{source}}"),),
            width=6,
        ),
        Panel(
            "Mail servers that are connected",
            "By way in: SMTP, or LMTP of a mail server of one's own.",
            (
                Query(
                    f"sum by (source) (intake_smtp_connections{{{MINE}}})",
                    "{{source}}",
                    quiet=NO_SMTP,
                ),
            ),
            width=6,
            none="none",
        ),
        Panel(
            "Bytes of mails on their way in",
            "What is held in memory until it is on the stream.",
            (
                Query(
                    f"sum by (source) (intake_smtp_held_bytes{{{MINE}}})",
                    "{{source}}",
                    quiet=NO_SMTP,
                ),
            ),
            unit=Unit.BYTES,
            width=6,
            none="none",
        ),
        Panel(
            "Connections turned away",
            "In an hour, by reason: too many, too slow, too much.",
            (
                Query(
                    f"sum by (reason) (increase(intake_smtp_turned_away_total{{{MINE}}}[1h]))",
                    "{{reason}}",
                    quiet="begins with the first that is turned away",
                ),
            ),
            width=6,
            none="none",
        ),
    ),
)

MAILBOX = Row(
    "The mailbox that is read by IMAP",
    (
        Panel(
            "Connected",
            "Whether the mailbox can be looked into; of no meaning where none is read.",
            (Query(f"min(intake_imap_connected{{{MINE}}})", quiet=NO_MAILBOX),),
            kind=Kind.FIGURES,
            width=6,
            height=5,
            steps=((0, GREY), (1, GREEN)),
            words={0: ("no", GREY), 1: ("yes", GREEN)},
            none="no mailbox",
            alerts=("MailboxAway",),
        ),
        Panel(
            "Mails in the folder",
            "At the last look; resting ones could not be taken and are left alone for a while.",
            (
                Query(f"max(intake_imap_waiting_mails{{{MINE}}})", "in the folder"),
                Query(f"max(intake_imap_resting_mails{{{MINE}}})", "resting"),
            ),
            width=9,
            height=5,
            alerts=("MailsStay",),
        ),
        Panel(
            "Troubles with mails of the folder",
            "In an hour, mails that could not be read or put away.",
            (
                Query(
                    f"sum by (trouble) (increase(intake_imap_troubles_total{{{MINE}}}[1h]))",
                    "{{trouble}}",
                ),
            ),
            width=9,
            height=5,
        ),
    ),
)

BROKER = Row(
    "To the broker",
    (
        sent("intake"),
        Panel(
            "Time until the broker has a record",
            "What a 202 waits for.",
            tuple(quantiles("messaging_client_operation_duration_seconds", MINE)),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (0.25, RED)),
            lines=True,
            alerts=("PublishingFails", "IntakeSlow"),
        ),
        Panel(
            "Records that the broker did not take",
            "In 5 minutes. The callers were told so, and ask again.",
            (
                Query(
                    "sum(increase(messaging_client_operation_duration_seconds_count"
                    f'{{{MINE},error_type!=""}}[5m])) or vector(0)',
                    "not taken",
                ),
            ),
            steps=((0, GREEN), (1, RED)),
            alerts=("PublishingFails",),
        ),
    ),
)

BOARD = Board(
    "intake",
    "Careline: intake",
    "Requests by form, API and mail: how many come, how many are refused, how long each takes.",
    (
        requests("intake", 0.25, "IntakeAnswersFailing", "IntakeSlow"),
        WAYS_IN,
        MAILBOX,
        BROKER,
        process("intake"),
    ),
    job="intake",
)
