"""State of an exported index: what its collection stands for, in a small collection beside it.

One JSON object in pieces that fit a text field: the index's manifest without its files, the columns of the
metadata, counts, and whether the last export came to its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qembed.engines.milvus.collection import make_collection
from qembed.engines.milvus.connection import MilvusConnection
from qembed.errors import EngineError

SUFFIX = "_state"
PIECE = 16000
"""Characters of a piece: at most four bytes each, within a text field's limit."""


def read_state(server: MilvusConnection, collection: str) -> dict[str, Any] | None:
    """State of a collection; None if there is none. Raises EngineError for one that is not ours."""
    name = collection + SUFFIX
    with server.calling(f"read {name}"):
        if not server.client.has_collection(name):
            return None
        pieces = server.client.query(name, filter="number >= 0", output_fields=["number", "text"])
    if not pieces:
        return None
    try:
        text = "".join(p["text"] for p in sorted(pieces, key=lambda p: p["number"]))
        found = json.loads(text)
        if found["schema"] == 1:
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    raise EngineError(
        f"Milvus at {server.address.url}: {name} is not the state of an export "
        "(qembed export milvus --rebuild makes it anew)"
    )


def write_state(server: MilvusConnection, collection: str, state: Mapping[str, Any]) -> None:
    """Replace the state of a collection. Pieces beyond the new ones are deleted first."""
    name = collection + SUFFIX
    text = json.dumps({"schema": 1, **state}, ensure_ascii=True)
    pieces = [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
    with server.calling(f"write {name}"):
        if not server.client.has_collection(name):
            _create(server, name)
        server.client.delete(name, filter=f"number >= {len(pieces)}")
        server.client.upsert(
            name,
            [{"number": i, "text": p, "vector": [0.0, 1.0]} for i, p in enumerate(pieces)],
        )
        server.client.flush(name)


def _create(server: MilvusConnection, name: str) -> None:
    from pymilvus import DataType

    client = server.client
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("number", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=65535)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)  # every collection has one
    indexes = client.prepare_index_params()
    indexes.add_index("vector", index_type="FLAT", metric_type="IP")
    make_collection(server, name, schema, indexes)
