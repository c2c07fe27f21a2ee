"""Typed columns give the answers that decoding the JSON gives: hypothesis writes catalogs and filters."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.filters import documents_of
from qembed.search.filters import evaluate
from qembed.search.filters.parser import Field
from qembed.search.filters.values import Documents
from qembed.store import Catalog, CatalogEntry
from tests.search.filters.expressions import NAMES, TREE, VALUE, written

FOLDER = Path("/folder")
TEXT = st.sampled_from(
    ["", "x", "xy", "X", "it's", "2026-01-01", "退款", "a\nb", "back\\slash", "é"]
)
WHOLE = st.integers(-3, 3) | st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**63 - 1])
REAL = st.sampled_from([0.5, -0.5, 1.0, 1e300, float("inf"), float("nan"), 2.0**53, -0.0])
KINDS: list[st.SearchStrategy[Any]] = [
    TEXT,
    st.integers(-3, 3),
    WHOLE,
    REAL,
    st.integers(-3, 3) | REAL,
    WHOLE | REAL,
    st.booleans(),
    st.lists(TEXT, max_size=3),
    VALUE,
    st.none(),
    TEXT | st.none(),
    st.just("long" * 60),
]
PATHS = ["a.md", "d/b.tar.gz", "d/.hidden", "d.x/y", "退款.md", "d/a\nb.c", "", "..", "d/z."]
BUILT_IN = st.one_of(
    st.tuples(
        st.just("glob"),
        st.sampled_from(["path", "id", "title", "suffix"]),
        st.sampled_from(["", "*", "d/*", "*.md", "d/?*", "[!a-c]*", "*[.]*", "*.*d", "退?.md"]),
    ),
    st.tuples(
        st.sampled_from(["=", "!=", "<", ">="]),
        st.sampled_from(["path", "suffix", "title"]),
        TEXT | st.sampled_from([*PATHS, ".md", "."]),
    ),
    st.tuples(
        st.sampled_from(["=", "<", "<=", ">", ">=", "!="]), st.just("mtime"), st.integers(0, 3)
    ),
    st.tuples(st.just("exists"), st.sampled_from(["mtime", "path"])),
)
NUMBERED = st.tuples(
    st.sampled_from(["=", "<", "<=", ">", ">="]), st.sampled_from(NAMES),
    WHOLE | st.sampled_from([0.5, -1.5, 1.0, 2.0**53, 1e300, 2**53 + 1, 2**70, -(2**70), 1e18 + 0.0]),
)  # fmt: skip
ANY = st.one_of(
    TREE,
    BUILT_IN,
    NUMBERED,
    st.tuples(st.sampled_from(["and", "or"]), TREE, BUILT_IN | NUMBERED),
)


@st.composite
def metas(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Documents' metadata: each key of one kind in all of them, or of any."""
    kinds = {name: draw(st.sampled_from(KINDS)) for name in [*NAMES, "c"]}
    one = st.fixed_dictionaries({}, optional=kinds)
    return draw(st.lists(one, min_size=1, max_size=10))


def words(tree: Any) -> str:
    """As `written`, with the built-in names bare."""
    text = written(tree)
    for name in ("path", "id", "title", "suffix", "mtime"):
        text = text.replace(f'"{name}"', name)
    return text


def line(at: int, meta: dict[str, Any]) -> CatalogEntry:
    path = PATHS[at % len(PATHS)]
    return CatalogEntry(
        f"{path}#{at}", "s", path, bytes(16), 1, at % 4 * 10**9, at, 1, path * 2, meta
    )


def saved(catalog: Catalog, folder: str) -> Catalog:
    """Written and read back."""
    info = catalog.save(Path(folder), "documents.parquet")
    with (Path(folder) / info.name).open("rb") as f:
        found = Catalog.load(f, Path(folder) / info.name)
        _ = found.fields
    return found


def slow(catalog: Catalog) -> Documents:
    """The same documents without typed columns."""
    quick = documents_of(catalog, FOLDER)
    return Documents(len(quick), quick.__getitem__, quick.times)


def asked(text: str, documents: Documents) -> tuple[list[bool], list[str]] | str:
    """The answer, or what is wrong with the question."""
    try:
        chosen = evaluate.parse(text).choose(documents)
    except UsageError as e:
        return str(e)
    return chosen.mask.tolist(), chosen.warnings


def typed(catalog: Catalog) -> set[str]:
    return {
        n for n in {k for x in catalog.entries() for k in x.meta} if catalog.field(n) is not None
    }


@settings(max_examples=600, deadline=None)
@given(tree=ANY, given=metas(), cut=st.integers(0, 10), data=st.data())
@pytest.mark.slow
def test_typed_columns_answer_as_decoding_does(
    tree: Any, given: list[dict[str, Any]], cut: int, data: st.DataObject
) -> None:
    lines = [line(i, m) for i, m in enumerate(given)]
    keep = data.draw(st.lists(st.booleans(), min_size=len(lines[:cut]), max_size=len(lines[:cut])))
    first = Catalog.of(lines[:cut])
    with tempfile.TemporaryDirectory() as folder:
        if data.draw(st.booleans()):
            first = saved(first, folder)
        catalog = first.edit(np.array(keep, dtype=bool), [Catalog.of(lines[cut:])])
        if data.draw(st.booleans()):
            catalog = saved(catalog, folder)
    kept = [x for x, k in zip(lines[:cut], keep, strict=True) if k] + lines[cut:]
    # by their text: nan is not equal to itself
    assert repr([x.meta for x in catalog.entries()]) == repr([x.meta for x in kept])
    event(f"{len(typed(catalog))} typed columns")
    text = words(tree)
    quick, wanted = documents_of(catalog, FOLDER), slow(catalog)
    with pytest.MonkeyPatch.context() as patch:
        # looking at some documents only, warnings count those alone
        patch.setattr(evaluate, "_candidates", lambda e, d: None)
        expected = asked(text, wanted)
        assert asked(text, quick) == expected
    for narrowed in (asked(text, quick), asked(text, wanted)):
        assert narrowed[0] == expected[0] or isinstance(narrowed, str)


@settings(max_examples=200, deadline=None)
@given(given=metas(), cuts=st.lists(st.integers(0, 10), max_size=3))
@example(given=[{"a": 1}, {"a": 2**53 + 1}, {"a": 0.5}], cuts=[1])
@example(given=[{"a": None}, {"a": "x"}], cuts=[1])
@pytest.mark.slow
def test_columns_say_what_the_json_says(given: list[dict[str, Any]], cuts: list[int]) -> None:
    """However often documents are added, a column is there only if it holds every value as it is."""
    catalog, at = Catalog(), 0
    for cut in [*sorted(cuts), len(given)]:
        some = [line(i, m) for i, m in enumerate(given)][at:cut]
        catalog, at = catalog.edit(np.ones(len(catalog), bool), [Catalog.of(some)]), max(at, cut)
    lines = catalog.entries()
    for name in {k for x in lines for k in x.meta}:
        values = [x.meta.get(name) for x in lines]
        column = catalog.field(name)
        types = {type(v) for v in values} - {type(None)}
        if column is not None:
            got = column.array.to_pylist()
            assert repr(got) == repr(
                [float(v) if column.type is float and v is not None and float in types else v for v in values]
            )  # fmt: skip
        elif len(types) == 1 and not types & {list, dict}:
            # one type and no column: too long, or a number that is none of Arrow's
            assert any(len(v) > 200 if type(v) is str else abs(v) >= 2**63 for v in values if v)


def test_an_index_written_without_columns_gets_them_at_the_next_commit(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    info = Catalog.of([line(i, {"a": f"x{i}"}) for i in range(3)]).save(tmp_path, "d.parquet")
    path = tmp_path / info.name
    plain = pq.read_table(path).select([n for n in pq.read_schema(path).names if "." not in n])
    pq.write_table(plain.replace_schema_metadata(None), path)
    with path.open("rb") as f:
        old = Catalog.load(f, path)
        assert old.field("a") is None
        assert asked("a glob 'x[12]'", documents_of(old, FOLDER)) == ([False, True, True], [])
        new = old.edit(np.ones(3, bool), [Catalog.of([line(3, {"a": "y"})])])
    column = new.field("a")
    assert column is not None
    assert column.array.to_pylist() == ["x0", "x1", "x2", "y"]


def test_the_documents_file_keeps_its_columns_and_has_fields_beside_them(tmp_path: Path) -> None:
    import duckdb

    metas = [{"date": "2026-01-02", "n": 1, "tags": ["a", "b"]}, {"date": "2027-01-01", "n": 2}]
    info = Catalog.of([line(i, m) for i, m in enumerate(metas)]).save(tmp_path, "d.parquet")
    path = tmp_path / info.name
    found = duckdb.sql(
        f"""select id, meta, "field.n", "field.tags" from '{path}' where "field.date" < '2027'"""
    ).fetchall()
    assert [(r[0], json.loads(r[1]), *r[2:]) for r in found] == [
        ("a.md#0", metas[0], 1, ["a", "b"])
    ]


def test_sorted_moved_and_suspected_documents_keep_their_fields() -> None:
    names = ["b", "a", "b", "c"]
    lines = [
        CatalogEntry(f"{n}{i}", "s", n, bytes(16), 1, 1, i, 1, "", {"n": i, "of": n})
        for i, n in enumerate(names)
    ]
    catalog = Catalog.of(lines)

    def pairs(c: Catalog) -> list[tuple[Any, ...]]:
        columns = [c.field("n"), c.field("of")]
        return list(zip(c.ids(), *(x.array.to_pylist() for x in columns if x), strict=True))

    by_file = [("a1", 1, "a"), ("b0", 0, "b"), ("b2", 2, "b"), ("c3", 3, "c")]
    assert pairs(catalog.grouped()) == by_file
    assert pairs(catalog.with_rows(np.array([9, 8, 7, 6]))) == pairs(catalog)
    again = catalog.read_again(np.array([True, False, False, False]))
    assert pairs(again) == pairs(catalog)
    assert [x.mtime_ns for x in again.entries()] == [-1, 1, -1, 1]
    assert again.times().tolist() == [1, 1, 1, 1]


def test_more_keys_than_are_told_apart() -> None:
    many = [{f"k{i}": i for i in range(at, at + 150)} for at in (0, 150, 300)]
    catalog = Catalog()
    for at, meta in enumerate(many):
        catalog = catalog.edit(np.ones(len(catalog), bool), [Catalog.of([line(at, meta)])])
    assert len(catalog.fields.columns) <= 256
    documents = documents_of(catalog, FOLDER)
    for key, at in (("k3", 0), ("k151", 1), ("k449", 2), ("k299", 1)):
        mask, _ = asked(f"{key} >= 0", documents)
        assert np.flatnonzero(mask).tolist() == [at], key
    again = catalog.edit(np.ones(3, bool), [Catalog.of([line(3, {"k449": 5, "k3": 1})])])
    assert asked("k449 >= 0", documents_of(again, FOLDER))[0] == [False, False, True, True]
    assert asked("k3 >= 0", documents_of(again, FOLDER))[0] == [True, False, False, True]


def test_dots_lead_into_objects_and_quotes_do_not() -> None:
    catalog = Catalog.of([line(0, {"a.b": "x"}), line(1, {"a": {"b": "y"}})])
    documents = documents_of(catalog, FOLDER)
    assert asked("a.b glob '?'", documents)[0] == [True, True]
    assert asked('"a.b" exists', documents)[0] == [True, False]
    assert documents.typed(Field("a.b", True)) is not None
    assert documents.typed(Field("a.b")) is None
