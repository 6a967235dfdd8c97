"""The one table of all settings, written from the classes that read them."""
