"""Where and how the desk runs."""
