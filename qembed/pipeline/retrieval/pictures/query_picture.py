"""Queries that are pictures: read as pictures of the index are, encoded by its model, searched by meaning."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UsageError, refusal

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors


def read_query_picture(path: Path) -> str:
    """Read a picture file: PNG as base64, in the form that an index's pictures have. Raises InputError."""
    from qembed.corpus import ReadOptions, read
    from qembed.corpus.formats import PICTURES, suffix
    from qembed.types import Document, SourceFile

    try:
        info = path.stat()
    except OSError as e:
        raise InputError(f"--image {path}: {refusal(e)}") from e
    # by its content, whatever its name says
    name = path.name if suffix(path.name) in PICTURES else f"{path.name}.png"
    file = SourceFile("", name, os.fspath(path), info.st_size, 0)
    reason = "no picture in it"
    for item in read(file, ReadOptions(pictures=())):
        if isinstance(item, Document) and item.picture is not None:
            return base64.b64encode(item.picture.png).decode("ascii")
        reason = getattr(item, "error", reason)
    raise InputError(f"--image {path}: {reason}")


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
        raise UsageError(f"--image: {model.name}, the index's model, reads texts only")
    with session.timer("encode"):
        found = session.loaded.image_encoder.encode_images([open_png(base64.b64decode(image))])
    return np.repeat(np.asarray(found, dtype=np.float32), queries, axis=0)
