"""Mail out of a mailbox over IMAP."""
