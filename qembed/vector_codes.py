"""Vectors in 8 bits a dimension, each with a bound of its error. Imports numpy inside functions only.

A record is 8 + dim bytes: the scale s and the residual r, float32 each, then the codes c, int8 (dim,). The
vector is s·c up to an error of length r at most, so that its product with a query q differs from that of s·c
by at most ‖q‖·r (Cauchy and Schwarz).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

LARGEST = 127
"""Largest code: -128 is left out, so that codes are symmetric."""
RESIDUAL_SLACK = 1e-6
"""Share by which a residual is rounded up: more than float32 and the sum of its squares lose."""
ROWS_AT_A_TIME = 256
"""Rows encoded together: their intermediate results stay in a core's cache."""


def record(dim: int) -> np.dtype[Any]:
    """Type of a vector's record in numpy."""
    import numpy as np

    return np.dtype([("scale", "<f4"), ("residual", "<f4"), ("codes", "i1", (dim,))])


def encode(vectors: Vectors) -> npt.NDArray[np.void]:
    """Records of float32 (n, dim), of type `record(dim)`, (n,). A vector with NaN or infinity has r = inf."""
    import numpy as np

    found = np.zeros(len(vectors), dtype=record(vectors.shape[1]))
    for at in range(0, len(vectors), ROWS_AT_A_TIME):
        part = np.asarray(vectors[at : at + ROWS_AT_A_TIME], dtype=np.float32)
        rows = found[at : at + len(part)]
        largest = np.abs(part).max(axis=1, initial=0)
        scale = (largest / np.float32(LARGEST)).astype(np.float32)
        # of subnormal numbers the quotient overflows: such a vector is its residual
        usable = np.isfinite(scale) & (scale >= np.finfo(np.float32).tiny)
        scale[~usable] = 0
        per = np.where(usable, scale, 1)[:, None]
        codes = np.clip(np.rint(np.where(usable[:, None], part, 0) / per), -LARGEST, LARGEST)
        rows["scale"], rows["codes"] = scale, codes
        rows["residual"] = residuals(part, rows)
    return found


def residuals(vectors: Vectors, records: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
    """Lengths of what the records leave of their vectors, rounded up, float32 (n,); infinite for NaN."""
    import numpy as np

    left = records["codes"] * -records["scale"].astype(np.float64)[:, None]
    left += vectors
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", left, left)) * (1 + RESIDUAL_SLACK)
        # the smallest float32 keeps a length that is not zero from becoming zero
        found = (lengths + np.finfo(np.float32).tiny * (lengths > 0)).astype(np.float32)
    return np.where(np.isnan(found), np.float32(np.inf), found)
