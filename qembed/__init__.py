"""qembed: index text corpora with embedding models and search them by meaning."""

__version__ = "0.1.0"
