"""Mails of every kind, language and plan, as HTML and as pictures."""
