"""Picture files: in the sandbox the pixels, outside it the captions beside the file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec

from qembed.corpus import file_contents
from qembed.corpus.decode import EMPTY
from qembed.corpus.formats import suffix
from qembed.corpus.read_options import PLACE, ReadOptions
from qembed.corpus.readers.converted import Converted, Image, Omitted
from qembed.corpus.readers.pictures.captions import caption_of, words_of_name
from qembed.corpus.readers.pictures.ocr import TextInPictures
from qembed.corpus.readers.pictures.opened import open_picture, open_pixels
from qembed.types import LeftOut, ReadItem, Skipped, SourceFile, Unreadable

NEEDS = "needs qembed-search[images] (pip install 'qembed-search[images]')"


def picture_file(data: bytes, wanted: Sequence[str]) -> Iterator[Converted]:
    """Read the picture that a file is. Raises ValueError and what Pillow raises."""
    found, reader = open_picture(data, PLACE in wanted), TextInPictures(wanted)
    written = reader.read("", partial(open_pixels, data))
    yield Image("", found.said, "", found.meta, found.png, found.digest, written)
    yield from reader.left_out()
    yield from (Omitted(what) for what in found.lost)
    if found.pages:
        yield Omitted("further page of a picture", found.pages)


def read_picture(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a picture as a document, whose text is its caption. Skipped without the extra."""
    from qembed.corpus.readers.sandbox import ReaderFailed, convert, picture_document

    where = os.fspath(file.location)
    if find_spec("PIL") is None:
        yield Skipped(where, NEEDS, keep=True)
        return
    data = file_contents.data(file)
    if isinstance(data, Unreadable):
        yield data
        return
    if not data:
        yield Skipped(where, EMPTY)
        return
    try:
        items = convert(suffix(file.name), data, options.pictures)
    except ReaderFailed as e:
        yield Unreadable(where, str(e))
        return
    for item in items:
        if isinstance(item, Image):
            captions = (caption_of(file), *file.captions, item.text)
            text = "\n".join(dict.fromkeys(filter(None, captions))) or words_of_name(file.name)
            if file.shown_in:
                item = item._replace(meta={**item.meta, "shown_in": list(file.shown_in)})
            yield picture_document(item, file.name, text)
        elif isinstance(item, Omitted):
            yield LeftOut(where, item.what, item.number)
