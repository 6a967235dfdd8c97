"""Holds the events to what was released: readers of yesterday and records of yesterday go on."""
