"""Paths and records to documents, documents to passages.

source_files   files of a folder, as ignore files and patterns select them
left_out       reasons for which a file is not among them
formats        suffixes and the names of their formats
file_contents  bytes and text of a file, packed or not; decode, encodings: bytes to text
readers/       files to documents, a module a format
chunking/      documents to passages
"""

from typing import TYPE_CHECKING

from qembed.late_names import late_names

if TYPE_CHECKING:
    from qembed.corpus.chunking.chunker import Chunker
    from qembed.corpus.decode import encoding_option
    from qembed.corpus.formats import suffix
    from qembed.corpus.left_out import GONE, IGNORED_BY, LeftOutReasons
    from qembed.corpus.read_options import ReadOptions
    from qembed.corpus.readers.json_records import read_lines
    from qembed.corpus.readers.pictures.captions import with_captions
    from qembed.corpus.readers.registry import READERS, read, reader_of
    from qembed.corpus.source_files import (
        NO_PICTURES,
        PICTURE,
        UNKNOWN,
        WITHOUT_EXTRA,
        counted_reason,
        walk,
    )

__all__ = [
    "GONE",
    "IGNORED_BY",
    "NO_PICTURES",
    "PICTURE",
    "READERS",
    "UNKNOWN",
    "WITHOUT_EXTRA",
    "Chunker",
    "LeftOutReasons",
    "ReadOptions",
    "counted_reason",
    "encoding_option",
    "read",
    "read_lines",
    "reader_of",
    "suffix",
    "walk",
    "with_captions",
]

# a refresh without changes needs neither readers nor chunkers
__getattr__ = late_names(
    __name__,
    {
        "GONE": ".left_out",
        "IGNORED_BY": ".left_out",
        "NO_PICTURES": ".source_files",
        "PICTURE": ".source_files",
        "READERS": ".readers.registry",
        "UNKNOWN": ".source_files",
        "WITHOUT_EXTRA": ".source_files",
        "Chunker": ".chunking.chunker",
        "LeftOutReasons": ".left_out",
        "ReadOptions": ".read_options",
        "counted_reason": ".source_files",
        "encoding_option": ".decode",
        "read": ".readers.registry",
        "read_lines": ".readers.json_records",
        "reader_of": ".readers.registry",
        "suffix": ".formats",
        "walk": ".source_files",
        "with_captions": ".readers.pictures.captions",
    },
)
