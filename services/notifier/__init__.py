"""Sends acknowledgements and alerts, each once."""
