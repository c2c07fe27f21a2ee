"""Paths and records to documents, documents to passages."""

from qembed.corpus.chunk import Chunker
from qembed.corpus.readers import READERS, read
from qembed.corpus.records import ReadOptions, read_lines
from qembed.corpus.walk import walk

__all__ = ["walk", "read", "read_lines", "READERS", "ReadOptions", "Chunker"]
