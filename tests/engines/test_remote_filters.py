"""Filters that the server evaluates select the rows that local ones do: random documents and expressions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.filters import Filters
from qembed.pipeline.locate import find_index
from qembed.pipeline.retrieval.remote.filters import RemoteAllowed, RemoteFilters
from qembed.pipeline.retrieval.remote.snapshot import RemoteSnapshot
from qembed.store import Snapshot
from tests.cli.conftest import Shell
from tests.engines.conftest import records, write_records

pytestmark = pytest.mark.slow

FIELDS = ["topic", "year", "note", "price", "open", "tags", "id", "title", "suffix"]
HARD = ["mixed", "inner.deep", "path", "mtime"]
TEXTS = ["t1", "t3", "", "red", "tag 3", 'a "b" \\ 2%_', "d17", "Case 4", ".jsonl", "zz", "é"]
VALUES = st.one_of(
    st.sampled_from(TEXTS).map(lambda t: "'" + t.replace("'", "''") + "'"),
    st.sampled_from(["2003", "2003.5", "0.25", "7.75", "-1", "1e3", "9007199254740993", "2012.0"]),
    st.sampled_from(["true", "false", "null"]),
)
GLOBS = st.sampled_from(["t*", "*3", "*ase*", "d?7", "[a-d]1*", "*", "", 'a "b*', "*\\*", "*%_"])


def single_tests(fields: list[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(fields)
    compared = st.builds(
        "{} {} {}".format, names, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES
    )
    among = st.builds(
        lambda n, word, values: f"{n} {word} ({', '.join(values)})",
        names,
        st.sampled_from(["in", "not in"]),
        st.lists(VALUES, min_size=1, max_size=3),
    )
    globbed = st.builds("{} {} '{}'".format, names, st.sampled_from(["glob", "not glob"]), GLOBS)
    return st.one_of(compared, among, globbed, st.builds("exists {}".format, names))


def expressions(fields: list[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        single_tests(fields),
        lambda inner: st.one_of(
            st.builds("not ({})".format, inner),
            st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
        ),
        max_leaves=4,
    )


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, milvus: str
) -> Iterator[tuple[Filters, RemoteFilters]]:
    folder = tmp_path_factory.mktemp("filters") / "work"
    folder.mkdir()
    shell = Shell(folder)
    write_records(shell, records())
    shell.write("docs/a.md", "# Refunds\n\nMoney comes back within five days.\n")
    assert shell("index", "docs.jsonl", "docs").code == 0
    done = shell("export", "milvus", milvus, "--collection", "filters", "--vector-index", "flat")
    assert done.code == 0, done.err
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_DATA", str(folder.parent / "data"))
        root = find_index(Path(f"milvus+{milvus}/filters"))
        with Snapshot.open(folder / ".qembed") as local, RemoteSnapshot(root) as remote:
            yield Filters(local), RemoteFilters(remote)


def outcome(filters: Filters, text: str) -> object:
    """Rows that pass, or the error's first line."""
    try:
        found = filters.allowed([text])
    except UsageError as e:
        return str(e).splitlines()[0]
    return found.rows.tolist(), found.size, found.documents


def test_any_filter_selects_the_same_rows(both: tuple[Filters, RemoteFilters]) -> None:
    local, remote = both
    translated = 0

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(text=st.one_of(expressions(FIELDS), expressions([*FIELDS, *HARD])))
    def check(text: str) -> None:
        nonlocal translated
        assert outcome(remote, text) == outcome(local, text), text
        with contextlib.suppress(UsageError):
            translated += isinstance(remote.allowed([text]), RemoteAllowed)

    check()
    assert translated > 60


def test_times_are_compared_as_spans(both: tuple[Filters, RemoteFilters]) -> None:
    local, remote = both
    year = "2026"
    for sign in ("=", "!=", "<", "<=", ">", ">="):
        for when in ("1990", year, "2090-01-01"):
            text = f"mtime {sign} '{when}'"
            assert outcome(remote, text) == outcome(local, text), text
    assert isinstance(remote.allowed(["mtime > 2000"]), RemoteAllowed)
