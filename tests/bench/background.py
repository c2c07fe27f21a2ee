"""What the background of an index costs, which weighs words and meaning: made, and read by a cold query.

CPU time, since the shares are small: of making it beside the rest of indexing 5,000 passages with a static
encoder, which makes its share as large as it gets; and of a cold `qembed query` on an index with and without
it, in turn.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.derived import update as update_derived
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.store import Snapshot, derived_files
from tests.bench import processes
from tests.bench.encoder import real_texts
from tests.bench.table import row

PASSAGES = 5_000
ROUNDS = 9
SPEC = "py:tests.bench.encoder:static"
QUERY = "where is my parcel"


def index(root: Path, options: IndexOptions) -> tuple[float, float]:
    """(CPU seconds of making the background, of all of indexing)."""
    spent = 0.0
    update = update_derived.update_background

    def timed(snapshot: Snapshot) -> None:
        nonlocal spent
        began = time.process_time()
        update(snapshot)
        spent += time.process_time() - began

    began = time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(update_derived, "update_background", timed)
        build(root, options)
    return spent, time.process_time() - began


def main() -> None:
    """Prints the two ratios."""
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        records = ({"_id": f"d{i}", "text": t} for i, t in enumerate(real_texts(PASSAGES)))
        (top / "c.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
        options = IndexOptions(
            paths=(str(top / "c.jsonl"),), recipe=RecipeOptions(model=SPEC, chunker="none")
        )
        plain, without = top / "with", top / "without"
        shares = []
        for _ in range(ROUNDS):
            shutil.rmtree(plain, ignore_errors=True)
            spent, whole = index(plain, options)
            shares.append((spent, whole - spent))
        spent, rest = (statistics.median(column) for column in zip(*shares, strict=True))
        row(
            f"background of {PASSAGES:,} passages, CPU",
            spent,
            rest,
            spent / rest,
            "rest of indexing",
        )
        shutil.copytree(plain, without)
        with Session(without) as session:
            assert session.search.background is not None
        derived_files.discard(without, derived_files.BACKGROUND)
        with Session(without) as session:
            assert session.search.background is None
        ask = [sys.executable, "-m", "qembed", "query", QUERY, "--no-server", "--index"]
        programs = [[*ask, str(root)] for root in (plain, without)]
        for args in programs:
            processes.run(args, os.environ)
        x, y = processes.in_turn(programs, os.environ, 2 * ROUNDS)
        ratio = statistics.median(p.cpu / q.cpu for p, q in zip(x, y, strict=True))
        a, b = (statistics.median(r.cpu for r in runs) for runs in (x, y))
        row("cold query, CPU", a, b, ratio, "the same without the background")


if __name__ == "__main__":
    main()
