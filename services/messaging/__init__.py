"""Keeps the one conversation of each ticket and says what is written into it."""
