"""Documents by their id, or by the place of their file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import UnknownDocument

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Rows

NEAR_NAMES = 3
"""Ids that a message on an unknown one names at most."""
NAMES_COMPARED = 200_000
"""Documents of an index up to which ids near an unknown one are looked for."""


def find_document(session: Session, name: str) -> int:
    """Catalog position of the document with the id `name`. Raises UnknownDocument."""
    found = positions_by_id(session, name)
    if not len(found):
        raise unknown_document(session, name)
    return int(found[-1])


def positions_by_id(session: Session, name: str) -> Rows:
    """Catalog positions of documents with an id, int64: one or none."""
    import numpy as np

    ids = session.snapshot.catalog.text("id")
    return np.flatnonzero(ids.compare("=", name)).astype(np.int64)


def positions_by_place(session: Session, place: Path) -> Rows:
    """Catalog positions of the documents of a file, or of a source, int64."""
    import numpy as np

    from qembed.pipeline.path_column import PathColumn

    folder = session.snapshot.root.parent
    column = PathColumn(session.snapshot.catalog, folder)
    return np.flatnonzero(column.at_place(str(place.absolute()))).astype(np.int64)


def unknown_document(session: Session, name: str) -> UnknownDocument:
    """Error for an id that no document has. Names ids that are near it."""
    catalog = session.snapshot.catalog
    near: list[str] = []
    if len(catalog) <= NAMES_COMPARED:
        ids = catalog.ids()
        last = name.rstrip("/").rpartition("/")[2]
        near = [i for i in ids if i.rpartition("/")[2] == last][:NEAR_NAMES] if last else []
        if not near:
            import difflib

            # the quick bound first: a full comparison with each id takes seconds
            some = [i for i in ids if abs(len(i) - len(name)) <= 3 and i[:1] == name[:1]]
            near = difflib.get_close_matches(name, some[:5000], NEAR_NAMES, 0.8)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return UnknownDocument(f"no document {name!r} in the index{hint}")
