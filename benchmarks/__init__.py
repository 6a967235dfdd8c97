"""Measures what the project promises of its speed: `make bench`."""
