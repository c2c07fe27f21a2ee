"""Thumbnails of hits that are pictures, in rows of the terminal that are left for them."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.cli.render.pictures.terminals import UNKNOWN_CELL, Cell, Protocol, cell_of, protocol_of
from qembed.errors import QembedError

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.answer import Answer
    from qembed.types import Hit

ROWS, COLUMNS = 6, 24
"""Cells of a thumbnail, at most."""
LEAST_COLUMNS = 8
"""Columns that must be free."""
SECONDS = 5.0
"""For the thumbnails of one answer that were never made before: later hits go without."""


class Thumbnails:
    """Thumbnails by one protocol. `roots`: index of each hit's `index`."""

    def __init__(self, protocol: Protocol, roots: Mapping[str | None, Path], cell: Cell) -> None:
        self._protocol = protocol
        self._roots = roots
        self._cell = cell
        self._spent = 0.0

    def drawn(self, hit: Hit, indent: int, width: int) -> str:
        """Text that leaves rows and draws a hit's picture in them; "" where there is none to show.

        `indent`: columns before it, of a terminal with `width`.
        """
        root = self._roots.get(hit.index)
        room = min(COLUMNS, width - indent)
        if hit.picture is None or root is None or room < LEAST_COLUMNS or self._spent > SECONDS:
            return ""
        from qembed.pipeline.retrieval.pictures.thumbnail import thumbnail

        began = time.monotonic()
        try:
            jpeg = thumbnail(root, hit)
        except QembedError:  # the file has changed or is gone: its place tells enough
            return ""
        finally:
            self._spent += time.monotonic() - began
        sequence, rows = self._sequence(jpeg, room)
        # the rows are there before the picture: drawing it does not scroll
        return f"{chr(10) * rows}\x1b[{rows}A\x1b[{indent}C\x1b7{sequence}\x1b8\x1b[{rows}B\r"

    def _sequence(self, jpeg: bytes, room: int) -> tuple[str, int]:
        from PIL import Image as images

        from qembed.cli.render.pictures import sequences

        with images.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
            picture = opened.convert("RGB")
        columns, rows = cells_of(*picture.size, room, self._cell)
        if self._protocol == "iterm2":
            return sequences.iterm2(jpeg, columns, rows), rows
        if self._protocol == "kitty":
            return sequences.kitty(picture, columns, rows), rows
        size = columns * self._cell.width, rows * self._cell.height
        return sequences.sixel(picture.resize(size, images.Resampling.LANCZOS)), rows


def cells_of(width: int, height: int, room: int, cell: Cell) -> tuple[int, int]:
    """(columns, rows) of a picture: its own size in pixels or less, at most ROWS and `room` columns."""
    scale = min(1.0, ROWS * cell.height / height, room * cell.width / width)
    columns, rows = round(width * scale / cell.width), round(height * scale / cell.height)
    return max(1, min(room, columns)), max(1, min(ROWS, rows))


def thumbnails_of(choice: str, root: Path, answer: Answer) -> Thumbnails | None:
    """Thumbnails for an answer on stdout; None in a pipe, without pictures, and where none can be drawn.

    `choice`: a protocol, `auto` or `none`. `root`: the index, where one was searched.
    """
    if choice == "none" or not any(h.picture for r in answer.results for h in r.hits):
        return None
    if not sys.stdout.isatty():
        return None
    protocol = protocol_of(os.environ) if choice == "auto" else choice
    if protocol is None:
        return None
    roots: dict[str | None, Path] = {i["name"]: Path(i["path"]) for i in answer.indexes}
    cell = cell_of(sys.stdout.fileno()) if hasattr(sys.stdout, "fileno") else UNKNOWN_CELL
    return Thumbnails(protocol, {None: root, **roots}, cell)  # type: ignore[arg-type]
