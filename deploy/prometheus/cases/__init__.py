"""What the rules are tested with: of each alert cases in which it fires, and in which it does not.

Their values lie close to the thresholds, so that a threshold that is changed breaks one of them.
"""

from deploy.prometheus.cases import objectives, parts, promises, stream, ways
from deploy.prometheus.cases.case import Case


def every_case() -> dict[str, list[Case]]:
    """All cases, by the file of the rules that they test."""
    return {
        "objectives": objectives.cases(),
        "parts": parts.cases(),
        "stream": stream.cases(),
        "promises": promises.cases(),
        "ways": ways.cases(),
    }
