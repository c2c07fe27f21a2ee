"""Lines on their way into the catalog: a file's time only once all of it was read, each line made once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qembed.pipeline.indexing import catalog_builder
from qembed.pipeline.indexing.catalog_builder import PACKED, CatalogBuilder
from qembed.store import Catalog, CatalogEntry

TIME = 5
steps = st.lists(st.sampled_from(["line", "line", "commit", "half"]), max_size=12)


def line(file: str, n: int) -> CatalogEntry:
    return CatalogEntry(f"{file}{n}", "s", file, bytes(16), 1, TIME, 0, 0)


def times(builder: CatalogBuilder) -> list[tuple[str, int]]:
    found = [x for c in builder.catalogs() for x in c.entries()]
    return [(x.id, x.mtime_ns) for x in found]


@pytest.mark.parametrize("packed", [2, PACKED])
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(steps, max_size=5))
@pytest.mark.slow
def test_a_files_time_is_there_when_all_of_it_is(
    monkeypatch: pytest.MonkeyPatch, packed: int, files: list[list[str]]
) -> None:
    monkeypatch.setattr(catalog_builder, "PACKED", packed)
    builder = CatalogBuilder()
    done: list[tuple[str, int]] = []
    for number, what in enumerate(files):
        key, here, half = ("s", f"f{number}"), list[str](), False
        builder.begin_file(key)
        for n, step in enumerate(what):
            if step == "line":
                builder.add(line(key[1], n))
                here.append(f"{key[1]}{n}")
            elif step == "half":
                builder.mark_incomplete(key)
                half = True
            else:
                assert times(builder) == [*done, *((name, -TIME) for name in here)]
        builder.end_file()
        done += [(name, -TIME if half else TIME) for name in here]
    assert times(builder) == done
    assert times(builder) == done, "and stays so"


@pytest.mark.parametrize("packed", [1, PACKED])
def test_what_was_given_up_after_it_was_read_keeps_no_time(
    monkeypatch: pytest.MonkeyPatch, packed: int
) -> None:
    monkeypatch.setattr(catalog_builder, "PACKED", packed)
    builder = CatalogBuilder()
    builder.begin_file(("s", "f"))
    builder.add(line("f", 1))
    assert times(builder) == [("f1", -TIME)]
    builder.end_file()
    builder.add(line("f", 2))
    builder.mark_incomplete(("s", "f"))  # its last passages were not encoded any more
    assert times(builder) == [("f1", -TIME), ("f2", -TIME)]


def test_each_line_is_made_into_arrow_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    of = Catalog.of
    monkeypatch.setattr(Catalog, "of", classmethod(lambda _, x: made.append(len(x)) or of(x)))  # type: ignore[func-returns-value]
    builder = CatalogBuilder()
    builder.begin_file(("s", "f"))
    found: list[Any] = []
    for commit in range(50):
        for n in range(10):
            builder.add(line("f", 10 * commit + n))
        found = builder.catalogs()
    assert sum(made) == sum(map(len, found)) == 500
    builder.end_file()
    assert sum(made) == sum(map(len, builder.catalogs())) == 500
