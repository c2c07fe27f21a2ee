"""Entities as files of Parquet for a bulk import, in the schema of their collection.

The types are those that the client's own writer gives: vectors as lists of float32, not of a fixed size,
which servers before May 2026 refuse. What the server computes (`sparse`) is not in them.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

FILE_BYTES = 128 << 20
"""Bytes of a file, about, before compression: a server reads several at once. It takes 16 GiB at most."""


def arrow_schema(schema: Any) -> Any:
    """Arrow schema of the fields of a collection that a file has to have."""
    import pyarrow as pa
    from pymilvus import DataType

    types = {
        DataType.INT64: pa.int64(),
        DataType.DOUBLE: pa.float64(),
        DataType.BOOL: pa.bool_(),
        DataType.VARCHAR: pa.string(),
        DataType.FLOAT_VECTOR: pa.list_(pa.float32()),
    }
    return pa.schema(
        [
            (
                f.name,
                pa.list_(types[f.element_type]) if f.dtype == DataType.ARRAY else types[f.dtype],
            )
            for f in schema.fields
            if not f.is_function_output
        ]
    )


def import_files(
    batches: Iterable[Sequence[Mapping[str, Any]]], schema: Any
) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of files. `batches`: of entities, each a row group. `schema`: of Milvus.

    A name is a hash of the content: what is there under it need not be written again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = arrow_schema(schema)
    groups: list[Any] = []

    def finished() -> tuple[str, bytes]:
        buffer = io.BytesIO()
        with pq.ParquetWriter(buffer, arrow) as writer:
            for group in groups:
                writer.write_batch(group)
        data = buffer.getvalue()
        return f"{hashlib.blake2b(data, digest_size=16).hexdigest()}.parquet", data

    for entities in batches:
        groups.append(
            pa.record_batch(
                [pa.array([e[f.name] for e in entities], f.type) for f in arrow], schema=arrow
            )
        )
        if sum(group.nbytes for group in groups) >= FILE_BYTES:
            yield finished()
            groups.clear()
    if groups:
        yield finished()
