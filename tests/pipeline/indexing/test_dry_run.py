"""Dry runs: the plan as it is found, and an estimate of the passages that holds for what was not read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qembed.pipeline.indexing import dry_run as module
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.encoding import measurement
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import Detail, Estimate, IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions

BAG = RecipeOptions(model="py:tests.encoders:bag", max_tokens=16, overlap=0)
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(300):
        body = "\n\n".join(f"paragraph {p} of {n}: {WORDS}" for p in range(1 + n % 5))
        (folder / f"{n:03}.{'md' if n % 3 else 'txt'}").write_text(body)
    return folder


def plan(
    docs: Path, told: list[Any] | None = None, **options: Any
) -> tuple[IndexSummary, Estimate]:
    done = build(
        docs.parent / "idx",
        IndexOptions(
            paths=[str(docs)],
            recipe=BAG,
            dry_run=True,
            planned=lambda *event: None if told is None else told.append(event),
            **options,
        ),
    )
    assert done.estimate is not None
    return done, done.estimate


@pytest.mark.slow
def test_the_estimate_of_everything_is_what_a_run_makes(docs: Path) -> None:
    _, estimate = plan(docs)
    done = build(docs.parent / "idx", IndexOptions(paths=[str(docs)], recipe=BAG))
    assert estimate.is_exact
    assert estimate.measured == 300
    assert estimate.passages == done.passages["total"]
    assert {kind: n for kind, (n, _) in estimate.kinds.items()} == {"markdown": 200, "plain": 100}
    assert sum(size for _, size in estimate.kinds.values()) == sum(
        f.stat().st_size for f in docs.iterdir()
    )
    assert estimate.seconds is not None


@pytest.mark.slow
def test_a_part_of_the_files_tells_the_whole(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = plan(docs)
    ticks = iter(range(10**9))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(ticks) / 100)
    told: list[tuple[str, str, Detail | None]] = []
    done, estimate = plan(docs, told, detail=True)
    assert 10 < estimate.measured < 290
    assert not estimate.is_exact
    assert abs(estimate.passages / whole.passages - 1) < 0.1
    # those that were read first, then all others, each once
    details = [d for _, _, d in told]
    assert all(details[: estimate.measured])
    assert not any(details[estimate.measured :])
    assert sorted(path for _, path, _ in told) == sorted(map(str, docs.iterdir()))
    assert [d.path for d in done.details] == [path for _, path, _ in told[: estimate.measured]]


def test_a_large_file_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "r.jsonl").write_text("".join(f'{{"text": "{WORDS} {n}"}}\n' for n in range(5000)))
    ticks = iter(range(10**9))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(ticks) / 100)
    done, estimate = plan(docs, detail=True)
    assert not estimate.is_exact
    assert "in part" in done.details[0].problems[-1]
    assert done.details[0].passages < 1000
    assert 9_000 < estimate.passages < 13_000  # of 10,000: braces and names count as text


@pytest.mark.slow
def test_nothing_to_read_costs_nothing(docs: Path) -> None:
    build(docs.parent / "idx", IndexOptions(paths=[str(docs)], recipe=BAG))
    for file in docs.iterdir():
        file.unlink()
    told: list[Any] = []
    _, estimate = plan(docs, told)
    assert estimate == Estimate({}, 0, 0.0, 0, True)
    assert [verb for verb, _, _ in told] == ["delete"] * 300


@pytest.mark.parametrize("polls", [1, 7, 303])
def test_a_stopped_dry_run_has_no_plan(docs: Path, polls: int) -> None:
    """Stopped at the first file, among the files, and while the sample is encoded."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) >= polls

    options = IndexOptions(paths=[str(docs)], recipe=BAG, dry_run=True)
    with pytest.raises(KeyboardInterrupt):
        build(docs.parent / "idx", options, Progress(stop=stop))
    assert len(asked) == polls


def test_what_is_no_text_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(40):
        (docs / f"{n}.txt").write_text(f"text {n}")
    (docs / "blob.txt").write_bytes(bytes(9000))
    done, estimate = plan(docs)
    assert (done.documents["added"], estimate.passages, estimate.is_exact) == (40, 40, True)
    assert estimate.kinds["plain"][0] == 40
    # of those that were not read, as many are none
    (docs / "blob.txt").unlink()
    for n in range(40):
        (docs / f"{n}b.txt").write_bytes(bytes(6))
    monkeypatch.setattr(measurement, "READ_SECONDS", 0.4)
    ticks = iter(range(10**9))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(ticks) / 100)
    _, estimate = plan(docs)
    assert not estimate.is_exact
    assert 5 < estimate.measured < 40
    assert 30 < estimate.passages < 55


LINE = '{{"_id": "{}", "text": "record {}"}}\n'


@pytest.mark.parametrize("case", ["two files", "one file", "another source", "moved", "nested"])
@pytest.mark.slow
def test_ids_that_a_run_finds_taken(tmp_path: Path, case: str) -> None:
    """A run is the oracle: what it adds, what it cannot read and why."""
    first, second = tmp_path / "docs/first", tmp_path / "docs/second"
    for folder in (first, second):
        folder.mkdir(parents=True)
    a, b = first / "a.jsonl", second / "b.jsonl"
    own = [LINE.format(n, n) for n in range(6)]
    a.write_text("".join(own))
    paths = [tmp_path / "docs"]
    b.write_text(LINE.format("k", "of b"))
    if case == "two files":
        b.write_text(LINE.format(3, "as in a"))
    elif case == "one file":
        b.write_text(LINE.format("k", 1) + LINE.format("k", 2))
    else:
        build(tmp_path / "idx", IndexOptions(paths=[str(first)], recipe=BAG))
        paths = [second]
    if case == "another source":
        b.write_text("".join(own))
    elif case == "moved":
        a.write_text("".join(own[1:]))
        b.write_text(own[0])
        paths = [first, second]
    elif case == "nested":
        paths = [tmp_path / "docs", first / "a.jsonl"]
    options = IndexOptions(paths=[str(p) for p in paths], recipe=BAG)
    dry = build(tmp_path / "idx", replace(options, dry_run=True))
    done = build(tmp_path / "idx", options)
    assert dry.failed == done.failed
    assert dry.documents == done.documents
    assert dry.deleted_why == done.deleted_why
    assert bool(done.failed) is (case in ("two files", "one file", "another source"))
    if case in ("two files", "another source"):
        assert dry.would["fail"] == [str(b)]
