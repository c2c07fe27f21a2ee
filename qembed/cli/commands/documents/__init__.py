"""Commands on the documents of an index."""
