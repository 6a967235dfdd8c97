"""messaging: threads, chat, the agents' inbox."""

from deploy.grafana.boards.service import of, process, requests, stream
from deploy.grafana.parts import (
    AMBER,
    GREEN,
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

MINE = of("messaging")

CONVERSATIONS = Row(
    "Conversations",
    (
        Panel(
            "Messages by whose they are",
            "Customers without agents: nobody answers.",
            (rate("thread_messages_total", MINE, by="author"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            "From a message to the open page",
            "From its commit being heard of until it was sent to a page. Promised are 2 s for "
            "99.5 %.",
            tuple(quantiles("thread_live_seconds", MINE)),
            unit=Unit.SECONDS,
            steps=((0, GREEN), (2, RED)),
            lines=True,
            alerts=("ChatSlow",),
        ),
        Panel(
            "Pages that are followed live",
            "Each holds a connection; a fall to 0 while people work: the way between is cut.",
            (Query(f"sum by (instance) (thread_live_streams{{{MINE}}})", "{{instance}}"),),
        ),
        Panel(
            "Changes that were sent to pages",
            "A message counts once for each page that shows it.",
            (Query(f"sum(rate(thread_live_patches_total{{{MINE}}}[$__rate_interval]))", "sent"),),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Mails that wait for their thread",
            "Answers by mail that came before their ticket was heard of, or were refused.",
            (Query(f"max by (state) (thread_waiting_mails{{{MINE}}})", "{{state}}"),),
            width=6,
            alerts=("MailsWaitForThread", "MailsRefusedByThread"),
        ),
        Panel(
            "The oldest of them",
            "How long ago it came in.",
            (
                Query(
                    f"max by (state) (thread_waiting_mails_oldest_seconds{{{MINE}}})",
                    "{{state}}",
                ),
            ),
            unit=Unit.SECONDS,
            width=6,
            alerts=("MailsWaitForThread",),
        ),
        Panel(
            "Documentation",
            "Refused: something in the folder of articles is wrong, and earlier ones stay.",
            (Query(f"max(thread_articles_refused{{{MINE}}})"),),
            kind=Kind.FIGURES,
            width=4,
            steps=((0, GREEN), (1, AMBER)),
            words={0: ("in use", GREEN), 1: ("refused", AMBER)},
            alerts=("ArticlesRefused",),
        ),
    ),
)

BOARD = Board(
    "messaging",
    "Careline: messaging",
    "The service that has the conversations: threads, the agents' inbox, chat, documentation.",
    (
        requests("messaging", 1, "NotReady"),
        CONVERSATIONS,
        stream("messaging"),
        process("messaging"),
    ),
    job="messaging",
)
