"""Formats that are read in the sandbox, by suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from qembed.corpus.formats import PICTURES
from qembed.corpus.readers.converted import Converted, Converter, Image, Omitted
from qembed.corpus.readers.epub import epub
from qembed.corpus.readers.office.docx import docx
from qembed.corpus.readers.office.pptx import pptx
from qembed.corpus.readers.office.xlsx import xlsx
from qembed.corpus.readers.pdf import pdf
from qembed.corpus.readers.pictures.inside import epub_pictures, office_pictures, pdf_pages
from qembed.corpus.readers.pictures.picture_file import picture_file
from qembed.corpus.readers.sequences.annotated import genbank
from qembed.corpus.readers.sequences.mmcif import mmcif

PictureFinder: TypeAlias = Callable[[bytes, Sequence[str]], Iterator[Converted]]
"""A function from a file's bytes, and what of pictures is asked for, to the pictures in it."""

_WORD = (".docx", ".docm", ".dotx", ".dotm")
_SLIDES = (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm")

FORMATS: dict[str, tuple[Converter, str | None]] = {
    ".pdf": (pdf, "pypdfium2"),
    **dict.fromkeys(_WORD, (docx, "lxml")),
    **dict.fromkeys(_SLIDES, (pptx, "lxml")),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), (xlsx, "lxml")),
    ".epub": (epub, None),
    **dict.fromkeys((".gb", ".gbk", ".genbank", ".gbff"), (genbank, "Bio")),
    **dict.fromkeys((".cif", ".mmcif"), (mmcif, "Bio")),
}
"""Suffix -> converter, and the module that it needs beside those of qembed."""

FINDERS: dict[str, PictureFinder] = {
    ".pdf": pdf_pages,
    **dict.fromkeys((*_WORD, *_SLIDES), office_pictures),
    ".epub": epub_pictures,
}
"""Suffix -> reader of the pictures inside such a file."""


def converted(suffix: str, data: bytes, pictures: Sequence[str] | None) -> Iterator[Converted]:
    """Convert a file; with `pictures` (as of ReadOptions) also those inside it.

    A file that has pictures needs no text. Raises what the readers raise.
    """
    if suffix in PICTURES:
        yield from picture_file(data, pictures or ())
        return
    make = FORMATS[suffix][0]
    if pictures is None or suffix not in FINDERS:
        yield from make(data)
        return
    found = list(FINDERS[suffix](data, pictures))
    is_illustrated = any(isinstance(item, Image) for item in found)
    are_named = is_illustrated or any(map(_is_picture, found))
    try:
        for item in make(data):
            if not (are_named and _is_picture(item)):
                yield item
    except ValueError:
        if not is_illustrated:
            raise
    yield from found


def _is_picture(item: Converted) -> bool:
    """True for a picture that is named as left out."""
    return isinstance(item, Omitted) and item.what.startswith("picture")
