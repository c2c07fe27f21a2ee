"""Index in which words side by side tell the right document of a topic, and its scores the wrong one."""

from __future__ import annotations

import json
import random

from tests.cli.conftest import Shell

TOPICS = 60
FILLER = [f"w{i}" for i in range(40)]


def words(topic: int) -> tuple[str, str]:
    name = "".join("bcdfghklmn"[int(digit)] + "o" for digit in f"{topic:02}")
    return f"ka{name}", f"zu{name}"


def query_of(topic: int) -> str:
    return " ".join(words(topic))


def index_planted(shell: Shell) -> None:
    """Of each topic one document repeats a query's words far apart, one has them side by side.

    The first is nearer by words and vectors.
    """
    rng = random.Random(1)
    lines = []
    for n in range(TOPICS):
        a, b = words(n)
        fill = [rng.choice(FILLER) for _ in range(60)]
        far = f"{a} {a} {' '.join(fill[:30])} {b} {b} {' '.join(fill[30:])}"
        near = f"{' '.join(fill[:30])} {a} {b} {' '.join(fill[30:])}"
        lines += [{"_id": f"far{n}", "text": far}, {"_id": f"near{n}", "text": near}]
    shell.write("c.jsonl", "\n".join(map(json.dumps, lines)))
    assert shell("index", "c.jsonl", "-q").code == 0


def top(shell: Shell, query: str, *args: str) -> list[str]:
    done = shell("query", query, "-k", "2", "--format", "json", *args)
    assert done.code == 0, done.err
    return [hit["document"] for hit in done.json["queries"][0]["hits"]]
