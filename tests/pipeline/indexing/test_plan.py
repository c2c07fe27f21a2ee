"""What a refresh looks at, decided without disk or model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.pipeline.indexing.plan import RACY_NS, compare, trusted_mtime
from qembed.store import FileState
from qembed.types import SourceFile


def file(name: str, size: int = 1, mtime: int = 100, source: str = "s") -> SourceFile:
    return SourceFile(source, name, Path("/x") / name, size, mtime)


def state(size: int = 1, mtime: int = 100) -> FileState:
    return FileState(size, mtime, 0, 1)


def test_each_kind() -> None:
    known = {
        ("s", "same"): state(),
        ("s", "longer"): state(size=2),
        ("s", "touched"): state(mtime=99),
        ("s", "older now"): state(mtime=101),
        ("s", "racy"): state(mtime=0),
        ("s", "gone"): state(),
        ("elsewhere", "not looked at"): state(),
    }
    found = [file(n) for n in ("same", "longer", "touched", "older now", "racy", "new")]
    plan = compare(known, found, {"s"})
    assert plan.unchanged == [("s", "same")]
    assert [f.name for f in plan.read] == ["longer", "touched", "older now", "racy", "new"]
    assert plan.gone == [("s", "gone")]


def test_suspects_are_read_again_and_the_sheltered_are_not_gone() -> None:
    known = {("s", "bad.jsonl"): state(), ("s", "locked/a.md"): state()}
    plan = compare(
        known,
        [file("bad.jsonl")],
        {"s"},
        suspect=lambda k: k[1] == "bad.jsonl",
        sheltered=lambda k: k[1].startswith("locked/"),
    )
    assert [f.name for f in plan.read] == ["bad.jsonl"]
    assert plan.unchanged == [("s", "locked/a.md")]
    assert plan.gone == []


@given(
    known=st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")),
        st.builds(state, st.integers(0, 2), st.integers(0, 2)),
    ),
    found=st.lists(
        st.builds(
            file,
            st.sampled_from("xyz"),
            st.integers(0, 2),
            st.integers(0, 2),
            st.sampled_from("ab"),
        )
    ),
    scanned=st.sets(st.sampled_from("ab")),
)
@pytest.mark.slow
def test_every_file_is_in_exactly_one_list(
    known: dict[tuple[str, str], FileState], found: list[SourceFile], scanned: set[str]
) -> None:
    found = [f for f in found if f.source in scanned]
    plan = compare(known, found, scanned)
    read = [(f.source, f.name) for f in plan.read]
    everything = [*plan.unchanged, *read, *plan.gone]
    assert len(everything) == len(set(everything))
    there = {(f.source, f.name) for f in found}
    assert set(everything) == there | {k for k in known if k[0] in scanned}
    assert set(plan.gone) == {k for k in known if k[0] in scanned} - there


def test_a_file_that_may_still_change_within_its_time_is_not_trusted() -> None:
    now = 10 * RACY_NS
    assert trusted_mtime(file("f", mtime=now - RACY_NS - 1), now) == now - RACY_NS - 1
    assert trusted_mtime(file("f", mtime=now - RACY_NS // 2), now) == RACY_NS // 2 - now
    assert trusted_mtime(file("f", mtime=now + 5), now) == -now - 5, "a time in the future"
    assert trusted_mtime(file("f", mtime=0), now) == 0
