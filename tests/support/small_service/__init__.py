"""The least that a service can be: it keeps what it hears, and says one event of each ticket."""
