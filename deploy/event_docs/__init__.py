"""Writes `docs/events/` from the models: schemas, examples, an AsyncAPI document and a page."""
