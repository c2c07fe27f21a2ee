"""Conversion between numpy and Arrow by their buffers, and Arrow's functions without their wrappers.

`pa.array` and `to_numpy` import pandas wherever it is installed, to test for its types: .3 s of a query's
half second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors


def int64(values: Any) -> Any:
    """Convert int64 (n,) to a pyarrow array that shares its memory, or a sequence of ints."""
    import pyarrow as pa

    return array(values, pa.int64())


def nullable_int64(values: Sequence[int | None]) -> Any:
    """Convert whole numbers to a pyarrow array with nulls for None."""
    import numpy as np
    import pyarrow as pa

    data = np.array([0 if v is None else v for v in values], dtype=np.int64)
    known = np.fromiter((v is not None for v in values), dtype=bool, count=len(values))
    valid = None if known.all() else booleans(known).buffers()[1]
    return pa.Array.from_buffers(pa.int64(), len(values), [valid, pa.py_buffer(data)])


def nullable_binary(values: Sequence[bytes | None]) -> Any:
    """Convert bytes to a pyarrow array with nulls for None."""
    import numpy as np
    import pyarrow as pa

    ends = np.cumsum([0, *(len(v or b"") for v in values)]).astype(np.int32)
    known = np.fromiter((v is not None for v in values), dtype=bool, count=len(values))
    valid = None if known.all() else booleans(known).buffers()[1]
    data = pa.py_buffer(b"".join(v or b"" for v in values))
    return pa.Array.from_buffers(pa.binary(), len(values), [valid, pa.py_buffer(ends), data])


def compute() -> Any:
    """Arrow's compute module without the wrappers of its 300 functions, which take 50 ms to import."""
    try:
        from pyarrow import _compute
    except ImportError:
        from pyarrow import compute

        return compute
    return _compute


SLICED_ROWS = 64
"""Rows up to which slices are as fast as `take`, without pyarrow.compute."""


def taken(table: Any, at: Sequence[int] | npt.NDArray[np.int64]) -> Any:
    """Take the rows of a pyarrow table or column at the given positions, in that order."""
    import pyarrow as pa

    if isinstance(table, pa.Table) and 0 < len(at) <= SLICED_ROWS:
        return pa.concat_tables([table.slice(int(i), 1) for i in at])
    # the method of the table imports all of pyarrow.compute
    return compute().call_function("take", [table, int64(at)])


def booleans(values: npt.NDArray[np.bool_]) -> Any:
    """Convert bool (n,) to a pyarrow array."""
    import numpy as np
    import pyarrow as pa

    packed = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(packed)])


def filtered(table: Any, keep: npt.NDArray[np.bool_]) -> Any:
    """Filter a pyarrow table or column by `keep`, bool (rows,)."""
    import numpy as np
    import pyarrow as pa

    edges = np.flatnonzero(np.diff(keep, prepend=False, append=False))
    if len(edges) > 2 * SLICED_ROWS:
        return compute().call_function("filter", [table, booleans(keep)])
    # a few runs, as after a change of a few files: slices share memory
    parts = [table.slice(a, b - a) for a, b in edges.reshape(-1, 2).tolist()]
    if isinstance(table, pa.ChunkedArray):
        return pa.chunked_array([c for p in parts for c in p.chunks], table.type)
    return pa.concat_tables(parts) if parts else table.slice(0, 0)


def differing(column: Any) -> npt.NDArray[np.bool_]:
    """Mask of the rows of a string column without nulls that differ from the row before, bool (rows - 1,)."""
    import numpy as np
    import pyarrow as pa

    n = len(column)
    found = compute().call_function("not_equal", [column.slice(1), column.slice(0, n - 1)])
    return bits(pa.concat_arrays(found.chunks)) if n > 1 else np.zeros(0, dtype=bool)


def array(values: Sequence[Any] | npt.NDArray[Any], kind: Any) -> Any:
    """Convert numbers, texts or bytes of one length to a pyarrow array. Shares the memory of numpy arrays.

    Raises UnicodeEncodeError for a lone surrogate, ValueError for bytes of another length.
    """
    import numpy as np
    import pyarrow as pa

    n = len(values)
    if pa.types.is_fixed_size_binary(kind):
        joined = b"".join(values)
        if len(joined) != n * kind.byte_width:
            raise ValueError(f"not all of {kind.byte_width} bytes")
        return pa.Array.from_buffers(kind, n, [None, pa.py_buffer(joined)])
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text([v.encode() for v in values], kind)
    data = np.ascontiguousarray(values, dtype=_dtype(kind))
    return pa.Array.from_buffers(kind, n, [None, pa.py_buffer(data)])


def strings(values: Sequence[str]) -> Any:
    """Convert texts to a pyarrow string array. Lone surrogates keep their order, and equal no stored text."""
    import pyarrow as pa

    return _text([v.encode("utf-8", "surrogatepass") for v in values], pa.string())


def _text(values: Sequence[bytes], kind: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    offsets = np.cumsum([0, *map(len, values)], dtype=np.int64)
    if pa.types.is_string(kind):
        if offsets[-1] >= 2**31:
            raise pa.ArrowCapacityError(f"{offsets[-1]:,} bytes of text in one array")
        offsets = offsets.astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def bits(array: Any) -> npt.NDArray[np.bool_]:
    """Convert a pyarrow array of booleans to bool (n,); False for nulls."""
    return _bits(array, 1) & valid(array)


def valid(array: Any) -> npt.NDArray[np.bool_]:
    """Mask of the values of a pyarrow array that are not null, bool (n,)."""
    import numpy as np

    if not array.null_count:
        return np.ones(len(array), dtype=bool)
    return _bits(array, 0)


def _bits(array: Any, buffer: int) -> npt.NDArray[np.bool_]:
    import numpy as np

    if not len(array):
        return np.zeros(0, dtype=bool)
    data = np.frombuffer(array.buffers()[buffer], dtype=np.uint8)
    end = array.offset + len(array)
    return np.unpackbits(data, count=end, bitorder="little")[array.offset :].view(np.bool_)


def raw(array: Any) -> npt.NDArray[Any]:
    """Convert a pyarrow array of numbers to (n,), arbitrary for nulls. Shares its memory."""
    import numpy as np

    kind = _dtype(array.type)
    if not len(array):
        return np.zeros(0, dtype=kind)
    data = array.buffers()[1]
    return np.frombuffer(data, dtype=kind, count=len(array), offset=array.offset * kind.itemsize)


def beginnings(column: Any) -> npt.NDArray[np.uint64]:
    """First 8 bytes of each value of a column of 16 bytes, as a number, uint64 (n,)."""
    import numpy as np

    parts = [
        np.frombuffer(c.buffers()[1], dtype="<u8").reshape(-1, 2)[c.offset :][: len(c), 0]
        for c in column.chunks
        if len(c)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def numbers(column: Any) -> npt.NDArray[Any]:
    """Convert a pyarrow array or column of numbers to (n,); shares its memory if it is one chunk.

    Raises ValueError for nulls.
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
    if array.null_count:
        raise ValueError(f"numbers are missing: {array.null_count}")
    return raw(array)


def vector_array(vectors: Vectors) -> Any:
    """Convert float32 (n, dim) to an Arrow column, without a copy."""
    import numpy as np
    import pyarrow as pa

    flat = np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(array(flat, pa.float32()), vectors.shape[1])


def vectors_of(table: Any) -> Vectors:
    """Vector column as float32 (rows, dim), without a copy if the table is one chunk."""
    import numpy as np

    column = table.column("vector").combine_chunks()
    dim = column.type.list_size
    # not `flatten`, which imports all of pyarrow.compute
    flat = numbers(column.values.slice(column.offset * dim, len(column) * dim))
    return np.asarray(flat, dtype=np.float32).reshape(-1, dim)
