"""The published language and the plumbing that Careline's services agree on."""
