"""Cold queries with each built-in model, and with the built-in reranker, on the sample help centre.

Wanted: `bge-small` and `multilingual` at most 1.5 times `minilm`'s time and at most 260 MiB; with
`--rerank minilm-l12 --candidates 20` at most 1.5 s. Exports that are not in the cache are made first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.bench.processes import in_turn, mib, run, seconds
from tests.bench.table import fact

ROUNDS = 5
MODELS = ("minilm", "bge-small", "multilingual")
RERANKER = "minilm-l12"
DOCS = Path(__file__).resolve().parents[2] / "sample_corpora" / "helpdesk" / "docs"
QUERY = "where is my refund"


def main() -> None:
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    qembed = [sys.executable, "-m", "qembed"]
    with tempfile.TemporaryDirectory() as made:
        programs = []
        for name in MODELS:
            run([*qembed, "models", "prepare", name], env)
            index = str(Path(made) / name)
            run([*qembed, "index", str(DOCS), "--index", index, "--model", name], env)
            programs.append([*qembed, "query", QUERY, "--no-server", "--index", index])
        run([*qembed, "models", "prepare", RERANKER], env)
        programs.append([*programs[0], "--rerank", RERANKER, "--candidates", "20"])
        for args in programs:  # what is on disk is in memory from here on
            run(args, env)
        found = in_turn(programs, env, ROUNDS)
    first = seconds(found[0])
    for name, runs in zip((*MODELS, f"minilm, --rerank {RERANKER}"), found, strict=True):
        took = seconds(runs)
        fact(
            f"cold query, {name}",
            f"{took:.2f} s, {took / first:.2f} of minilm's, {mib(runs):.0f} MiB",
        )


if __name__ == "__main__":
    main()
