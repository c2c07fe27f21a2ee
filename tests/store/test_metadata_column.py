"""Columns against Python: its comparisons, its fnmatch, its strings."""

from __future__ import annotations

import fnmatch
import operator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qembed.store.metadata.column import MetadataColumn

SIGNS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SIGN = st.sampled_from(sorted(SIGNS))
EDGES = [2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64, -(2**70)]
WHOLE = st.integers(-3, 3) | st.sampled_from([e for e in EDGES if -(2**63) <= e < 2**63])
REAL = (
    st.sampled_from([-1.5, -0.5, -0.0, 0.5, 1.0, 1.5, 1e18, 1e300, 2.0**53, 2.0**63, 2.0**70])
    | st.floats()
)
TEXT = st.text("ab.*?[]!-/\\\n$退é", max_size=6)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.none() | WHOLE, max_size=6), SIGN, WHOLE | st.sampled_from(EDGES) | REAL, st.data()
)
@pytest.mark.slow
def test_whole_numbers(
    values: list[int | None], sign: str, wanted: float, data: st.DataObject
) -> None:
    skipped = data.draw(st.integers(0, len(values)))
    column = MetadataColumn(pa.array(values, pa.int64()).slice(skipped))
    found = column.compare(sign, wanted)
    assert found.tolist() == [v is not None and SIGNS[sign](v, wanted) for v in values[skipped:]]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.none() | REAL, max_size=6), SIGN, WHOLE | st.sampled_from(EDGES) | REAL)
@example([2.0**70], "<", 2**70 + 1)
@pytest.mark.slow
def test_fractions(values: list[float | None], sign: str, wanted: float) -> None:
    found = MetadataColumn(pa.array(values, pa.float64())).compare(sign, wanted)
    assert found.tolist() == [v is not None and SIGNS[sign](v, wanted) for v in values]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | TEXT, max_size=6), SIGN, TEXT | st.sampled_from(["\udc80", "\uffff"]))
@pytest.mark.slow
def test_texts(values: list[str | None], sign: str, wanted: str) -> None:
    column = MetadataColumn(pa.array(values, pa.string()))
    passes = [v is not None and SIGNS[sign](v, wanted) for v in values]
    assert column.compare(sign, wanted).tolist() == passes
    among = column.among([wanted, "a", "退"])
    assert among.tolist() == [v in (wanted, "a", "退") for v in values]
    assert column.present.tolist() == [v is not None for v in values]
    assert column.values == len(values) - values.count(None)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.none() | TEXT, max_size=6), TEXT, st.data())
@example(["\udc80".encode("utf-8", "replace").decode(), "a"], "*\udc80*", None)
@pytest.mark.slow
def test_patterns(values: list[str | None], pattern: str, data: Any) -> None:
    skipped = 0 if data is None else data.draw(st.integers(0, len(values)))
    column = MetadataColumn(pa.array(values, pa.string()).slice(skipped))
    wanted = [v is not None and fnmatch.fnmatchcase(v, pattern) for v in values[skipped:]]
    assert column.glob(pattern).tolist() == wanted


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=6), st.data())
@pytest.mark.slow
def test_suffixes(paths: list[str], data: st.DataObject) -> None:
    skipped = data.draw(st.integers(0, len(paths)))
    found = MetadataColumn(pa.array(paths, pa.string()).slice(skipped)).suffixes()
    wanted = []
    for path in paths[skipped:]:
        name = path.rpartition("/")[2]
        wanted.append("." + name.rpartition(".")[2] if "." in name[1:] else "")
    assert found.array.to_pylist() == wanted


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | st.lists(TEXT, max_size=3), max_size=6), SIGN, TEXT, st.data())
@pytest.mark.slow
def test_lists_pass_by_any_element(
    values: list[list[str] | None], sign: str, wanted: str, data: st.DataObject
) -> None:
    skipped = data.draw(st.integers(0, len(values)))
    column = MetadataColumn(pa.array(values, pa.list_(pa.string())).slice(skipped))
    rest = [v or [] for v in values[skipped:]]
    found = column.compare(sign, wanted)
    assert found.tolist() == [any(SIGNS[sign](x, wanted) for x in v) for v in rest]
    assert column.glob("a*").tolist() == [any(x.startswith("a") for x in v) for v in rest]
    assert (column.lists, column.type, column.values) == (True, str, sum(map(len, rest)))


@pytest.mark.parametrize("wanted", [True, False])
def test_true_and_false(wanted: bool) -> None:
    column = MetadataColumn(pa.array([True, None, False], pa.bool_()))
    assert column.compare("=", wanted).tolist() == [wanted, False, not wanted]
    assert column.type is bool
