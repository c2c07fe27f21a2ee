"""Word search: a BM25 index with its analyzer, query syntax and files."""

VERSION = 3
"""Version of the analyzer. Changes with the terms of any text: the next writer makes older indexes anew."""
