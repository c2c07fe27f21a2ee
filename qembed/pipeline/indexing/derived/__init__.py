"""Derived files of an index, which follow its commits: vectors, codes, words, HNSW graph."""
