"""Cold queries with each built-in model, and with the built-in reranker: short texts and longer ones.

Wanted: `bge-small` and `multilingual` at most 1.5 times `minilm`'s time and at most 260 MiB. CPU time, user
and system, is what a busy machine does not change. Exports that are not in the cache are made first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.bench.processes import in_turn, mib, run, seconds
from tests.bench.table import fact

ROUNDS = 5
MODELS = ("minilm", "bge-small", "multilingual")
RERANKER = "minilm-l12"
ROOT = Path(__file__).resolve().parents[2]
TEXTS = {
    "short texts": (ROOT / "sample_corpora" / "helpdesk" / "docs", "where is my refund"),
    "longer texts": (ROOT / "docs", "how are passages of long documents made"),
}


def main() -> None:
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    qembed = [sys.executable, "-m", "qembed"]
    for name in (*MODELS, RERANKER):
        run([*qembed, "models", "prepare", name], env)
    for texts, (docs, query) in TEXTS.items():
        with tempfile.TemporaryDirectory() as made:
            programs = []
            for name in MODELS:
                index = str(Path(made) / name)
                run([*qembed, "index", str(docs), "--index", index, "--model", name], env)
                programs.append([*qembed, "query", query, "--no-server", "--index", index])
            programs.append([*programs[0], "--rerank", RERANKER, "--candidates", "20"])
            for args in programs:  # what is on disk is in memory from here on
                run(args, env)
            found = in_turn(programs, env, ROUNDS)
        for name, runs in zip((*MODELS, f"minilm, --rerank {RERANKER}"), found, strict=True):
            of_first = median(a.cpu / b.cpu for a, b in zip(runs, found[0], strict=True))
            fact(
                f"cold query, {texts}, {name}",
                f"{seconds(runs):.2f} s, CPU {median(r.cpu for r in runs):.2f} s, "
                f"{of_first:.2f} of minilm's, {mib(runs):.0f} MiB",
            )


if __name__ == "__main__":
    main()
