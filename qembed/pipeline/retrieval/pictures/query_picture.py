"""Queries that are pictures: read as pictures of the index are, encoded by its model, searched by meaning."""

from __future__ import annotations

import atexit
import base64
import os
import threading
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UsageError, refusal

if TYPE_CHECKING:
    from qembed.corpus.readers.sandbox import ReaderProcess
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

_READING = threading.Lock()
"""One picture is read at a time: a reader's process is not for several threads."""


def read_query_picture(path: Path, name: str) -> str:
    """Read a picture file, as `read_query_bytes`. Raises InputError, UsageError."""
    from qembed.corpus import file_contents
    from qembed.types import SourceFile

    try:
        info = path.stat()
    except OSError as e:
        raise InputError(f"{name}: {refusal(e)}") from e
    # no name: a packed file is no picture
    data = file_contents.data(SourceFile("", "", os.fspath(path), info.st_size, 0))
    if not isinstance(data, bytes):
        raise InputError(f"{name}: {data.error}")
    return read_query_bytes(data, name)


def read_query_bytes(data: bytes, name: str, seconds: float | None = None) -> str:
    """Read a picture, whatever format it is in: PNG as base64, in the form that an index's pictures have.

    `name`: of the picture, for messages. `seconds`: for its reader, None: as for a file. For any thread.
    Raises InputError for bytes that are no picture, UsageError without the extra.
    """
    from qembed.corpus.readers.converted import Image
    from qembed.corpus.readers.pictures.picture_file import NEEDS
    from qembed.corpus.readers.sandbox import ReaderFailed

    if find_spec("PIL") is None:
        raise UsageError(f"{name}: a picture {NEEDS}")
    try:
        with _READING:
            found = _reader().convert(".png", data, seconds, ())
    except ReaderFailed as e:
        raise InputError(f"{name}: {e.reason}") from e
    return next(item.png for item in found if isinstance(item, Image))


@cache
def _reader() -> ReaderProcess:
    """A process for queries: that of files may be busy with one for a minute."""
    from qembed.corpus.readers.sandbox import ReaderProcess

    made = ReaderProcess()
    atexit.register(made.close)
    return made


def picture_options(options: QueryOptions) -> QueryOptions:
    """Options of a query that is a picture: no words, no votes on words, no reranker of texts.

    It finds pictures unless texts are asked for: their cosines with it are on another scale.
    """
    kind = options.kind or "image"
    return replace(options, mode="dense", rerank=None, memory=False, snippets=False, kind=kind)


def encode_query_picture(session: Session, image: str, queries: int) -> Vectors:
    """Vector of a picture as base64, once for each query, float32 (queries, dim). Raises UsageError."""
    import numpy as np

    from qembed.corpus.readers.pictures.opened import open_png

    model = session.loaded.model
    if not model.supports("image"):
        raise UsageError(f"--image: {model.name}, the index's model, reads no pictures")
    with session.timer("encode"):
        found = session.loaded.image_encoder.encode_images([open_png(base64.b64decode(image))])
    return np.repeat(np.asarray(found, dtype=np.float32), queries, axis=0)
