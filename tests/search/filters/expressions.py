"""Documents and filter expressions made by hypothesis, and their text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import strategies as st

from qembed.search.filters.values import Documents


def documents(
    metas: list[dict[str, Any]], paths: list[str] | None = None, mtime: int = 0
) -> Documents:
    """Without typed columns: what the filters do where a field has none."""
    paths = paths or [f"d/{i}.md" for i in range(len(metas))]
    columns = {
        "id": paths,
        "path": paths,
        "title": [""] * len(metas),
        "meta": [json.dumps(m, ensure_ascii=False) if m else "" for m in metas],
    }
    times = np.full(len(metas), mtime, dtype=np.int64)
    return Documents(len(metas), columns.__getitem__, lambda: times)


NAMES = ["a", "b", "c.d", "名字", 'odd "name", {x}: ']


TEXTS = ["", "x", "xy", "it's", '"q"', "2026-01-01", "退款", ', "a": 1', "[z]", "back\\slash", "*"]


SCALAR = st.one_of(
    st.sampled_from(TEXTS),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, 2**70, -(2**63), 1e300]),
    st.booleans(),
    st.none(),
)


VALUE = st.one_of(
    SCALAR, st.lists(SCALAR, max_size=3), st.dictionaries(st.sampled_from(["d", "a"]), SCALAR)
)


META = st.dictionaries(st.sampled_from([*NAMES, "c", "a b"]), VALUE, max_size=5)


def literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def name_of(name: str) -> str:
    return name if name in ("a", "b", "c.d", "名字") else '"' + name.replace('"', '""') + '"'


def written(tree: Any) -> str:
    head, *rest = tree
    if head in ("and", "or"):
        return "(" + f" {head} ".join(written(t) for t in rest) + ")"
    if head == "not":
        return f"not {written(rest[0])}"
    if head == "exists":
        return f"exists {name_of(rest[0])}"
    name, wanted = rest
    if head in ("in", "not in"):
        return f"{name_of(name)} {head} ({', '.join(map(literal, wanted))})"
    return f"{name_of(name)} {head} {literal(wanted)}"


NAME = st.sampled_from(NAMES)


LEAF = st.one_of(
    st.tuples(st.sampled_from(["=", "!="]), NAME, SCALAR),
    st.tuples(
        st.sampled_from(["<", "<=", ">", ">="]), NAME, st.sampled_from(TEXTS) | st.integers(-3, 3)
    ),
    st.tuples(st.just("glob"), NAME, st.sampled_from(["*", "x*", "?", "*退*", "2026-*", "", "xy"])),
    st.tuples(st.sampled_from(["in", "not in"]), NAME, st.lists(SCALAR, min_size=1, max_size=3)),
    st.tuples(st.just("exists"), NAME),
)


TREE = st.recursive(
    LEAF,
    lambda t: st.one_of(
        st.tuples(st.just("not"), t),
        st.tuples(st.sampled_from(["and", "or"]), t, t),
        st.tuples(st.sampled_from(["and", "or"]), t, t, t),
    ),
    max_leaves=6,
)
