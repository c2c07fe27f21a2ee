"""What feedback adds to a query: votes that are remembered, the learned order; and preferences of a log.

Wanted: votes take at most 2 ms of a query, with a log of 100,000 queries and 10,000 votes, imports included.
The learned order is told beside the search that it follows.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qembed.feedback.learning.model import LearnedModel, write_model
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.preferences import find_preferences
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from qembed.feedback.vote_memory import VoteMemory
from qembed.pipeline.retrieval.learned.features import FEATURES
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from tests.bench.table import fact, in_turn, row, seconds
from tests.feedback.simulated import examined, position_based, simulate

MODEL = "py:tests.encoders:bag"
PASSAGES = 3000
CALLS = 200
LIMIT = 0.002
IMPORTS = """
import sys, time
import qembed.pipeline.retrieval.retriever
began = time.process_time()
import qembed.pipeline.retrieval.learned.memory
print(time.process_time() - began)
"""


def make_index(folder: Path) -> Path:
    """An index of passages of 120 words, of which a query has a few."""
    rng = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    lines = (
        json.dumps({"_id": f"d{n}", "text": " ".join(rng.choices(words, k=120))})
        for n in range(PASSAGES)
    )
    (folder / "c.jsonl").write_text("\n".join(lines))
    index = folder / ".qembed"
    subprocess.run(
        [
            *(sys.executable, "-m", "qembed", "index", str(folder / "c.jsonl"), "-q"),
            *("--index", str(index), "--model", MODEL),
        ],
        check=True,
    )
    return index


def fill_log(index: Path, queries: int, votes: int) -> None:
    """Log queries, the first ones with a vote each."""
    store = LogStore(index)
    shown = tuple(ShownHit(f"d{n}", n, 0.5) for n in range(1, 11))
    for start in range(0, queries, 1000):
        rows: list[LoggedQuery | Event] = []
        for n in range(start, start + 1000):
            rows.append(LoggedQuery(f"q{n}", f"bal bel number {n}", float(n), shown))
            if n < votes:
                rows.append(Event(f"e{n}", f"q{n}", "thumbs_up", n + 0.5, "d3", 3, client_id="c"))
        store.append([encode_row(row_of(r)) for r in rows])


def per_lookup(index: Path, texts: Sequence[str]) -> float:
    """Median of the seconds that a query's votes take to be found."""

    def look() -> None:
        memory = VoteMemory.open(index)
        for text in texts if memory else ():
            memory.of(text)  # type: ignore[union-attr]

    look()
    return statistics.median(seconds(look) for _ in range(CALLS))


def main() -> None:
    """Prints the table; ends with 1 if votes take more than LIMIT of a query."""
    with tempfile.TemporaryDirectory() as work:
        index = make_index(Path(work))
        env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed qembed is compiled
        ask = [sys.executable, "-c", IMPORTS]
        subprocess.run(ask, env=env, stdout=subprocess.DEVNULL, check=True)
        imports = statistics.median(float(subprocess.check_output(ask, env=env)) for _ in range(9))
        fact("votes: imports of a process, CPU", f"{imports * 1000:.3f} ms")
        fact("votes: a query, no log", f"{per_lookup(index, ['bal bel']) * 1000:.3f} ms")
        fill_log(index, 100_000, 10_000)
        fact(
            "votes: made anew of that log, once", f"{seconds(lambda: VoteMemory.open(index)):.2f} s"
        )
        worst = per_lookup(index, ["bal bel number 9999"])
        fact("votes: a query, 100,000 logged, 10,000 votes", f"{worst * 1000:.3f} ms")

        weights = dict.fromkeys(FEATURES, 0.5)
        with Session(index) as session:
            write_model(index, LearnedModel(weights, session.recipe.fingerprint), {})
            queries = [Query("1", "bal bel bim bos bur")]
            plain = QueryOptions(k=100)
            learned = QueryOptions(k=100, rerank="learned")
            ours, other, ratio = in_turn(
                lambda: Retriever(session, learned).rank(queries),
                lambda: Retriever(session, plain).rank(queries),
                rounds=50,
            )
            row("a query, --rerank learned, 100 candidates", ours, other, ratio, "without")
            fact("learned order, a candidate", f"{(ours - other) / 100 * 1e6:.0f} µs")

        log = simulate(
            position_based(examined(10)), sessions=20_000, noise=0.2, seed=1, queries=500
        )
        took = seconds(lambda: find_preferences(log.queries, log.events))
        pairs = len(find_preferences(log.queries, log.events).preferences)
        fact("preferences of 20,000 answers", f"{took:.2f} s, {pairs / took:,.0f} pairs a second")
        if worst + imports > LIMIT:
            sys.exit(f"votes take {(worst + imports) * 1000:.2f} ms of a query")


if __name__ == "__main__":
    main()
