"""Click log as arrays: answers by ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.feedback.interactions import Interaction
from qembed.feedback.records import Event

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEPTH = 20
"""Ranks that are looked at: below them clicks are too rare to tell anything by."""


@dataclass(frozen=True, slots=True)
class ClickLog:
    """Answers of one kind of client.

    `documents`: int64 (answers, ranks), code of a document under a query group, -1 where nothing was shown.
    `clicks`: bool of the same shape. `swapped`: bool of the same shape, True where the hit of this rank and
    the next one were exchanged at random. `exploring`: bool (answers,), whether any could have been.
    `groups`: int64 (answers,), code of the query group.
    """

    documents: npt.NDArray[np.int64]
    clicks: npt.NDArray[np.bool_]
    swapped: npt.NDArray[np.bool_]
    exploring: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]

    @property
    def answers(self) -> int:
        """Number of answers."""
        return len(self.documents)

    @property
    def ranks(self) -> int:
        """Number of ranks."""
        return int(self.documents.shape[1])

    @property
    def clicked(self) -> int:
        """Number of clicked hits."""
        return int(self.clicks.sum())

    def click_rates(self) -> npt.NDArray[np.float64]:
        """Share of the hits shown at a rank that were clicked, float64 (ranks,)."""
        import numpy as np

        shown = (self.documents >= 0).sum(axis=0)
        return np.asarray(self.clicks.sum(axis=0) / np.maximum(shown, 1), dtype=np.float64)


def make_click_log(
    interactions: Iterable[Interaction],
    group: Callable[[str], str],
    is_click: Callable[[Event], bool],
    depth: int = DEPTH,
) -> ClickLog:
    """Arrays of the answers that show something. `group`: of a query's text, documents are told apart by it.

    An answer was exploring if its settings say so ("explore") or if hits of it were exchanged.
    """
    import numpy as np

    codes: dict[tuple[str, str], int] = {}
    groups: dict[str, int] = {}
    rows: list[tuple[int, dict[int, int], set[int], tuple[int, ...], bool]] = []
    for interaction in interactions:
        query = interaction.query
        name = group(query.text)
        acted = {e.object_id for e in interaction.events if is_click(e)}
        shown = {d: r for d, r in interaction.ranks().items() if 1 <= r <= depth}
        if not shown:
            continue
        places = {rank: codes.setdefault((name, d), len(codes)) for d, rank in shown.items()}
        clicked = {rank for d, rank in shown.items() if d in acted}
        exploring = bool(query.explored) or bool(query.settings.get("explore"))
        g = groups.setdefault(name, len(groups))
        rows.append((g, places, clicked, query.explored, exploring))
    width = max((rank for _, places, *_ in rows for rank in places), default=0)
    documents = np.full((len(rows), width), -1, dtype=np.int64)
    clicks = np.zeros((len(rows), width), dtype=np.bool_)
    swapped = np.zeros((len(rows), width), dtype=np.bool_)
    for i, (_, places, clicked, explored, _) in enumerate(rows):
        for rank, code in places.items():
            documents[i, rank - 1] = code
            clicks[i, rank - 1] = rank in clicked
        for rank in explored:
            if rank in places and rank + 1 in places:
                swapped[i, rank - 1] = True
    return ClickLog(
        documents,
        clicks,
        swapped,
        np.array([exploring for *_, exploring in rows], dtype=np.bool_),
        np.array([g for g, *_ in rows], dtype=np.int64),
    )
