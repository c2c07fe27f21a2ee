"""How often `qembed tune` calls chance a gain: the help centre with its judgments shuffled among the queries.

    python -m tests.bench.shuffled [SHUFFLES]

The command itself, with the true judgments and with 20 shuffles of them, for both files of judgments. Exits
with 1 if more than 2 of 20 shuffles are accepted.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.collection_files import ROOT
from tests.bench.processes import Ran, run
from tests.bench.table import fact

SHUFFLES = 20
MOST = 0.1
"""Largest share of them that may be accepted."""
QEMBED = [sys.executable, "-m", "qembed"]
HELP = ROOT / "helpdesk"


def shuffle(judgments: Path, to: Path, seed: int) -> None:
    """Write the judgments with the queries' ids permuted: each query gets all judgments of another."""
    with judgments.open(newline="") as f:
        header, *rows = csv.reader(f, delimiter="\t")
    ids = sorted({row[0] for row in rows})
    other = dict(zip(ids, random.Random(seed).sample(ids, len(ids)), strict=True))
    with to.open("w", newline="") as f:
        writer = csv.writer(f, delimiter="\t")
        writer.writerows([header, *([other[query], *rest] for query, *rest in rows)])


def tune(index: Path, judgments: Path) -> tuple[bool, dict[str, Any]]:
    """(whether the choice is accepted; the expected gain on new queries)."""
    files = ["--queries", str(HELP / "queries.jsonl"), "--qrels", str(judgments)]
    options = ["--index", str(index), "--apply", "never", "--format", "json", "-q"]
    done: Ran = run([*QEMBED, "tune", *files, *options], os.environ, codes=(0, 3))
    body = json.loads(done.out)
    return bool(body["better"]), body["gain"]["new"]


def main() -> int:
    """Prints the true gains and how many shuffles are accepted."""
    shuffles = int(sys.argv[1]) if len(sys.argv) > 1 else SHUFFLES
    failed = False
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        index = top / ".qembed"
        run([*QEMBED, "index", str(HELP / "docs"), "--index", str(index), "-q"], os.environ)
        for name in ("qrels.tsv", "qrels-own-language.tsv"):
            better, gain = tune(index, HELP / name)
            interval = f"{gain['mean']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})"
            fact(name, f"{interval}, p {gain['p']:.3f}, {'accepted' if better else 'refused'}")
            accepted = 0
            for seed in range(shuffles):
                shuffle(HELP / name, top / name, seed)
                accepted += tune(index, top / name)[0]
            fact("accepted of its shuffles", f"{accepted} of {shuffles}")
            failed |= accepted > MOST * shuffles
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
