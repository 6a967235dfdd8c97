"""What can't go on, said to whoever started it."""


class AnalyticsError(Exception):
    """Reading or reporting failed; the message says why and what to do."""
