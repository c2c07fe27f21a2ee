"""Bytes on disk for each passage, beside the 4·dim that its vector's numbers are.

python -m tests.bench.storage            20,000 passages of real text
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.bench.encoder import real_texts
from tests.bench.scale import DIM, qembed, records
from tests.bench.table import fact

ROWS = 20_000


def main() -> None:
    """Prints what each kind of file takes."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        texts = real_texts(ROWS)
        (work / "r.jsonl").write_text(records(texts, "d"))
        qembed(work, "index", "r.jsonl", "-q")
        status = qembed(work, "status", "--format", "json").json
        root = work / ".qembed"
        n = status["passages"]
        plain = sum(len(t.encode()) for t in texts) / n
        fact("a vector's numbers", f"{4 * DIM:,} bytes")
        fact("a passage's text", f"{plain:,.0f} bytes")
        kinds = {
            "shards": root / "shards",
            "vector matrix (derived)": root / "derived",
            "graph (derived)": root / "derived",
            "lexical index (derived)": root / "derived",
        }
        starts = {"shards": "", "vector": "vectors", "graph": "graph", "lexical": "lexical"}
        for kind, folder in kinds.items():
            start = starts[kind.split()[0]]
            found = [q for p in folder.glob(f"{start}*") for q in (p, *p.rglob("*"))]
            size = sum(p.stat().st_size for p in found if p.is_file())
            fact(f"{kind}, a passage", f"{size / n:,.0f} bytes = {size / n / 4 / DIM:.2f} x 4·dim")
        name = json.loads((root / "manifest.json").read_text())["documents"]["name"]
        size = (root / name).stat().st_size
        fact("documents, a passage", f"{size / n:,.0f} bytes")
        size = sum(p.stat().st_size for p in root.rglob("*") if p.is_file())
        fact("all, a passage", f"{size / n:,.0f} bytes = {size / n / 4 / DIM:.2f} x 4·dim")
        dead = qembed(work, "index", "--format", "json", "-q").json
        assert dead["passages"]["encoded"] == 0


if __name__ == "__main__":
    main()
