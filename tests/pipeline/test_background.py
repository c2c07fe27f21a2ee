"""The background of an index: its arithmetic, its file, and that no model's scale of cosines matters."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.pipeline.background import (
    GROWTH,
    LEAST,
    SAMPLE,
    background_of,
    confidence,
    extreme,
    measure,
    open_background,
)
from qembed.pipeline.diagnostics.status import describe
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.ranking import RankedQuery
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from qembed.types import Query
from tests.pipeline.conftest import index

WORDS = [f"word{i}" for i in range(60)]
QUERIES = ["word1 word2", "word3 word9 word12 word40", "word7", "word20 word21 elsewhere"]

# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────


@given(
    best=st.floats(-1, 1),
    mean=st.floats(-1, 1),
    spread=st.floats(0.01, 0.5),
    shift=st.floats(-1, 1),
    squeeze=st.floats(0.05, 5),
    passages=st.integers(0, 10**7),
)
def test_a_shifted_and_squeezed_scale_changes_nothing(
    best: float, mean: float, spread: float, shift: float, squeeze: float, passages: int
) -> None:
    mapped = confidence(squeeze * best + shift, squeeze * mean + shift, squeeze * spread, passages)
    assert mapped == pytest.approx(confidence(best, mean, spread, passages), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("n", [10, 30, 100, 1000, 10**5, 10**7])
def test_the_extreme_is_the_likeliest_maximum(n: int) -> None:
    # a Gumbel distribution has 1/e of its mass below its mode
    below = 0.5 * math.erfc(-extreme(n) / math.sqrt(2))
    assert below**n == pytest.approx(1 / math.e, abs=0.05)


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_more_passages_reach_at_least_as_high(n: int, more: int) -> None:
    assert 1 <= extreme(n) <= extreme(n + more)


def unit(n: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_background_is_what_loops_say() -> None:
    vectors = unit(LEAST)
    got = measure(vectors)
    assert got is not None
    by_passage = [
        [float(a @ b) for j, b in enumerate(vectors) if j != i] for i, a in enumerate(vectors)
    ]
    tails = [np.quantile(c, 0.95) - np.quantile(c, 0.75) for c in by_passage]
    assert got.spread == pytest.approx(np.mean(tails) / 0.9704, abs=1e-6)
    query = unit(1, seed=5)[0]
    mean = float(np.mean([float(query @ v) for v in vectors]))
    assert got.confidence(query, 0.9, 200) == pytest.approx(
        (0.9 - mean) / (got.spread * extreme(200)), abs=1e-3
    )


def test_the_spread_of_random_directions_is_their_standard_deviation() -> None:
    got = measure(unit(SAMPLE, dim=100))
    assert got is not None
    assert got.spread == pytest.approx(1 / math.sqrt(100), rel=0.03)


def test_passages_of_another_kind_hardly_widen_the_spread() -> None:
    """Half of the passages lie in a far corner, as those in another language do."""
    near, far = unit(200, dim=32), unit(200, dim=32, seed=1)
    here, there = np.zeros((200, 2), np.float32), np.zeros((200, 2), np.float32)
    here[:, 0], there[:, 1] = 1.0, 1.0

    def in_corner(vectors: np.ndarray, corner: np.ndarray) -> np.ndarray:
        return np.hstack([np.float32(np.sqrt(0.5)) * vectors, np.float32(np.sqrt(0.5)) * corner])

    alone, mixed = in_corner(near, here), in_corner(far, there)
    one, both = measure(alone), measure(np.vstack([alone, mixed]))
    assert one is not None
    assert both is not None
    assert both.spread < 1.6 * one.spread
    cosines = np.vstack([alone, mixed]) @ alone[0]
    assert float(np.std(cosines[1:])) > 2.5 * one.spread


def test_a_best_cosine_below_the_background_has_no_confidence() -> None:
    assert confidence(0.1, 0.2, 0.05, 100) == 0


def test_too_little_and_copies_have_no_background() -> None:
    assert measure(unit(LEAST - 1)) is None
    assert measure(np.repeat(unit(1), LEAST + 5, axis=0)) is None
    assert measure(np.zeros((0, 16), np.float32)) is None


# ── file ─────────────────────────────────────────────────────────────────────────────────────────


def fill(folder: Path, n: int, seed: int = 0) -> None:
    """`n` records of eight words, in a file of its own for each seed."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    lines = (
        json.dumps({"_id": f"{seed}-{i}", "text": " ".join(rng.choice(WORDS, 8, replace=False))})
        for i in range(n)
    )
    (folder / f"r{seed}.jsonl").write_text("\n".join(lines) + "\n")


def stamp_of(root: Path) -> files.Stamp:
    stamp = files.current(root, manifests.read(root), files.BACKGROUND)
    assert stamp is not None
    return stamp


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path / "docs", 60)
    index(tmp_path / "idx", tmp_path / "docs")
    return tmp_path / "idx"


def content(root: Path) -> tuple[bytes, object]:
    stamp = stamp_of(root)
    return (root / stamp.file).read_bytes(), stamp.extra


def test_the_same_passages_have_the_same_background(root: Path, tmp_path: Path) -> None:
    index(tmp_path / "again", tmp_path / "docs")
    assert content(tmp_path / "again") == content(root)
    assert stamp_of(root).bytes == 4 * manifests.read(root).recipe.dim


def test_a_background_is_renewed_when_the_index_has_grown_by_half(
    root: Path, tmp_path: Path
) -> None:
    first = stamp_of(root)
    fill(tmp_path / "docs", int((GROWTH - 1) * 60) - 1, seed=1)
    index(root, tmp_path / "docs")
    assert stamp_of(root) == first
    assert describe(root)["derived"]["background"]["behind"] == 0
    fill(tmp_path / "docs", 1, seed=2)
    index(root, tmp_path / "docs")
    renewed = stamp_of(root)
    assert renewed.extra["measured"] == int(GROWTH * 60)
    assert list(root.glob("derived/background*.bin")) == [root / renewed.file]


@pytest.mark.slow
def test_only_living_passages_are_measured_and_no_more_than_a_sample(
    root: Path, tmp_path: Path
) -> None:
    fill(tmp_path / "docs", 2 * SAMPLE, seed=3)
    (tmp_path / "docs/r0.jsonl").write_text('{"_id": "other", "text": "word1 word2"}\n')
    index(root, tmp_path / "docs", confirm=lambda _: True)
    assert stamp_of(root).extra["measured"] == SAMPLE
    with Session(root) as session:
        background = session.search.background
        assert background is not None
        live = session.snapshot.live
        assert live is not None
        rows = np.flatnonzero(live) + session.snapshot.manifest.base
        whole = measure(session.search.vectors(rows))
    assert whole is not None
    assert background.spread == pytest.approx(whole.spread, rel=0.05)
    assert np.linalg.norm(background.mean - whole.mean) < 0.1


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def not_a_number(path: Path) -> None:
    path.write_bytes(np.full(path.stat().st_size // 4, np.nan, np.float32).tobytes())


HARMS: dict[str, Callable[[Path], None]] = {
    "gone": Path.unlink,
    "cut": lambda path: os.truncate(path, 10),
    "empty": lambda path: os.truncate(path, 0),
    "flipped": flip,
    "not a number": not_a_number,
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.slow
def test_a_damaged_background_is_not_used_but_told_and_mended(root: Path, harm: str) -> None:
    whole = content(root)
    HARMS[harm](root / stamp_of(root).file)
    with Session(root) as session:
        assert session.search.background is None
        found = Retriever(session, QueryOptions()).answer([Query("1", QUERIES[0])])
    assert found.results[0].hits
    assert "confidence" not in found.why["1"]
    assert {f.kind for f in verify(root, probe=False)} == {"background"}
    index(root)
    assert content(root) == whole
    assert not list(verify(root, probe=False))


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"spread": None},
        {"spread": "x"},
        {"spread": math.inf},
        {"spread": -0.1},
        {"spread": 0.0},
    ],
)
@pytest.mark.slow
def test_a_stamp_without_a_spread_is_no_background(root: Path, extra: dict[str, object]) -> None:
    files.restamp(root, stamp_of(root), extra)
    assert open_background(root, manifests.read(root)) is None


def test_an_export_measures_a_background_that_is_lost(root: Path) -> None:
    with Snapshot.open(root) as snapshot:
        whole = background_of(snapshot)
        (root / stamp_of(root).file).unlink()
        anew = background_of(snapshot)
    assert whole is not None
    assert anew is not None
    assert (anew.mean.tobytes(), anew.spread) == (whole.mean.tobytes(), whole.spread)


@pytest.mark.parametrize("n", [1, LEAST - 1])
def test_a_small_index_is_whole_without_a_background(tmp_path: Path, n: int) -> None:
    fill(tmp_path / "docs", n)
    index(tmp_path / "idx", tmp_path / "docs")
    assert not list(verify(tmp_path / "idx", probe=False))
    with Session(tmp_path / "idx") as session:
        assert session.search.background is None
    fill(tmp_path / "docs", LEAST - n, seed=1)
    index(tmp_path / "idx", tmp_path / "docs")
    with Session(tmp_path / "idx") as session:
        assert session.search.background is not None


# ── weights ──────────────────────────────────────────────────────────────────────────────────────


def ranked(root: Path, mode: str = "auto", **options: object) -> list[RankedQuery]:
    queries = [Query(str(i), text) for i, text in enumerate(QUERIES)]
    asked = QueryOptions(k=60, mode=mode, **options)  # type: ignore[arg-type]
    with Session(root) as session:
        return Retriever(session, asked).rank(queries).queries


def test_an_index_with_squeezed_cosines_answers_in_the_same_order(
    root: Path, tmp_path: Path
) -> None:
    recipe = RecipeOptions(model="py:tests.encoders:squeezed")
    build(tmp_path / "other", IndexOptions(paths=[str(tmp_path / "docs")], recipe=recipe))
    for plain, other in zip(ranked(root), ranked(tmp_path / "other"), strict=True):
        assert plain.dense is not None
        assert other.dense is not None
        assert plain.dense.max() < 0.9 < other.dense.min()
        assert "confidence" in plain.why
        assert other.why == plain.why
        assert other.rows[:20].tolist() == plain.rows[:20].tolist()


def test_a_filter_narrows_what_confidence_is_measured_against(root: Path) -> None:
    whole, few = ranked(root), ranked(root, where=("id glob '0-1*'",))

    def height(r: RankedQuery) -> float:
        return float(r.why.split("confidence ")[1].split(",")[0])

    assert all("confidence" in r.why for r in (*whole, *few))
    assert len(few[0].rows) < len(whole[0].rows)
    assert height(few[0]) != height(whole[0])
