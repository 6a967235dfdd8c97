"""From the bytes of a mail to what it asks for: pure."""
