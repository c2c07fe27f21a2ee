"""Reranking: hits from a query, from a pipe or from a run, in a better order."""
