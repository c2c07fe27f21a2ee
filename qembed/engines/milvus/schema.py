"""Schema of a collection: one entity for each passage, its document's fields repeated on it.

`row` is the primary key: a row id is never used twice, and its text and vector never change. `stamp` is a
hash of what can change, the document's fields. Metadata of one type have a column of their own, by which
the server filters; all metadata are in `meta` as JSON. `words` holds our analyzer's terms, of which the
server makes the BM25 vector `sparse`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from qembed.engines.fields import MetadataField

VERSION = 2
"""Version of the schema. Another one makes a new collection."""
MAX_BYTES = 65535
"""Bytes of a text field, Milvus's limit."""
MAX_ELEMENTS = 1024
WHOLE = (
    *("stamp", "seq", "first", "rows", "start", "end", "line", "end_line"),
    *("record_line", "mtime_ns", "terms", "characters"),
)
"""Fields of whole numbers, beside `row`."""
TEXTS = (
    *("document", "heading", "symbol", "text", "title", "source", "file", "suffix"),
    *("digest", "meta", "words"),
)
"""Fields of text."""


def layout_name(fields: Sequence[MetadataField], dim: int, analyzer: int, index: str) -> str:
    """Short hash of everything that a collection cannot change later: 8 hex digits."""
    layout = [VERSION, dim, analyzer, index, [(f.key, f.column, f.kind) for f in fields]]
    return hashlib.blake2b(json.dumps(layout).encode(), digest_size=4).hexdigest()


def make_schema(client: Any, fields: Sequence[MetadataField], dim: int) -> Any:
    """Schema for `create_collection`."""
    from pymilvus import DataType, Function, FunctionType

    types = {
        "text": DataType.VARCHAR,
        "real": DataType.DOUBLE,
        "whole": DataType.INT64,
        "truth": DataType.BOOL,
    }
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    for name in WHOLE:
        schema.add_field(name, DataType.INT64)
    for name in TEXTS:
        more: dict[str, Any] = {}
        if name == "words":
            more = {
                "enable_analyzer": True,
                "enable_match": True,
                "analyzer_params": {"tokenizer": "standard"},
            }
        schema.add_field(name, DataType.VARCHAR, max_length=MAX_BYTES, **more)
    for f in fields:
        if f.kind == "texts":
            schema.add_field(
                f.column,
                DataType.ARRAY,
                element_type=DataType.VARCHAR,
                max_capacity=MAX_ELEMENTS,
                max_length=MAX_BYTES,
                nullable=True,
            )
        else:
            limit = {"max_length": MAX_BYTES} if f.kind == "text" else {}
            schema.add_field(f.column, types[f.kind], nullable=True, **limit)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(
        Function(
            name="bm25",
            function_type=FunctionType.BM25,
            input_field_names=["words"],
            output_field_names=["sparse"],
        )
    )
    return schema


def make_indexes(client: Any, index: str) -> Any:
    """Indexes for `create_collection`. `index`: of the vectors, `flat` (exact) or `hnsw`."""
    indexes = client.prepare_index_params()
    # inner products of unit vectors are cosines, as they are here
    if index == "flat":
        indexes.add_index("vector", index_type="FLAT", metric_type="IP")
    else:
        graph = {"M": 16, "efConstruction": 200}
        indexes.add_index("vector", index_type="HNSW", metric_type="IP", params=graph)
    words = {"bm25_k1": 1.2, "bm25_b": 0.75}
    indexes.add_index(
        "sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=words
    )
    return indexes
