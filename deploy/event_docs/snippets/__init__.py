"""Code that the text for readers of the stream shows; tests run it."""
