"""Pictures of every page: a desk is started, people talk on it, and a browser looks at it."""
