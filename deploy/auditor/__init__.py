"""Holds the running desk to its promises: over the live stream, and over the databases."""
