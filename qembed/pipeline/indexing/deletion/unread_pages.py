"""Pages of PDF that an index has as pictures, where its option `--pictures` does not take them any more.

Such a document goes even if its file fails: a scan without its pages has no text in it, which is a failure
of the file, and what is known of a file that fails stays otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qembed.corpus.read_options import PAGES
from qembed.pipeline.indexing.pictures.options import PLAIN, SETTING
from qembed.store import Catalog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]

_PAGE = re.compile(r"#page-image=\d+$")
"""End of the id of a page's picture."""


class UnreadPages:
    """Tells the pictures of pages in `catalog` that a run with these settings of a manifest does not make."""

    def __init__(self, catalog: Catalog, settings: Mapping[str, Any]) -> None:
        self._catalog = catalog
        words = settings.get(SETTING, ())
        self._are_read = PAGES in words
        given = " ".join(f"--pictures {word}" for word in words or (PLAIN,))
        self.reason = f"not read by {given} any more"

    def split(self, positions: Positions) -> tuple[Positions, Positions]:
        """(other documents, pictures of pages that are not made any more) of those at these positions."""
        import numpy as np

        unread = np.zeros(len(positions), dtype=bool)
        if not self._are_read and len(positions):
            entries = self._catalog.take(positions.tolist())
            unread[:] = [e.picture is not None and bool(_PAGE.search(e.id)) for e in entries]
        return positions[~unread], positions[unread]
