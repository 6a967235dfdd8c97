"""Who comes: signed in at the organisation's provider, or with a link."""
