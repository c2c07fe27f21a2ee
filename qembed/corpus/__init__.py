"""Paths and records to documents, documents to passages."""

from qembed.corpus.chunk import Chunker
from qembed.corpus.contents import suffix
from qembed.corpus.readers import READERS, read, reader_of
from qembed.corpus.records import ReadOptions, read_lines
from qembed.corpus.walk import UNKNOWN, walk

__all__ = [
    "walk",
    "suffix",
    "read",
    "reader_of",
    "read_lines",
    "READERS",
    "ReadOptions",
    "Chunker",
    "UNKNOWN",
]
