"""A made-up language: queries and documents say the same in other words, which a training can learn."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from qembed.training.rows import Row
from qembed.types import Qrels

TOPICS = ["fox", "dog", "lazy", "mars", "planet", "red", "token", "pool", "vector", "rains",
          "harbour", "states", "jumps", "quick", "brown", "passage"]  # fmt: skip
"""Words of the tiny tokenizer; a query's word stands for the document's word eight places on."""


def planted(n: int, seed: int = 0) -> tuple[dict[str, str], dict[str, str], Qrels]:
    """(documents, queries, judgments): `fox dog` asks for the document with `vector rains`."""
    rng = random.Random(seed)
    documents, queries, qrels = {}, {}, {}
    pairs = [(a, b) for a in range(8) for b in range(8) if a != b]
    for i in range(n):
        a, b = pairs[i % len(pairs)]
        extra = (
            f" {rng.randrange(10)} {rng.randrange(10)} {i // len(pairs)}" if n > len(pairs) else ""
        )
        documents[f"d{i}"] = f"{TOPICS[a + 8]} {TOPICS[b + 8]}{extra}"
        queries[f"q{i}"] = f"{TOPICS[a]} {TOPICS[b]}{extra}"
        qrels[f"q{i}"] = {f"d{i}": 1}
    return documents, queries, qrels


def write(folder: Path, documents: dict[str, str], queries: dict[str, str], qrels: Qrels) -> None:
    """corpus.jsonl, q.jsonl and r.tsv."""
    lines = (json.dumps({"_id": k, "text": v}) + "\n" for k, v in documents.items())
    (folder / "corpus.jsonl").write_text("".join(lines))
    lines = (json.dumps({"_id": k, "text": v}) + "\n" for k, v in queries.items())
    (folder / "q.jsonl").write_text("".join(lines))
    rows = (f"{q}\t{d}\t{g}\n" for q, found in qrels.items() for d, g in found.items())
    (folder / "r.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))


DOCUMENTS, QUERIES, _ = planted(48)
NAMES = list(DOCUMENTS)


def rows(form: str = "list", label: Any = None) -> list[Row]:
    found = []
    for i, name in enumerate(NAMES):
        query, positive = QUERIES[f"q{i}"], DOCUMENTS[name]
        other = NAMES[(i + 7) % len(NAMES)]
        both, own = frozenset([name, other]), frozenset([name])
        if form == "pair":
            found += [
                Row((query, positive), own, own, 1.0),
                Row((query, DOCUMENTS[other]), frozenset([other]), own, 0.0),
            ]
        else:
            found.append(Row((query, positive, DOCUMENTS[other]), both, own, label))
    return found
