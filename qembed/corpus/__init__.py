"""Paths and records to documents, documents to passages."""

from qembed.corpus.chunking.chunker import Chunker
from qembed.corpus.decode import encoding_option
from qembed.corpus.file_contents import suffix
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.json_records import read_lines
from qembed.corpus.readers.registry import READERS, read, reader_of
from qembed.corpus.walk import UNKNOWN, walk

__all__ = [
    "walk",
    "suffix",
    "encoding_option",
    "read",
    "reader_of",
    "read_lines",
    "READERS",
    "ReadOptions",
    "Chunker",
    "UNKNOWN",
]
