"""The desk on this machine: `python -m deploy.local run|demo|observe|clean|token`."""

import sys


def main() -> int:
    """Load the rest and do what was asked; a Ctrl-C while it still loads is no accident."""
    try:
        from deploy.local import command_line  # noqa: PLC0415 - it takes its time, see above

        return command_line.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
