"""Ids among millions: the position that a dictionary gives, whatever the strings and however often asked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.store import hash_index as module
from qembed.store.hash_index import FACTOR, IdIndex, hashes

NAMES = st.lists(st.text(max_size=6), max_size=40)
ASKED = st.lists(st.text(st.characters(), max_size=6), max_size=40)


def by_formula(name: str) -> int:
    return sum(b * pow(FACTOR, i, 1 << 64) for i, b in enumerate(name.encode())) % (1 << 64)


@settings(deadline=None)
@given(NAMES, st.sampled_from([pa.string(), pa.large_string()]), st.integers(0, 5))
def test_hashes_are_those_of_the_formula(names: list[str], kind: pa.DataType, skip: int) -> None:
    column = pa.chunked_array([names[:3], names[3:]], kind).slice(skip)
    expected = [by_formula(n) for n in names[skip:]]
    assert hashes(column).tolist() == expected
    assert [module._hash(n.encode()) for n in names[skip:]] == expected


@settings(deadline=None)
@given(NAMES, ASKED, st.sampled_from([0, 3, 1000]))
def test_found_as_in_a_dictionary(there: list[str], asked: list[str], searched: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LOOKUPS_BEFORE_SORTING", searched)
        patch.setattr(module, "HASH_BLOCK", 7)
        ids = IdIndex(pa.chunked_array([there], pa.string()))
        where = {name: i for i, name in enumerate(there)}
        for name in [*asked, *there]:
            assert ids.find(name) == where.get(name)


def test_strings_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_block", lambda array: np.zeros(len(array), np.uint64))
    monkeypatch.setattr(module, "_hash", lambda text: 0)
    for searched in (0, 1000):
        monkeypatch.setattr(module, "LOOKUPS_BEFORE_SORTING", searched)
        ids = IdIndex(pa.chunked_array([["a", "b", "a", "c"]]))
        assert [ids.find(n) for n in ("a", "b", "c", "d")] == [2, 1, 3, None]
