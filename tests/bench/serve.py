"""A warm `qembed query` against a cold one, and the server alone against its encoder, on 5,000 passages.

Wanted: the whole process at most .35 of the cold one; of the server alone a median of at most 15 ms a query,
and with 8 clients at least .9 of the throughput that the encoder alone has, one text after the other in a
process of its own. No query is asked twice: what the server remembers of queries does not help it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.serve.client import ServerConnection
from qembed.serve.messages import answer_of, call_json
from qembed.serve.protocol import ProtocolError
from qembed.types import Query
from tests.bench.cold import PASSAGES, QUERY, WORDS, corpus
from tests.bench.processes import in_turn, ratio, run, seconds
from tests.bench.table import fact, row

ROUNDS = 7
TURNS = 5
QUERIES = 400
"""A turn's queries, for the server and for the encoder."""
CLIENTS = 8
RERANKED = 20
ALONE = """
import json, sys, time
from qembed.models import open_model
encoder = open_model("minilm", device="cpu").encoder()
encoder.encode(["ready"])
print("ready", flush=True)
for line in sys.stdin:
    texts = json.loads(line)
    began = time.perf_counter()
    for text in texts:
        encoder.encode([text])
    print(time.perf_counter() - began, flush=True)
"""


@cache
def template(rerank: str | None) -> dict[str, Any]:
    """The message of `qembed query TEXT -k 10 --format jsonl`, made once, as in a client.

    `rerank`: with a reranker of the best RERANKED.
    """
    options = QueryOptions(rerank=rerank, candidates=RERANKED) if rerank else QueryOptions()
    return call_json("query", QueryRequest([Query("1", "")], options).to_json())


def message(text: str, rerank: str | None = None) -> dict[str, Any]:
    """The same message with the query's words."""
    made = template(rerank)
    query = {**made["request"]["queries"][0], "text": text}
    return {**made, "request": {**made["request"], "queries": [query]}}


def ask(index: Path, text: str, rerank: str | None = None) -> float:
    """Seconds from connecting to the answer."""
    began = time.perf_counter()
    with ServerConnection(index) as connection:
        reply = connection.ask(message(text, rerank))
    took = time.perf_counter() - began
    if len(Answer.from_json(answer_of(reply)).results[0].hits) != 10:
        sys.exit(f"the server says {str(reply)[:300]}")
    return took


def together(index: Path, texts: Sequence[str], rerank: str | None = None) -> float:
    """Seconds for all texts, asked by CLIENTS threads."""
    began = time.perf_counter()
    threads = [
        threading.Thread(
            target=lambda part=texts[i::CLIENTS]: [ask(index, t, rerank) for t in part]
        )
        for i in range(CLIENTS)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.perf_counter() - began


def wait_for(index: Path) -> None:
    """Until there is a server that answers."""
    for _ in range(600):
        try:
            with ServerConnection(index) as line:
                line.ask({"do": "status"})
            return
        except ProtocolError:
            time.sleep(0.1)
    sys.exit("the server does not answer")


def beside(
    program: Sequence[str], turns: int, queries: int, turn: Callable[[], tuple[float, object]]
) -> tuple[float, float, float]:
    """(queries a second of the server, those of a program, median of the ratios), in turns.

    `turn`: the server's seconds, and what the program reads as a line of JSON, to answer with its seconds.
    """
    rates = []
    pipe = subprocess.PIPE
    with subprocess.Popen(program, text=True, stdin=pipe, stdout=pipe) as alone:
        assert alone.stdin
        assert alone.stdout
        alone.stdout.readline()
        for _ in range(turns):
            took, asked = turn()
            alone.stdin.write(json.dumps(asked) + "\n")
            alone.stdin.flush()
            bare = float(alone.stdout.readline())
            rates.append((queries / took, queries / bare, bare / took))
        alone.stdin.close()
    ours, theirs, share = (statistics.median(r[i] for r in rates) for i in range(3))
    return ours, theirs, share


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        os.environ["QEMBED_CACHE"] = str(top / "cache")
        os.environ |= {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
        env = dict(os.environ)
        qembed = [sys.executable, "-m", "qembed"]
        run([*qembed, "models", "prepare", "minilm"], env)
        corpus(top / "corpus.jsonl", PASSAGES)
        index = top / ".qembed"
        run([*qembed, "index", str(top / "corpus.jsonl"), "--index", str(index)], env)
        draw = random.Random(7)
        texts = [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) + f" {i}" for i in range(9000)]
        ours = [*qembed, "query", QUERY, "--index", str(index), "--format", "tsv"]
        server = subprocess.Popen([*qembed, "serve", "--index", str(index)], env=env)
        try:
            wait_for(index)
            w, c = in_turn([ours, [*ours, "--no-server"]], env, ROUNDS)
            fact("the same bytes", str(len({r.out for r in (*w, *c)}) == 1))
            row("warm query, whole process", seconds(w), seconds(c), ratio(w, c), "cold query")
            times = [ask(index, texts.pop()) for _ in range(QUERIES)]
            fact(
                "server alone, one client",
                f"median {statistics.median(times) * 1e3:.1f} ms a query",
            )

            def turn() -> tuple[float, list[str]]:
                part = [texts.pop() for _ in range(QUERIES)]
                return together(index, part), part

            ours_rate, bare_rate, share = beside(
                [sys.executable, "-c", ALONE], TURNS, QUERIES, turn
            )
            fact(
                f"throughput, {CLIENTS} clients",
                f"{ours_rate:.0f} queries/s, the encoder alone {bare_rate:.0f} texts/s, "
                f"ratio {share:.3f}",
            )
        finally:
            run([*qembed, "serve", "--stop", "--index", str(index)], env)
            server.wait(30)


if __name__ == "__main__":
    main()
