"""`qembed mcp` from its start to its answers, against an import of the SDK alone, in turns.

Wanted: initialize, the list of tools and status within 1.5 times an import, a first search within 1.5 times
a cold `qembed query`: the model is loaded meanwhile. A second search waits for nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.processes import run
from tests.bench.table import fact, row

ROUNDS = 7
SDK = "import mcp.server.lowlevel.server, mcp.server.stdio"
QUERY = "where is my parcel"
CORPUS = Path(__file__).parents[2] / "sample_corpora/helpdesk/docs/en"
QEMBED = [sys.executable, "-m", "qembed"]
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "bench", "version": "1"}}),
    ("tools/list", {}),
    ("tools/call", {"name": "status", "arguments": {}}),
    ("tools/call", {"name": "search", "arguments": {"query": QUERY}}),
    ("tools/call", {"name": "search", "arguments": {"query": "a late refund"}}),
]  # fmt: skip


def session(index: Path) -> list[float]:
    """Seconds from the start of a server to each of its answers."""
    began = time.perf_counter()
    server = subprocess.Popen(
        [*QEMBED, "mcp", "--index", str(index)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    found = []
    for n, (method, params) in enumerate(ASKED):
        message = {"jsonrpc": "2.0", "id": n, "method": method, "params": params}
        server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        assert answer["id"] == n
        assert not answer["result"].get("isError"), answer
        found.append(time.perf_counter() - began)
        if n == 0:
            server.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    server.communicate()
    return found


def main() -> None:
    """Prints the medians, and the medians of the turns' ratios."""
    env = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        run([*QEMBED, "index", str(CORPUS), "--index", str(index), "--model", "minilm"], env)
        query = [*QEMBED, "query", QUERY, "--index", str(index), "--no-server"]
        run(query, env)  # the export, if it is not there yet
        ours, imports, colds = [], [], []
        for _ in range(ROUNDS):
            imports.append(run([sys.executable, "-c", SDK], env).seconds)
            colds.append(run(query, env).seconds)
            ours.append(session(index))
    hello, tools, status, first, second = zip(*ours, strict=True)
    for name, took, other, what in (
        ("initialize", hello, imports, "import of the SDK"),
        ("list of tools", tools, imports, "import of the SDK"),
        ("status", status, imports, "import of the SDK"),
        ("first search", first, colds, "cold query"),
    ):
        ratio = statistics.median(a / b for a, b in zip(took, other, strict=True))
        row(name, statistics.median(took), statistics.median(other), ratio, what)
    waited = statistics.median(b - a for a, b in zip(first, second, strict=True))
    fact("second search, seconds", f"{waited:.3f}")


if __name__ == "__main__":
    main()
