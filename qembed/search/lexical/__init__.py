"""Word search: a BM25 index with its analyzer, query syntax and files."""
