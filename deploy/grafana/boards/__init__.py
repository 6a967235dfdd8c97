"""Every board, in the order in which somebody on call opens them."""

from deploy.grafana.boards import (
    auditor,
    business,
    intake,
    kafka,
    messaging,
    notifier,
    overview,
    postgres,
    sla,
    timers,
    ways_out,
)
from deploy.grafana.parts import Board

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    intake.BOARD,
    sla.BOARD,
    notifier.BOARD,
    messaging.BOARD,
    kafka.BOARD,
    timers.BOARD,
    ways_out.BOARD,
    business.BOARD,
    postgres.BOARD,
    auditor.BOARD,
)
