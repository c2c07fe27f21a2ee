"""Embedding on request: texts in a template to vectors of the index's model."""
