"""Hash maps and the id index against a dictionary, whatever the keys and however often they are asked for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.store import hash_index, text_hash
from qembed.store.hash_index import FACTOR, HashMap, IdIndex, string_hash, string_hashes

NAMES = st.lists(st.text(max_size=6), max_size=40)
ASKED = st.lists(st.text(st.characters(), max_size=6), max_size=40)
KEYS = st.integers(0, 60).map(lambda i: text_hash(f"id-{i}"))
COSTS = st.sampled_from([0, 3, 40, 1000])


def by_formula(name: str) -> int:
    return sum(b * pow(FACTOR, i, 1 << 64) for i, b in enumerate(name.encode())) % (1 << 64)


@settings(deadline=None)
@given(NAMES, st.sampled_from([pa.string(), pa.large_string()]), st.integers(0, 5))
def test_hashes_are_those_of_the_formula(names: list[str], kind: pa.DataType, skip: int) -> None:
    column = pa.chunked_array([names[:3], names[3:]], kind).slice(skip)
    expected = [by_formula(n) for n in names[skip:]]
    assert string_hashes(column).tolist() == expected
    assert [string_hash(n.encode()) for n in names[skip:]] == expected


@settings(deadline=None)
@given(NAMES, ASKED, COSTS)
def test_found_as_in_a_dictionary(there: list[str], asked: list[str], sort_cost: int) -> None:
    ids = IdIndex(pa.chunked_array([there], pa.string()), sort_cost, hash_block=7)
    where = {name: i for i, name in enumerate(there)}
    for name in [*asked, *there]:
        assert ids.find(name) == where.get(name)


def test_strings_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_index, "_block_hashes", lambda array: np.zeros(len(array), np.uint64))
    monkeypatch.setattr(hash_index, "string_hash", lambda text: 0)
    for sort_cost in (0, 1000):
        ids = IdIndex(pa.chunked_array([["a", "b", "a", "c"]]), sort_cost)
        assert [ids.find(n) for n in ("a", "b", "c", "d")] == [2, 1, 3, None]


@settings(deadline=None)
@given(st.lists(st.tuples(KEYS, st.integers(0, 2**63 - 1)), max_size=120))
@pytest.mark.slow
def test_like_a_dict(steps: list[tuple[bytes, int]]) -> None:
    ours, theirs = HashMap(dict_entries=4), dict[bytes, int]()
    for key, value in steps:
        assert ours.get(key) == theirs.get(key)
        ours[key] = theirs[key] = value
        assert ours.get(key) == value
    keys = [text_hash(f"id-{i}") for i in range(62)]
    for key in keys:
        assert ours.get(key) == theirs.get(key)
        assert (key in ours) == (key in theirs)
    assert ours.get_all(keys).tolist() == [theirs.get(key, -1) for key in keys]


@settings(deadline=None)
@given(
    st.lists(st.lists(KEYS, max_size=30), max_size=4),
    st.lists(st.lists(KEYS, max_size=40), max_size=6),
    COSTS,
    st.lists(KEYS, max_size=6),
)
@pytest.mark.slow
def test_whole_arrays_like_a_dict(
    added: list[list[bytes]], asked: list[list[bytes]], sort_cost: int, more: list[bytes]
) -> None:
    ours, theirs, first = HashMap(4, sort_cost), dict[bytes, int](), 7
    for keys in added:
        ours.add_all(np.array(keys, dtype="V16"), first)
        theirs.update((key, first + i) for i, key in enumerate(keys))
        first += len(keys)
    for keys in asked:
        assert ours.get_all(keys).tolist() == [theirs.get(key, -1) for key in keys]
        assert [ours.get(key) for key in keys] == [theirs.get(key) for key in keys]
    for value, key in enumerate(more):
        ours[key] = theirs[key] = value
        assert ours.get(key) == value
        assert ours.get_all([*more, key]).tolist() == [theirs.get(k, -1) for k in [*more, key]]


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("sort_cost", [0, 10, 10**6])
def test_hashes_that_agree_in_one_half_are_told_apart(half: int, sort_cost: int) -> None:
    def weak(i: int) -> bytes:
        other = f"n{i}".encode().ljust(8, b"\0")
        return b"same" * 2 + other if half == 0 else other + b"same" * 2

    keys = [weak(i) for i in range(20)]
    single, whole = HashMap(dict_entries=4), HashMap(sort_cost=sort_cost)
    for i, key in enumerate(keys):
        single[key] = i
    whole.add_all(np.array(keys, dtype="V16"), 0)
    for found in (single, whole):
        assert found.get_all([*keys, weak(20)]).tolist() == [*range(20), -1]
        assert [found.get(key) for key in keys] == list(range(20))
        assert found.get(weak(20)) is None
