"""Indexes of sequences: their files, their queries, what is shown of a hit."""
