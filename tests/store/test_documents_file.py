"""Documents of rows, found in the row groups that hold them."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import IndexDamaged
from qembed.store import Catalog, documents_file
from qembed.store.documents_file import STARTS, DocumentsFile, make_table


def catalog(first: list[int], rows: list[int]) -> Catalog:
    ids = [f"d{i}" for i in range(len(first))]
    return Catalog(make_table(_columns(ids, first, rows)))


def _columns(ids: list[str], first: list[int], rows: list[int]) -> dict[str, list[object]]:
    n = len(ids)
    return {
        "id": [*ids], "source": ["s"] * n, "file": [*ids], "digest": [b"0" * 16] * n,
        "size": [1] * n, "mtime_ns": [1] * n, "first": [*first], "rows": [*rows],
        "title": [""] * n, "meta": [""] * n, "line": [None] * n, "picture": [None] * n,
    }  # fmt: skip


def saved(made: Catalog, root: Path, name: str = "d.parquet") -> Catalog:
    made.save(root, name)
    with (root / name).open("rb") as f:
        return Catalog.load(f, root / name)


def oracle(first: list[int], rows: list[int], row: int) -> int:
    return next(i for i, (f, n) in enumerate(zip(first, rows, strict=True)) if f <= row < f + n)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    empty_at_zero=st.booleans(),
    gaps=st.lists(st.integers(0, 2), min_size=60, max_size=60),
    group=st.sampled_from([1, 2, 3, 7]),
    seed=st.integers(0, 9),
)
def test_owners_of_rows_are_those_of_a_plain_search(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], empty_at_zero: bool,
    gaps: list[int], group: int, seed: int,
) -> None:  # fmt: skip
    first, at = [], 0
    for size, gap in zip(sizes, gaps, strict=False):
        at += gap  # dead rows
        first.append(at if size or not empty_at_zero else 0)
        at += size
    living = [r for f, n in zip(first, sizes, strict=True) for r in range(f, f + n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents_file, "ROW_GROUP", group)
        found = saved(catalog(first, sizes), tmp_path_factory.mktemp("c"))
        unread = found.unread
        assert unread is not None
        some = np.random.default_rng(seed).permutation(np.array(living, dtype=np.int64))[:4]
        owners = unread.owners(some)
    groups = -(-len(sizes) // group)
    if owners is None:
        assert not living or groups <= 8  # half of the groups and more are read at once
    else:
        assert owners.tolist() == [oracle(first, sizes, r) for r in some.tolist()]


def test_a_row_reads_one_row_group_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_file, "ROW_GROUP", 10)
    found = saved(catalog([*range(100)], [1] * 100), tmp_path)
    unread = found.unread
    assert unread is not None
    owners = unread.owners(np.array([57, 55, 57]))
    assert owners is not None
    assert owners.tolist() == [57, 55, 57]
    assert unread.owners(np.arange(100)) is None


def test_many_queries_of_one_snapshot_read_all_pointers_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server does not decode row groups again and again."""
    monkeypatch.setattr(documents_file, "ROW_GROUP", 10)
    unread = saved(catalog([*range(100)], [1] * 100), tmp_path).unread
    assert unread is not None
    answers = [unread.owners(np.array([57])) for _ in range(20)]
    assert [a is not None for a in answers] == [True] * 10 + [False] * 10


def test_documents_in_another_order_have_no_starts(tmp_path: Path) -> None:
    found = saved(catalog([3, 0, 1], [1, 1, 2]), tmp_path)
    assert STARTS not in (pq.read_metadata(tmp_path / "d.parquet").metadata or {})
    assert found.unread is not None
    assert found.unread.owners(np.array([2])) is None


def test_altered_starts_name_no_wrong_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_file, "ROW_GROUP", 10)
    saved(catalog([*range(100)], [1] * 100), tmp_path)
    path = tmp_path / "d.parquet"
    data, starts = path.read_bytes(), np.arange(0, 100, 10, dtype="<i8")
    right = base64.b64encode(starts.tobytes())
    assert right in data

    def unread(altered: bytes) -> DocumentsFile:
        path.write_bytes(data.replace(right, altered))
        with path.open("rb") as file:
            return DocumentsFile(file, path)

    starts[5] = 60  # the group before seems to have rows 50 to 59
    assert unread(base64.b64encode(starts.tobytes())).owners(np.array([57])) is None
    with pytest.raises(IndexDamaged, match="damaged"):
        unread(b"!" + right[1:]).owners(np.array([57]))
