"""Queries of the log: those that find less than before; logs that tell nothing say so."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.text_hash import hash_text
from qembed.pipeline.drift.check import check_drift
from qembed.pipeline.drift.logged_queries import QueriesFound, compare_queries, most_asked
from qembed.pipeline.drift.sides import DriftOptions
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from tests.drift.dated import records, words_of, write
from tests.feedback.logs import answer

DAY = 86400.0
BEGIN = 1_735_689_600.0  # 2025-01-01


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    lines = [*records(150, date(2024, 1, 1)), *records(120, date(2025, 1, 1), seed=1)]
    path = write(tmp_path / "a.jsonl", lines)
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(tmp_path / "index", IndexOptions(paths=[str(path)], recipe=recipe))
    return tmp_path / "index"


def queries(n: int, subjects: Sequence[str], seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.sample(words_of(rng.choice(subjects)), 5)) for _ in range(n)]


def log(root: Path, texts: Sequence[str], start: float, kind: str = "person") -> None:
    rows = [
        encode_row(
            row_of(replace(answer(f"{start}-{i}", text=t), time=start + i, client_kind=kind))
        )
        for i, t in enumerate(texts)
    ]
    LogStore(root).append(rows)


def compared(root: Path) -> QueriesFound:
    with Session(root) as session:
        return compare_queries(session, BEGIN, Progress())


KNOWN = [f"topic{i}" for i in range(12)]


@pytest.mark.slow
def test_queries_for_what_is_not_there_are_counted_and_shown(root: Path) -> None:
    log(root, queries(100, KNOWN, 1), BEGIN - DAY)
    log(root, [*queries(60, KNOWN, 2), *queries(40, ["opera"], 3)], BEGIN + DAY)
    log(root, queries(200, ["robot"], 4), BEGIN + 2 * DAY, kind="test")
    found = compared(root).signal
    assert found is not None
    assert found.effect > 0.2
    assert found.p <= 0.01
    assert all("opera" in e["text"] for e in found.evidence[:5])
    assert [e["score"] for e in found.evidence] == sorted(e["score"] for e in found.evidence)
    gaps = compared(root).gaps
    assert gaps is not None
    assert gaps.p <= 0.01, "nothing stands out for who asks what is not there"
    body = check_drift(root, DriftOptions(since="2025-01-01"))
    assert next(s for s in body["signals"] if s["name"] == "queries")["alarm"]
    assert body["verdict"] == "confirm"


@pytest.mark.slow
def test_the_same_kind_of_queries_alarm_nothing(root: Path) -> None:
    log(root, queries(100, KNOWN, 1), BEGIN - DAY)
    log(root, queries(100, KNOWN, 2), BEGIN + DAY)
    found = compared(root).signal
    assert found is not None
    assert found.p > 0.05
    gaps = compared(root).gaps
    assert gaps is not None
    assert gaps.p > 0.05


def test_of_a_large_index_fewer_queries_are_asked() -> None:
    assert [most_asked(n) for n in (0, 1_000, 400_000, 1_000_000, 10**9)] == [
        500,
        500,
        250,
        100,
        100,
    ]


@pytest.mark.slow
def test_logs_that_tell_nothing(root: Path) -> None:
    assert compared(root) == QueriesFound(None, "")
    log(root, [hash_text(t, b"key") for t in queries(60, KNOWN, 1)], BEGIN - DAY)
    assert "hashes of queries only" in compared(root).why
    log(root, queries(20, KNOWN, 1), BEGIN + DAY)
    assert compared(root).why.startswith("20 distinct queries since then and 0 before: 50 of both")
    body = check_drift(root, DriftOptions(since="2025-01-01"))
    assert body["queries"] == compared(root).why
