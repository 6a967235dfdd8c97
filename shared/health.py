"""`python -m shared.health live|ready` asks the service beside it how it is: exit status 0 or 1.

For containers, whose images have no other program that could ask.
"""

import os
import sys
import urllib.error
import urllib.request

WITHIN = 2.5
"""Seconds: less than whoever asks by this waits for it."""
QUESTIONS = ("live", "ready")


def main() -> int:
    """Ask, and say what was answered."""
    question = sys.argv[1] if len(sys.argv) > 1 else "live"
    if question not in QUESTIONS:
        print(f"expected one of {', '.join(QUESTIONS)}", file=sys.stderr)  # noqa: T201 - for people
        return 2
    port = os.environ.get("CARELINE_HTTP_PORT", "8080")
    # Who listens on all addresses of one kind listens on this machine's own of that kind alone.
    host = {"::": "[::1]", "::1": "[::1]"}.get(
        os.environ.get("CARELINE_HTTP_HOST", ""), "127.0.0.1"
    )
    # Proxies of the environment are for the world outside.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://{host}:{port}/health/{question}", timeout=WITHIN) as answer:
            print(answer.read().decode())  # noqa: T201 - for people
    except (OSError, urllib.error.URLError) as error:
        said = error.read().decode() if isinstance(error, urllib.error.HTTPError) else error
        print(said)  # noqa: T201 - for people
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
