"""Metadata columns of the documents file and their schema."""
