"""Encoded shards of input: passages and vectors that another machine made, as Arrow, before they have rows.

    document, seq, start, end, line, end_line, text, heading, symbol, text_hash, tokens, vector

`document` is the position in the shard of input. Equal values give equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.store.arrow import array, vector_array, vectors_of
from qembed.store.shards import HASH_BYTES
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.types import Vectors

_NUMBERS = ("seq", "start", "end", "line", "end_line")
_TEXTS = ("text", "heading", "symbol")
_DOCUMENTS = b"qembed.documents"
_VERSION = b"qembed.version"
VERSION = 1


class EncodedDocuments(NamedTuple):
    """Passages of the documents of a shard of input, and what was encoded for them.

    `passages`: by document. `hashes`, `tokens`, `vectors`: of each passage, in order; vectors is float32
    (passages, dim). A token count of -1 marks a passage that the model gives no vector for.
    """

    passages: list[list[Passage]]
    hashes: list[bytes]
    tokens: list[int]
    vectors: Vectors


def pack(encoded: EncodedDocuments) -> bytes:
    """Serialise as an Arrow file."""
    import pyarrow as pa

    flat = [(i, p) for i, passages in enumerate(encoded.passages) for p in passages]
    columns = {"document": array([i for i, _ in flat], pa.int64())}
    for names, kind in ((_NUMBERS, pa.int64()), (_TEXTS, pa.large_string())):
        for name in names:
            columns[name] = array([getattr(p, name) for _, p in flat], kind)
    columns["text_hash"] = array(encoded.hashes, pa.binary(HASH_BYTES))
    columns["tokens"] = array(encoded.tokens, pa.int64())
    columns["vector"] = vector_array(encoded.vectors)
    about = {_DOCUMENTS: str(len(encoded.passages)).encode(), _VERSION: str(VERSION).encode()}
    table = pa.table(columns).replace_schema_metadata(about)
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def unpack(data: bytes, ids: Sequence[str] = ()) -> EncodedDocuments:
    """Read what `pack` wrote. `ids`: of its documents. Raises ValueError for other and for fewer bytes."""
    import pyarrow as pa

    try:
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    except pa.ArrowException as e:
        raise ValueError(f"no encoded shard: {str(e).splitlines()[0]}") from e
    about = table.schema.metadata or {}
    if about.get(_VERSION) != str(VERSION).encode():
        raise ValueError("an encoded shard of another version")
    passages: list[list[Passage]] = [[] for _ in range(int(about[_DOCUMENTS]))]
    columns = [table.column(name).to_pylist() for name in ("document", *_NUMBERS, *_TEXTS)]
    for i, *values in zip(*columns, strict=True):
        seq, start, end, line, end_line, text, heading, symbol = values
        name = ids[i] if ids else ""
        passages[i].append(Passage(name, seq, start, end, text, line, end_line, heading, symbol))
    hashes = table.column("text_hash").to_pylist()
    return EncodedDocuments(passages, hashes, table.column("tokens").to_pylist(), vectors_of(table))
