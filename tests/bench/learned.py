"""What feedback adds to a query: votes that are remembered, the learned order; and preferences of a log.

Wanted: votes take at most 2 ms of a query, with a log of 100,000 queries and 10,000 votes, imports and the
search for near-equal queries included.
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
from pathlib import Path

from qembed.feedback.learning.model import LearnedModel, write_model
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.preferences import find_preferences
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from qembed.feedback.votes.memory import VoteMemory
from qembed.pipeline.retrieval.learned.features import FEATURES
from qembed.pipeline.retrieval.learned.memory import QueryVotes
from qembed.pipeline.retrieval.learned.vote_vectors import encode_votes
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from tests.bench.processes import in_turn as processes_in_turn
from tests.bench.table import fact, in_turn, row, seconds
from tests.feedback.simulated import examined, position_based, simulate

MODEL = "py:qembed.testing:encoder"
PASSAGES = 3000
CALLS = 200
ROUNDS = 25
PROGRAM = (sys.executable, "-m", "qembed")
LIMIT = 0.002
IMPORTS = """
import sys, time
import fcntl, hashlib, mmap, numpy  # as each query does
import qembed.pipeline.retrieval.retriever, qembed.search.lexical.query
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
            *(*PROGRAM, "index", str(folder / "c.jsonl"), "-q"),
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


def per_lookup(session: Session, text: str, near: bool = True) -> float:
    """Median of the seconds that the votes on a query take to be found. `near`: and on near-equal ones."""
    query = [Query("1", text)]
    retriever = Retriever(session, QueryOptions(memory=True))
    vectors = retriever.encode(retriever.instructions(query)) if near else None

    def look() -> None:
        QueryVotes(session, query, vectors, retriever.instructions)

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
        with Session(index) as session:
            fact("votes: a query, no log", f"{per_lookup(session, 'bal bel') * 1000:.3f} ms")
            fill_log(index, 100_000, 10_000)
            took = seconds(lambda: VoteMemory.open(index))
            fact("votes: made anew of that log, once", f"{took:.2f} s")
            took = seconds(lambda: encode_votes(index))
            fact("votes: their vectors made, once", f"{took:.2f} s")
            text = "number 9999 bel bal"
            alone = per_lookup(session, text, near=False)
            worst = per_lookup(session, text)
            fact("votes: a query, 100,000 logged, 10,000 votes", f"{alone * 1000:.3f} ms")
            fact("votes: and near-equal ones", f"{worst * 1000:.3f} ms")
        query = (*PROGRAM, "query", text, "-q", "--no-server", "--index", str(index))
        with_votes, without = processes_in_turn([query, (*query, "--no-memory")], env, ROUNDS)
        cpu = statistics.median(a.cpu / b.cpu for a, b in zip(with_votes, without, strict=True))
        fact("votes: CPU of a process, near-equal ones, over without", f"{cpu:.3f}")

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
