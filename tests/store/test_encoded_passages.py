"""Files of encoded shards, and shards of an index that do not depend on the batches they came in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.store.shards import ShardWriter
from qembed.store.vector_files.encoded_passages import EncodedDocuments, pack, unpack
from qembed.types import Passage


def passages(n: int) -> list[Passage]:
    return [
        Passage(f"d{i // 3}", i % 3, i, i + 9, f"text {i} é", 1, 2, f"Guide > {i % 5}", "")
        for i in range(n)
    ]


def test_a_file_gives_back_what_it_was_made_of() -> None:
    found = passages(5)
    vectors = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    hashes = [bytes([i]) * 16 for i in range(5)]
    encoded = EncodedDocuments([found[:3], [], found[3:]], hashes, [7, 8, -1, 9, 10], vectors)
    data = pack(encoded)
    assert pack(encoded) == data
    again = unpack(data, ["d0", "empty", "d1"])
    assert again.passages == encoded.passages
    assert (again.hashes, again.tokens) == (hashes, encoded.tokens)
    assert np.array_equal(again.vectors, vectors)


def test_without_passages_a_file_still_counts_its_documents() -> None:
    empty = EncodedDocuments([[], []], [], [], np.zeros((0, 4), np.float32))
    assert unpack(pack(empty)).passages == [[], []]


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1])
def test_a_file_cut_off_is_none(keep: float) -> None:
    vectors = np.zeros((1, 4), np.float32)
    data = pack(EncodedDocuments([passages(1)], [b"x" * 16], [1], vectors))
    end = int(len(data) * keep) if isinstance(keep, float) else keep
    with pytest.raises(ValueError, match="no encoded shard"):
        unpack(data[:end])


@pytest.mark.parametrize("sizes", [(1, 700, 1200, 599), (2500,), (1024, 1024, 452)])
@pytest.mark.slow
def test_a_shard_is_the_same_in_whatever_batches_it_came(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    n = 2500
    found = passages(n)
    # more than a page of Parquet for each row group
    vectors = np.random.default_rng(2).standard_normal((n, 384)).astype(np.float32)
    hashes = [i.to_bytes(16, "little") for i in range(n)]

    def written(name: str, parts: tuple[int, ...]) -> bytes:
        out, begin = ShardWriter(tmp_path, name, 0, 384), 0
        for size in parts:
            part = slice(begin, begin + size)
            out.add(found[part], hashes[part], vectors[part])
            begin += size
        assert begin == n
        out.finish()
        return (tmp_path / name).read_bytes()

    assert written("a", sizes) == written("b", (100,) * 25)
