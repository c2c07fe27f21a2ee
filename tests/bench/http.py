"""HTTP against the socket of the same server, 32 clients, on 5,000 passages; then a minute of mixed traffic.

Wanted: of the same queries at least .85 of the socket's throughput; of mixed traffic no error, and memory
that does not grow; and where the encoder is not the limit (texts that are known) a 99th percentile within
three times the median. `SECONDS=10` shortens the minute. Only this machine's loopback is asked.
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.bench.cold import PASSAGES, WORDS, corpus
from tests.bench.processes import run
from tests.bench.serve import ask, wait_for
from tests.bench.table import fact

CLIENTS = 32
TURNS = 5
QUERIES = 320
"""Queries of a turn, each asked once, by socket or by HTTP."""
SECONDS = float(os.environ.get("SECONDS", "60"))


class Client:
    """A connection that is kept.

    By sockets: http.client parses headers by the package for mail, which takes as long as the server does
    for all of HTTP, on the same cores.
    """

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._file = self._connection.makefile("rb")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """(status, body of the answer)"""
        data = b"" if body is None else json.dumps(body).encode()
        kind = "" if body is None else "Content-Type: application/json\r\n"
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}Content-Length: {len(data)}\r\n\r\n"
        self._connection.sendall(head.encode() + data)
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self._file.read(length)

    def search(self, text: str) -> None:
        """A search like the socket's: without snippets."""
        status, data = self.ask("GET", "/search?" + urlencode({"q": text, "snippets": "none"}))
        if status != 200 or len(json.loads(data)["hits"]) != 10:
            sys.exit(f"the server says {status} {data[:300]!r}")


def together(works: Sequence[Callable[[], None]]) -> float:
    """Seconds for all, each in a thread of its own."""
    threads = [threading.Thread(target=work) for work in works]
    began = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.perf_counter() - began


def by_socket(index: Path, texts: Sequence[str]) -> float:
    """Seconds for all texts through the socket."""
    return together(
        [lambda part=texts[i::CLIENTS]: [ask(index, t) for t in part] for i in range(CLIENTS)]  # type: ignore[misc]
    )


def by_http(clients: Sequence[Client], texts: Sequence[str]) -> float:
    """Seconds for all texts through HTTP."""
    return together(
        [
            lambda c=c, part=texts[i::CLIENTS]: [c.search(t) for t in part]  # type: ignore[misc]
            for i, c in enumerate(clients)
        ]
    )


def latencies(
    clients: Sequence[Client], seconds: float, make: Callable[[random.Random], Any]
) -> Any:
    """(milliseconds of each request, statuses other than 200 with their number), for some time."""
    until = time.monotonic() + seconds
    took: list[float] = []
    wrong: dict[int, int] = {}

    def work(client: Client, seed: int) -> None:
        draw = random.Random(seed)
        while time.monotonic() < until:
            asked = make(draw)
            began = time.perf_counter()
            status, _ = client.ask(*asked)
            took.append((time.perf_counter() - began) * 1e3)
            if status != 200:
                wrong[status] = wrong.get(status, 0) + 1

    together([lambda c=c, i=i: work(c, i) for i, c in enumerate(clients)])  # type: ignore[misc]
    return took, wrong


def mixed(draw: random.Random) -> tuple[Any, ...]:
    """A request of any kind, mostly searches with words that nobody has asked."""
    words = " ".join(draw.choices(WORDS, k=draw.randint(2, 8))) + f" {draw.random()}"
    kind = draw.random()
    if kind < 0.5:
        return "GET", "/search?" + urlencode({"q": words})
    if kind < 0.65:
        return "POST", "/search", {"query": words, "mode": "lexical", "k": 20}
    if kind < 0.75:
        return "POST", "/search", {"query": words, "by": "document", "where": "path glob '*'"}
    if kind < 0.85:
        return "POST", "/v1/embeddings", {"input": [words], "input_type": "query"}
    if kind < 0.95:
        return "GET", f"/documents/d{draw.randrange(PASSAGES)}"
    return "GET", draw.choice(["/status", "/healthz", "/metrics"])


def known(draw: random.Random) -> tuple[Any, ...]:
    """A search whose vector is in the cache."""
    return "GET", "/search?" + urlencode({"q": f"{draw.choice(WORDS)} known"})


def memory(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def percentiles(took: Sequence[float]) -> str:
    """Median and 99th percentile."""
    ordered = sorted(took)
    p50, p99 = (ordered[int(len(ordered) * q)] for q in (0.5, 0.99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, ratio {p99 / p50:.1f}"


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
        model = os.environ.get("MODEL", "minilm")
        run(
            [*qembed, "index", str(top / "corpus.jsonl"), "--index", str(index), "--model", model],
            env,
        )
        draw = random.Random(7)
        texts = [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) + f" {i}" for i in range(9000)]
        with (top / "log").open("w") as log:
            server = subprocess.Popen(
                [*qembed, "serve", "--index", str(index), "--http", "0"], env=env, stderr=log
            )
        try:
            wait_for(index)
            said = run(
                [*qembed, "serve", "--status", "--format", "json", "--index", str(index)], env
            )
            port = int(json.loads(said.out)["http"].rpartition(":")[2])
            clients = [Client(port) for _ in range(CLIENTS)]
            shares, rates = [], []
            for turn in range(TURNS + 1):
                parts = [[texts.pop() for _ in range(QUERIES)] for _ in range(2)]
                took = [by_socket(index, parts[0]), by_http(clients, parts[1])]
                if turn:  # the first one warms up
                    shares.append(took[0] / took[1])
                    rates.append([QUERIES / t for t in took])
            socket_rate, http_rate = (statistics.median(r[i] for r in rates) for i in (0, 1))
            fact(
                f"throughput, {CLIENTS} clients",
                f"HTTP {http_rate:.0f} queries/s, the socket {socket_rate:.0f}, "
                f"ratio {statistics.median(shares):.3f}",
            )
            latencies(clients, SECONDS, mixed)  # fills the caches, which have limits
            before = memory(server.pid)
            took_all, wrong = latencies(clients, SECONDS, mixed)
            fact(
                f"mixed traffic, {SECONDS:.0f} s",
                f"{len(took_all) / SECONDS:.0f} requests/s, {percentiles(took_all)}, "
                f"other than 200: {wrong or 'none'}",
            )
            fact("memory", f"{before:.0f} MiB before, {memory(server.pid):.0f} MiB after")
            took_all, wrong = latencies(clients, SECONDS / 4, known)
            fact(
                "known queries",
                f"{len(took_all) / SECONDS * 4:.0f} requests/s, {percentiles(took_all)}, "
                f"other than 200: {wrong or 'none'}",
            )
        finally:
            run([*qembed, "serve", "--stop", "--index", str(index)], env)
            server.wait(30)


if __name__ == "__main__":
    main()
