"""Every file that is written from Python here, by its path in `deploy/grafana/`."""

import json
from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.boards import BOARDS
from deploy.grafana.building import build
from deploy.prometheus.rules import Links
from deploy.prometheus.written import all_alerts

FOLDER = "dashboards"


def runbooks(links: Links) -> dict[str, str]:
    """By alert the address of its page."""
    return {alert.name: links.annotations(alert)["runbook_url"] for alert in all_alerts()}


def contents(links: Links = Links()) -> Mapping[str, str]:  # noqa: B008 - it is frozen
    """Every file, by its path."""
    pages = runbooks(links)
    return {
        f"{FOLDER}/{board.name}.json": json.dumps(
            build(board, pages), cls=JSONEncoder, indent=1, sort_keys=True
        )
        + "\n"
        for board in BOARDS
    }
