"""Documents of the previous generation, with a dictionary as the oracle; and ids assigned once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.pipeline.indexing.document_ids import IdAssigner, PreviousDocuments
from qembed.store import Catalog, CatalogEntry, FileState
from qembed.types import Document

ids = st.integers(0, 60).map(lambda i: f"id-{i}")


def lines(names: list[str], file: str = "f") -> list[CatalogEntry]:
    return [CatalogEntry(n, "s", file, bytes(16), 1, 1, i, 1, f"T{i}") for i, n in enumerate(names)]


@settings(deadline=None)
@given(st.lists(ids, unique=True, max_size=20), st.lists(ids, max_size=30), st.integers(0, 5))
@pytest.mark.slow
def test_what_a_file_had(names: list[str], asked: list[str], lead: int) -> None:
    catalog = Catalog.of([*lines(["x"] * lead, "other"), *lines(names)])
    state = FileState(1, 1, lead, lead + len(names))
    before = PreviousDocuments(catalog, state, entries_per_read=3, dict_entries=4)
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
    assert before.untaken().tolist() == sorted(left.values())


def test_a_new_file_had_nothing() -> None:
    before = PreviousDocuments(Catalog(), None)
    assert "a" not in before
    assert before.take("a") is None
    assert not len(before.untaken())


def test_ids_are_given_out_once() -> None:
    import numpy as np

    catalog = Catalog.of([*lines(["a.md"], "a.md"), *lines(["gone"], "b.jsonl")])
    keep = np.array([True, False])
    names = IdAssigner(catalog, keep)
    here, there = ("s", "a.md"), ("t", "a.md")
    page, record = Document("a.md", "x"), Document("r", "x")
    assert names.assign(there, page, ()) == "t/a.md", "the old one still stands"
    assert names.assign(here, page, ["a.md"]) == "a.md"
    assert names.assign(here, record, ()) == "r"
    assert names.assign(here, record, ()) == here, "twice in one file"
    assert names.assign(there, record, ()) == here, "a record is no file: its id is its own"
    assert names.assign(there, Document("gone", "x"), ()) == "gone"
    assert "gone" in names
    assert "a" not in names
