"""Filters against an evaluator that knows nothing of columns, and the ways to get one wrong."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.search.filters.evaluate import parse
from qembed.search.filters.values import metadata
from tests.search.filters.expressions import META, NAME, NAMES, TEXTS, TREE, documents, written

pytestmark = pytest.mark.slow

# ── the oracle ───────────────────────────────────────────────────────────────────────────────────

# so that every field is known and every order has something to compare with
EVERYTHING = {n: [*TEXTS, 1, True, None] for n in NAMES}


def kind(v: Any) -> str:
    return "n" if isinstance(v, (int, float)) and not isinstance(v, bool) else type(v).__name__


def glob(pattern: str, text: str) -> bool:
    """Written out: * and ? only, which is what the test asks for."""
    parts = [".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def naive(tree: Any, meta: dict[str, Any]) -> bool:
    """(words of the expression as nested tuples, one document) -> passes?"""
    head, *rest = tree
    if head == "and":
        return all(naive(t, meta) for t in rest)
    if head == "or":
        return any(naive(t, meta) for t in rest)
    if head == "not":
        return not naive(rest[0], meta)
    name, *rest = rest
    value = meta.get(name)
    if value is None and name == "c.d" and isinstance(meta.get("c"), dict) and "c.d" not in meta:
        value = meta["c"].get("d")
    if head == "exists":
        return value is not None
    if head in ("!=", "not in"):
        return not naive((head.replace("!=", "=").replace("not in", "in"), name, *rest), meta)
    wanted = rest[0]
    if head == "in":
        return any(naive(("=", name, w), meta) for w in wanted)
    if wanted is None:
        return value is None
    for v in value if isinstance(value, list) else [value]:
        if kind(v) != ("str" if head == "glob" else kind(wanted)):
            continue
        if head == "=" and v == wanted:
            return True
        if head == "glob" and glob(wanted, v):
            return True
        if (head == "<" and v < wanted) or (head == ">=" and v >= wanted):
            return True
        if (head == ">" and v > wanted) or (head == "<=" and v <= wanted):
            return True
    return False


@settings(max_examples=500, deadline=None)
@given(tree=TREE, metas=st.lists(META, max_size=8))
def test_a_filter_lets_through_what_it_says(tree: Any, metas: list[dict[str, Any]]) -> None:
    metas = [*metas, EVERYTHING]
    chosen = parse(written(tree)).choose(documents(metas))
    assert chosen.mask.dtype == np.bool_
    assert chosen.mask.tolist() == [naive(tree, m) for m in metas]


@settings(max_examples=300, deadline=None)
@given(
    tree=TREE,
    values=st.lists(st.sampled_from(TEXTS) | st.none(), min_size=1),
    numbers=st.booleans(),
)
def test_columns_of_one_type_take_the_quick_way_to_the_same_answer(
    tree: Any, values: list[str | None], numbers: bool
) -> None:
    given = [v if v is None or not numbers else len(v) for v in values]
    metas = [dict.fromkeys(NAMES, v) for v in given] + [dict.fromkeys(NAMES, 1 if numbers else "x")]
    try:
        mask = parse(written(tree)).choose(documents(metas)).mask
    except UsageError as e:
        assert "cannot compare" in str(e)  # noqa: PT017 - an order between types, of which there is one
        return
    assert mask.tolist() == [naive(tree, m) for m in metas]


@settings(max_examples=500, deadline=None)
@given(metas=st.lists(META, max_size=6), name=NAME, is_literal=st.booleans())
def test_looking_for_a_key_finds_what_decoding_finds(
    metas: list[dict[str, Any]], name: str, is_literal: bool
) -> None:
    wanted = []
    for m in metas:
        value = m.get(name)
        if name == "c.d" and name not in m and not is_literal and isinstance(m.get("c"), dict):
            value = m["c"].get("d")
        wanted.append(value)
    got = metadata(name, documents(metas)["meta"], literal=is_literal or "." not in name)
    assert got == wanted
    assert list(map(type, got)) == list(map(type, wanted))


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=30) | st.text("ab=<>!()'\" ,.12and ornotinglobexists退", max_size=30))
def test_any_text_is_a_filter_or_a_usage_error(text: str) -> None:
    try:
        parse(text).choose(documents([{"a": 1, "b": "x"}]))
    except UsageError as e:
        said = str(e)
    else:
        return
    assert re.match(r"--where, column \d+: ", said)
    assert "^" in said
