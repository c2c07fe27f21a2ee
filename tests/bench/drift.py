"""What drift costs: the profile's share of indexing, and a comparison on a large index.

    python -m tests.bench.drift                     the share of indexing, with a static encoder and MiniLM
    python -m tests.bench.drift --million           a million passages, 10,000 new ones, logged queries

The large index is made without encoding: vectors at random around some centres, texts of random words. Each
passage is a document with a date of its own, which is the most that the sides of a comparison can cost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.pipeline.drift.logged_queries import MOST
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.derived import update as update_derived
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions, make_recipe
from qembed.pipeline.text_profile.profile_file import update_profile
from qembed.store import Catalog, CatalogEntry, Snapshot, Writer, derived_files, text_hash
from qembed.store.vector_files.codes import extend_codes
from qembed.store.vector_files.matrix import extend_matrix
from qembed.types import Document, Passage
from tests.bench import processes
from tests.bench.encoder import real_texts
from tests.bench.table import fact, row
from tests.feedback.logs import answer

ROOT = Path(__file__).resolve().parents[2]
SPEC = "py:tests.bench.encoder:static"
BATCH = 50_000
NEW = 10_000
WORDS = np.array([f"word{i}" for i in range(20_000)])


def profile_share(spec: str, passages: int, rounds: int) -> None:
    """Prints the CPU time of the profile beside the rest of indexing."""
    spent = start = 0.0
    update = update_derived.update_profile

    def timed(snapshot: Snapshot, tokenizer: Callable[[], Any], _: float) -> None:
        nonlocal spent
        began = time.process_time()
        update(snapshot, tokenizer, began - start)
        spent += time.process_time() - began

    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        records = ({"_id": f"d{i}", "text": t} for i, t in enumerate(real_texts(passages)))
        (top / "c.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
        options = IndexOptions(
            paths=(str(top / "c.jsonl"),), recipe=RecipeOptions(model=spec, chunker="none")
        )
        shares = []
        for _ in range(rounds):
            shutil.rmtree(top / "index", ignore_errors=True)
            spent, start = 0.0, time.process_time()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(update_derived, "update_profile", timed)
                build(top / "index", options)
            shares.append((spent, time.process_time() - start - spent))
        own, rest = (statistics.median(column) for column in zip(*shares, strict=True))
        name = f"profile of {passages:,} passages, {spec.rpartition(':')[2]}, CPU"
        row(name, own, rest, own / rest, "rest of indexing")


def make_large(root: Path, passages: int) -> None:
    """An index of so many passages, a document each, one more a minute; the last NEW ones are of 2026."""
    from qembed.models import open_model

    recipe = make_recipe(open_model(SPEC), RecipeOptions(model=SPEC, chunker="none"))
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(50, recipe.dim))
    with Writer(root) as writer:
        writer.create(recipe, SPEC)
        catalog = Catalog()
        for at in range(0, passages, BATCH):
            n = min(BATCH, passages - at)
            about = centres[rng.integers(0, 50, n)] + rng.normal(size=(n, recipe.dim))
            vectors = (about / np.linalg.norm(about, axis=1, keepdims=True)).astype(np.float32)
            texts = [" ".join(words) for words in WORDS[rng.zipf(1.3, (n, 60)) % len(WORDS)]]
            ids = [f"d{at + i}" for i in range(n)]
            first = writer.append(
                [Passage(d, 0, 0, len(t), t, 1, 1) for d, t in zip(ids, texts, strict=True)],
                [text_hash(t) for t in texts],
                vectors,
            )
            entries = []
            for i, (name, text) in enumerate(zip(ids, texts, strict=True)):
                begin = date(2026, 1, 1) if at + i >= passages - NEW else date(2020, 1, 1)
                day = begin + timedelta(days=(at + i) % 300)
                meta = {"date": day.isoformat()}
                digest = Document(name, text, meta=meta).digest
                entries.append(CatalogEntry(name, "-", "-", digest, 0, 1, first + i, 1, "", meta))
            catalog = catalog.edit(np.ones(len(catalog), dtype=bool), [Catalog.of(entries)])
            writer.commit(catalog, counts=catalog.counts())
        with writer.open_present() as snapshot:
            extend_matrix(snapshot)
            extend_codes(snapshot)
            began = time.perf_counter()
            update_profile(snapshot, lambda: None, 1e6)
            fact("profile of all of them, made at once", f"{time.perf_counter() - began:.1f} s")


def log_queries(root: Path) -> None:
    """Log as many queries of each side as a comparison asks again."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(2 * MOST):
        text = " ".join(WORDS[rng.zipf(1.3, 6) % len(WORDS)]) + f" word{i}"
        day = date(2025, 12, 1) if i < MOST else date(2026, 2, 1)
        time_of = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + i
        rows.append(encode_row(row_of(replace(answer(f"q{i}", text=text), time=time_of))))
    LogStore(root).append(rows)


def large(passages: int, folder: Path | None) -> None:
    """Prints time and peak memory of a whole `qembed drift` on such an index."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        root = Path(made) / "index"
        began = time.perf_counter()
        make_large(root, passages)
        fact(f"an index of {passages:,} passages, made", f"{time.perf_counter() - began:.0f} s")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "QEMBED_CACHE": str(Path(made) / "cache")}
        args = ["drift", "--index", str(root), "--since", "2026-01-01", "--format", "json", "-q"]
        for name in ("with the profile", "without a profile", "1,000 logged queries more"):
            if "queries" in name:
                log_queries(root)
            ran = processes.run([sys.executable, "-m", "qembed", *args], env, Path(made))
            new = ran.json["new"]["passages"]
            cost = f"{ran.seconds:.1f} s, {ran.cpu:.1f} s of CPU, {ran.mib:.0f} MiB"
            fact(f"drift, {new:,} new passages, {name}", cost)
            fact("of it", ran.json["seconds"])
            derived_files.discard(root, derived_files.PROFILE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--passages", type=int, default=1_000_000, help="of the large index")
    parser.add_argument("--folder", type=Path, help="for the large index, 4 GB")
    given = parser.parse_args()
    if given.million:
        large(given.passages, given.folder)
        return
    profile_share("minilm", 600, 1)
    profile_share(SPEC, 5_000, 5)


if __name__ == "__main__":
    main()
