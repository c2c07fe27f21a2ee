"""Comparison of one file with the documents that an index has of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from qembed.corpus import ReadOptions
from qembed.pipeline.sequences.files import read_items
from qembed.store import Catalog, FileState
from qembed.types import Document, Meta, Recipe, Skipped, SourceFile, Unreadable


class Content(NamedTuple):
    """Result of reading a file: `is_same` if it gives the documents that it gave before.

    `error`: the first failure in it. `has_documents`: some of it could be read. `lost`: documents that it has
    less than before. `has_known`: all that it gave before are among those of now.
    """

    is_same: bool
    error: str = ""
    has_documents: bool = True
    lost: int = 0
    has_known: bool = False


def compare_content(
    catalog: Catalog,
    state: FileState,
    file: SourceFile,
    options: ReadOptions,
    meta: Meta,
    recipe: Recipe,
) -> Content:
    """Read a file and compare its digests with the catalog's. `meta`: metadata of its source."""
    found: Counter[bytes] = Counter()
    error = ""
    is_whole = True
    for item in read_items(file, options, recipe):
        if isinstance(item, Document):
            found[replace(item, meta={**meta, **item.meta}).digest] += 1
        elif isinstance(item, Unreadable):
            is_whole = False
            error = error or ("" if isinstance(item, Skipped) and item.keep else item.error)
    known = Counter(catalog.digests(list(range(state.start, state.stop))))
    lost = max(0, known.total() - found.total())
    is_same = is_whole and found == known
    return Content(is_same, error, bool(found) or is_whole, lost, known <= found)


def has_same_picture(
    catalog: Catalog, state: FileState, file: SourceFile, options: ReadOptions, recipe: Recipe
) -> bool:
    """True if a file gives a picture of the pixels that it gave before, whatever is said of it."""
    items = [i for i in read_items(file, options, recipe) if isinstance(i, Document)]
    found = [None if i.picture is None else i.picture.digest for i in items]
    return found == catalog.columns("picture")["picture"][state.start : state.stop]
