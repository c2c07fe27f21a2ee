"""Numbers between numpy and Arrow by their buffers.

`pa.array` and `to_numpy` import pandas wherever it is installed, to ask whether what they are given comes
from it: .3 s, of a query's half second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def int64(values: Any) -> Any:
    """A pyarrow int64 array that shares the memory of numpy's, or holds a sequence of ints."""
    import numpy as np
    import pyarrow as pa

    data = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])


def numbers(column: Any) -> npt.NDArray[Any]:
    """(n,) of a pyarrow array or column of numbers without nulls; shares its memory if it is in one piece.

    Raises ValueError if there are nulls.
    """
    import numpy as np

    chunks = getattr(column, "chunks", None)
    pieces = [_numbers(c) for c in ([column] if chunks is None else chunks)]
    if len(pieces) == 1:
        return pieces[0]
    kind = _dtype(column.type)
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=kind)


def _dtype(kind: Any) -> np.dtype[Any]:
    import numpy as np

    found: np.dtype[Any] = np.dtype(kind.to_pandas_dtype())  # numpy's type: no pandas in it
    return found


def _numbers(array: Any) -> npt.NDArray[Any]:
    import numpy as np

    if array.null_count:
        raise ValueError(f"{array.null_count} numbers are missing")
    kind = _dtype(array.type)
    if not len(array):
        return np.zeros(0, dtype=kind)
    data = array.buffers()[1]
    return np.frombuffer(data, dtype=kind, count=len(array), offset=array.offset * kind.itemsize)
