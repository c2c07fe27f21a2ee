"""The compact map of ids, with dict as the oracle; and what is known of a file, with a list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.pipeline.indexing import document_ids, places
from qembed.pipeline.indexing.document_ids import IdAssigner, PreviousDocuments
from qembed.pipeline.indexing.places import CompactIdMap
from qembed.store import Catalog, CatalogEntry, FileState
from qembed.types import Document

ids = st.integers(0, 60).map(lambda i: f"id-{i}")


@pytest.fixture(autouse=True, scope="module")
def soon() -> None:
    """Arrays after a few ids, lines in small groups."""
    patch = pytest.MonkeyPatch()
    patch.setattr(places, "UNSORTED_ENTRIES", 4)
    patch.setattr(document_ids, "IDS_PER_LOOKUP", 3)


@settings(deadline=None)
@given(st.lists(st.tuples(ids, st.integers(0, 2**63 - 1)), max_size=120))
def test_like_a_dict(steps: list[tuple[str, int]]) -> None:
    ours, theirs = CompactIdMap(), dict[str, int]()
    for name, value in steps:
        assert ours.get(name) == theirs.get(name)
        ours[name] = theirs[name] = value
        assert ours.get(name) == value
    for i in range(62):
        assert ours.get(f"id-{i}") == theirs.get(f"id-{i}")
        assert (f"id-{i}" in ours) == (f"id-{i}" in theirs)


def test_hashes_that_agree_in_one_half_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def weak(half: int) -> Callable[[str], bytes]:
        def hash_(text: str) -> bytes:
            other = text.encode().ljust(8, b"\0")
            return b"same" * 2 + other if half == 0 else other + b"same" * 2

        return hash_

    for half in (0, 1):
        monkeypatch.setattr(places, "text_hash", weak(half))
        found = CompactIdMap()
        for i in range(20):
            found[f"n{i}"] = i
        assert [found.get(f"n{i}") for i in range(20)] == list(range(20))
        assert found.get("n20") is None


def lines(names: list[str], file: str = "f") -> list[CatalogEntry]:
    return [CatalogEntry(n, "s", file, bytes(16), 1, 1, i, 1, f"T{i}") for i, n in enumerate(names)]


@settings(deadline=None)
@given(st.lists(ids, unique=True, max_size=20), st.lists(ids, max_size=30), st.integers(0, 5))
def test_what_a_file_had(names: list[str], asked: list[str], lead: int) -> None:
    catalog = Catalog.of([*lines(["x"] * lead, "other"), *lines(names)])
    before = PreviousDocuments(catalog, FileState(1, 1, lead, lead + len(names)))
    left = dict(zip(names, range(lead, lead + len(names)), strict=True))
    for name in asked:
        assert (name in before) == (name in left)
        found = before.take(name)
        if name in left:
            assert found is not None
            assert found[0] == left.pop(name)
            assert found[1].id == name
        else:
            assert found is None
    assert before.left().tolist() == sorted(left.values())


def test_a_new_file_had_nothing() -> None:
    before = PreviousDocuments(Catalog(), None)
    assert "a" not in before
    assert before.take("a") is None
    assert not len(before.left())


def test_ids_are_given_out_once() -> None:
    import numpy as np

    catalog = Catalog.of([*lines(["a.md"], "a.md"), *lines(["gone"], "b.jsonl")])
    keep = np.array([True, False])
    names = IdAssigner(catalog, keep)
    here, there = ("s", "a.md"), ("t", "a.md")
    page, record = Document("a.md", "x"), Document("r", "x")
    assert names.choose(there, page, ()) == "t/a.md", "the old one still stands"
    assert names.choose(here, page, ["a.md"]) == "a.md"
    assert names.choose(here, record, ()) == "r"
    assert names.choose(here, record, ()) == here, "twice in one file"
    assert names.choose(there, record, ()) == here, "a record is no file: its id is its own"
    assert names.choose(there, Document("gone", "x"), ()) == "gone"
    assert "gone" in names
    assert "a" not in names
