"""Mail over SMTP and LMTP."""
