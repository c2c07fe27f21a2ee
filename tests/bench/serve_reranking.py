"""A server that reranks for 8 clients, against its reranker alone, on 2,000 passages of 120 words.

    python -m tests.bench.serve_reranking [RERANKER …]      default: minilm-l12 late

Wanted: at least .9 of the pairs a second that the reranker scores alone, query after query, in a process of
its own. No query is asked twice.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.cold import WORDS
from tests.bench.processes import run
from tests.bench.serve import CLIENTS, RERANKED, ask, beside, together, wait_for
from tests.bench.table import fact

RERANKERS = ("minilm-l12", "late")
TURNS = 3
QUERIES = 48
"""A turn's queries."""
PASSAGES, LENGTH = 2000, 120
ALONE = """
import json, sys, time
from qembed.models import open_model, open_reranker
reranker = open_reranker(sys.argv[1], open_model("minilm", device="cpu"))
reranker.score([("ready", "ready")])
print("ready", flush=True)
for line in sys.stdin:
    queries = json.loads(line)
    began = time.perf_counter()
    for text, passages in queries:
        reranker.score([(text, passage) for passage in passages])
    print(time.perf_counter() - began, flush=True)
"""


def main() -> None:
    specs = sys.argv[1:] or RERANKERS
    draw = random.Random(7)
    passages = [f"{i} " + " ".join(draw.choices(WORDS, k=LENGTH)) for i in range(PASSAGES)]
    queries = [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) + f" {i}" for i in range(2000)]
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        os.environ |= {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
        env = dict(os.environ)
        qembed = [sys.executable, "-m", "qembed"]
        for spec in ("minilm", *(s for s in specs if s != "late")):
            run([*qembed, "models", "prepare", spec], env)
        lines = (json.dumps({"_id": f"d{i}", "text": t}) for i, t in enumerate(passages))
        (top / "corpus.jsonl").write_text("\n".join(lines), "utf-8")
        index = top / ".qembed"
        made_index = [*qembed, "index", str(top / "corpus.jsonl"), "--index", str(index)]
        run([*made_index, "--model", "minilm"], env)
        server = subprocess.Popen([*qembed, "serve", "--index", str(index)], env=env)
        try:
            wait_for(index)
            for spec in specs:
                ask(index, queries.pop(), spec)  # loads it
                one = [ask(index, queries.pop(), spec) for _ in range(QUERIES // 4)]
                fact(f"{spec}, one client", f"median {statistics.median(one) * 1e3:.0f} ms a query")
                measure(index, spec, queries, passages, draw)
        finally:
            run([*qembed, "serve", "--stop", "--index", str(index)], env)
            server.wait(30)


def measure(
    index: Path, spec: str, queries: list[str], passages: list[str], draw: random.Random
) -> None:
    """The server for CLIENTS clients and the reranker alone, in turns."""

    def turn() -> tuple[float, list[tuple[str, list[str]]]]:
        part = [queries.pop() for _ in range(QUERIES)]
        took = together(index, part, spec)
        return took, [(text, draw.sample(passages, RERANKED)) for text in part]

    ours, theirs, share = beside([sys.executable, "-c", ALONE, spec], TURNS, QUERIES, turn)
    fact(
        f"{spec}, {RERANKED} candidates, {CLIENTS} clients",
        f"{ours:.1f} queries/s, the reranker alone {theirs:.1f}, ratio {share:.3f}",
    )


if __name__ == "__main__":
    main()
