"""Passages as record batches of Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from qembed.engines.fields import MetadataField
from qembed.engines.passages import TEXTS, WHOLE, ExportContent, PassageBatch


def schema(fields: Sequence[MetadataField], dim: int, fixed: bool) -> Any:
    """Schema of exported passages. `fixed`: vectors as lists of a fixed size, which not all engines read."""
    import pyarrow as pa

    kinds = {
        "text": pa.string(),
        "real": pa.float64(),
        "whole": pa.int64(),
        "truth": pa.bool_(),
        "texts": pa.list_(pa.string()),
    }
    vector = pa.list_(pa.float32(), dim) if fixed else pa.list_(pa.float32())
    return pa.schema(
        [
            *((name, pa.int64()) for name in WHOLE),
            *((name, pa.string()) for name in TEXTS),
            ("meta", pa.string()),
            *((f.column, kinds[f.kind]) for f in fields),
            ("vector", vector),
        ]
    )


def record_batches(content: ExportContent, fixed: bool) -> Iterator[Any]:
    """Yield the content as record batches of its schema."""
    arrow = schema(content.fields, content.dim, fixed)
    for batch in content.batches:
        yield _record_batch(batch, content.fields, arrow, fixed)


def _record_batch(
    batch: PassageBatch, fields: Sequence[MetadataField], arrow: Any, fixed: bool
) -> Any:
    import numpy as np
    import pyarrow as pa

    n, dim = batch.vectors.shape
    flat = pa.array(np.ascontiguousarray(batch.vectors, dtype=np.float32).reshape(-1))
    if fixed:
        vectors = pa.FixedSizeListArray.from_arrays(flat, dim)
    else:
        ends = pa.array(np.arange(n + 1, dtype=np.int32) * dim)
        vectors = pa.ListArray.from_arrays(ends, flat)
    columns: list[Any] = [
        pa.array([getattr(p, name) for p in batch.passages], arrow.field(name).type)
        for name in (*WHOLE, *TEXTS)
    ]
    meta = [json.dumps(p.meta, ensure_ascii=False, default=str) for p in batch.passages]
    columns.append(pa.array(meta, pa.string()))
    for f in fields:
        values = [p.fields[f.column] for p in batch.passages]
        columns.append(pa.array(values, arrow.field(f.column).type))
    return pa.record_batch([*columns, vectors], schema=arrow)
