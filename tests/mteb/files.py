"""A small collection in BEIR form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCUMENTS = [
    {"_id": f"d{i}", "title": f"No {i}" if i % 2 else "", "text": f"w{i} w{i % 4} w{i % 7} planet"}
    for i in range(40)
]
QUERIES = [{"_id": f"q{i}", "text": f"w{i} w{(i * 3) % 7}"} for i in range(10)]
JUDGED = [(f"q{i}", f"d{(i + 7 * k) % 40}", k) for i in range(10) for k in (0, 1, 2)]


def beir(
    folder: Path, documents: Any = DOCUMENTS, queries: Any = QUERIES, judged: Any = JUDGED
) -> Path:
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", documents), ("queries", queries)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    rows = "".join(f"{q}\t{d}\t{grade}\n" for q, d, grade in judged)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}", "utf-8")
    return folder
