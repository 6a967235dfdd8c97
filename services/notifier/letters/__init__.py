"""What mails say and look like: words, looks and headers."""
