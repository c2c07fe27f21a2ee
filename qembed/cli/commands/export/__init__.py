"""Commands that export an index."""
