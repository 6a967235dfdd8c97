"""Takes requests and emits `TicketCreated`."""
