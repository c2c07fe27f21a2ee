"""The index read without qembed: live passages are the documents of the manifest joined with its shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.encoders import bag
from tests.pipeline.conftest import index


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two commits: rows that are dead, a moved file, one with several passages."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("alpha beta")
    (folder / "b.txt").write_text("gamma delta")
    (folder / "long.txt").write_text(" ".join(f"w{i}" for i in range(500)))
    index(tmp_path / "idx", folder)
    (folder / "a.txt").write_text("alpha, changed")
    (folder / "b.txt").rename(folder / "moved.txt")
    (folder / "new.txt").write_text("epsilon")
    index(tmp_path / "idx")
    return tmp_path / "idx"


def expected(root: Path) -> dict[tuple[str, int], str]:
    from qembed.store import Snapshot

    found = {}
    with Snapshot.open(root) as snapshot:
        for i, line in enumerate(snapshot.catalog.entries()):
            for p in snapshot.passages(snapshot.rows_of(np.array([i]))):
                found[line.id, p.seq] = p.text
    assert ("moved.txt", 0) in found
    assert found["a.txt", 0] == "alpha, changed"
    assert len(found) > 5
    return found


def named(root: Path) -> tuple[str, list[str]]:
    manifest = json.loads((root / "manifest.json").read_text())
    shards = [str(root / s["file"]["name"]) for s in manifest["shards"]]
    return str(root / manifest["documents"]["name"]), shards


SQL = """
select d.id, p.seq, p.text, p.vector
from read_parquet('{documents}') d
join read_parquet({shards}) p on p.row >= d.first and p.row < d.first + d.rows
order by d.id, p.seq
"""


def test_duckdb(root: Path) -> None:
    import duckdb

    documents, shards = named(root)
    with duckdb.connect() as db:
        rows = db.execute(SQL.format(documents=documents, shards=shards)).fetchall()
        assert {(r[0], r[1]): r[2] for r in rows} == expected(root)
        assert len(rows) == len(expected(root))
        # a search in one line of SQL: the vectors are there, and their length is 1
        query = bag().encode(["gamma delta"])[0].tolist()
        best = db.execute(
            f"select id, list_cosine_similarity(vector, ?::float[48]) as score "
            f"from ({SQL.format(documents=documents, shards=shards)}) order by score desc limit 1",
            [query],
        ).fetchone()
    assert best is not None
    assert best[0] == "moved.txt"
    assert best[1] == pytest.approx(1, abs=1e-5)


def test_pandas(root: Path) -> None:
    import pandas as pd

    documents, shards = named(root)
    d = pd.read_parquet(documents, columns=["id", "first", "rows"])
    p = pd.concat([pd.read_parquet(s) for s in shards]).set_index("row")
    d = d[d["rows"] > 0]
    wanted = d.loc[d.index.repeat(d["rows"])]
    row = wanted["first"] + wanted.groupby("id").cumcount()
    live = p.loc[row].assign(id=wanted["id"].to_numpy())
    found = {(i, s): t for i, s, t in zip(live["id"], live["seq"], live["text"], strict=True)}
    assert found == expected(root)
    assert np.linalg.norm(np.stack(live["vector"]), axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_polars(root: Path) -> None:
    import polars as pl

    documents, shards = named(root)
    live = (
        pl.scan_parquet(documents)
        .filter(pl.col("rows") > 0)
        .select("id", row=pl.int_ranges("first", pl.col("first") + pl.col("rows")))
        .explode("row")
        .join(pl.scan_parquet(shards), on="row")
        .select("id", "seq", "text", "vector")
        .collect()
    )
    assert {(i, s): t for i, s, t, _ in live.iter_rows()} == expected(root)
    assert live["vector"].to_numpy().shape == (len(live), 48)
