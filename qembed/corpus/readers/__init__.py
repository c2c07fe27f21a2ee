"""File formats to documents: one module a format, chosen by suffix in `registry`."""

from qembed.corpus.readers.registry import READERS, of_text, read, reader_of

__all__ = ["READERS", "of_text", "read", "reader_of"]
