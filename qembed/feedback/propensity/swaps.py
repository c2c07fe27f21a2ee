"""Propensities by intervention: neighbours that were exchanged at random (Joachims et al., WSDM 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.feedback.propensity.click_log import ClickLog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEWEST = 30
"""Clicks on each of two neighbouring ranks, fewest that a ratio is estimated from."""


def swap_ratios(log: ClickLog, fewest: int = FEWEST) -> list[float]:
    """Ratio of the propensities of ranks i + 1 and i, for i = 1, 2, … as far as the clicks suffice.

    Only answers that could have been exchanged are counted. The two documents of a pair are told apart by
    where they stand without an exchange: each is seen on both ranks, and its click rates there differ by
    the ranks alone. The rates of both are added, so that neither arm needs to be as large as the other.
    """
    import numpy as np

    found: list[float] = []
    for i in range(log.ranks - 1):
        both = log.exploring & (log.documents[:, i] >= 0) & (log.documents[:, i + 1] >= 0)
        exchanged = log.swapped[:, i]
        # a hit that another exchange moved here is no longer the one that stands here without any
        others = log.swapped[:, i + 1].copy()
        if i:
            others |= log.swapped[:, i - 1]
        arms = both & exchanged & ~others, both & ~exchanged & ~others
        sizes = [int(arm.sum()) for arm in arms]
        clicks = np.array([[int(log.clicks[arm, i + k].sum()) for k in (0, 1)] for arm in arms])
        if min(sizes) == 0 or int(clicks.sum(axis=0).min()) < fewest:
            break
        rates: npt.NDArray[np.float64] = clicks / np.array(sizes)[:, None]
        upper, lower = rates.sum(axis=0)
        found.append(float(lower / upper))
    return found
