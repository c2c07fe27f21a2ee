"""Exports to files and embedded engines, each read by the engine itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from qembed.store import Snapshot
from tests.cli.conftest import Shell
from tests.engines.conftest import records, write_records

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An index of records and of a file with several passages."""
    folder = tmp_path_factory.mktemp("exports") / "work"
    folder.mkdir()
    shell = Shell(folder)
    write_records(shell, records())
    parts = [
        f"## Part {i}\n\n{' '.join(f'word{i} of it {n}' for n in range(60))}\n" for i in range(9)
    ]
    shell.write("docs/a.md", "# Long\n\n" + "\n".join(parts) + "\n\ttab \\ \\. backslash\n\\N\n")
    done = shell("index", "docs.jsonl", "docs")
    assert done.code == 0, done.err
    return shell


@pytest.fixture(scope="module")
def wanted(source: Shell) -> dict[int, tuple[str, int, str, Any]]:
    """What the index holds, by row: document, number, text, vector."""
    with Snapshot.open(source.folder / ".qembed") as s:
        rows = s.rows_of(np.arange(len(s.catalog), dtype=np.int64))
        parts = zip(rows.tolist(), s.passages(rows), s.vectors(rows), strict=True)
        return {row: (p.document, p.seq, p.text, v) for row, p, v in parts}


def same(found: list[tuple[Any, ...]], wanted: dict[int, Any]) -> None:
    """Compare (row, document, number, text, vector) of all passages."""
    assert len(found) == len(wanted) > 60
    for row, document, seq, text, vector in found:
        assert (document, seq, text) == wanted[row][:3]
        np.testing.assert_array_equal(np.array(vector, dtype=np.float32), wanted[row][3])


def test_parquet_is_read_by_duckdb(source: Shell, wanted: dict[int, Any]) -> None:
    done = source("export", "parquet", "p.parquet", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["number"] == len(wanted)
    file = source.folder / "p.parquet"
    names = "row, document, seq, text, vector"
    same(duckdb.sql(f"SELECT {names} FROM '{file}'").fetchall(), wanted)
    found = duckdb.sql(
        f"SELECT m_year, m_price, m_open, m_tags, meta->>'$.inner.deep' FROM '{file}' "
        "WHERE document IN ('d0', 'd1', 'd9', 'd15') ORDER BY row"
    ).fetchall()
    assert found == [
        (2000, None, None, [], "0"),
        (2001, 0.25, True, None, None),
        (2009, 2.25, True, ["red", "tag 4"], None),
        (2002, 3.75, False, ["red", "tag 0"], "3"),
    ]


def test_json_lines_are_read_by_duckdb(source: Shell, wanted: dict[int, Any]) -> None:
    assert source("export", "jsonl", "p.jsonl", "--vectors").code == 0
    file = source.folder / "p.jsonl"
    found = duckdb.sql(
        f"SELECT document, passage.seq, text, vector FROM read_json('{file}')"
    ).fetchall()
    rows = {(d, seq): row for row, (d, seq, _, _) in wanted.items()}
    same([(rows[d, seq], d, seq, text, vector) for d, seq, text, vector in found], wanted)


def test_a_beir_corpus_makes_the_same_index(source: Shell) -> None:
    assert source("export", "beir", "beir").code == 0
    corpus = source.folder / "beir" / "corpus.jsonl"
    found = {d["_id"]: d for d in map(json.loads, corpus.read_text("utf-8").splitlines())}
    given = records()
    assert {k: v for k, v in found.items() if k != "a.md"} == {d["_id"]: d for d in given}
    assert found["a.md"]["text"].startswith("# Long\n\n## Part 0")
    assert found["a.md"]["text"].endswith("\ttab \\ \\. backslash\n\\N")
    source.write("beir/queries.jsonl", '{"_id": "q", "text": "refunds within five working days"}\n')
    source.write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td0\t1\n")
    done = source("eval", "--beir", "beir", "--measures", "R@100", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["measures"] == {"R@100": 1.0}


def test_lancedb_finds_what_the_index_finds(source: Shell, wanted: dict[int, Any]) -> None:
    import lancedb

    assert source("export", "lancedb", "lance", "--table", "help").code == 0
    again = source("export", "lancedb", "lance", "--table", "help")
    assert again.code == 2
    assert "--force" in again.err
    assert source("export", "lancedb", "lance", "--table", "help", "--force").code == 0
    table = lancedb.connect(source.folder / "lance").open_table("help")
    rows = table.to_arrow().to_pylist()
    same([(r["row"], r["document"], r["seq"], r["text"], r["vector"]) for r in rows], wanted)
    vector = wanted[min(wanted)][3]
    found = table.search(vector).distance_type("dot").where("m_year > 2003").limit(5).to_list()
    asked = ("query", "x", "--where", "year > 2003", "--format", "json", "-k", "5")
    assert source(*asked).code == 0
    matrix = {row: float(v @ vector) for row, (d, _, _, v) in wanted.items() if d.startswith("d")}
    years = {f"d{i}": 2000 + i % 13 for i in range(60)}
    best = sorted(
        (row for row in matrix if years[wanted[row][0]] > 2003), key=lambda r: (-matrix[r], r)
    )[:5]
    assert sorted(matrix[h["row"]] for h in found) == pytest.approx(sorted(matrix[r] for r in best))


def test_qdrant_finds_what_the_index_finds(source: Shell, wanted: dict[int, Any]) -> None:
    from qdrant_client import QdrantClient, models

    for _ in range(2):  # the second one replaces the first
        done = source("export", "qdrant", "qdrant", "--collection", "help")
        assert done.code == 0, done.err
    client = QdrantClient(path=str(source.folder / "qdrant"))
    try:
        assert len(client.get_collections().collections) == 1
        points, _ = client.scroll("help", limit=1000, with_vectors=True)
        same(
            [
                (p.id, p.payload["document"], p.payload["seq"], p.payload["text"], p.vector)
                for p in points
                if p.payload
            ],
            wanted,
        )
        year = models.FieldCondition(key="meta.year", range=models.Range(gt=2003))
        vector = wanted[min(wanted)][3]
        found = client.query_points(
            "help", query=vector.tolist(), query_filter=models.Filter(must=[year]), limit=5
        ).points
    finally:
        client.close()
    assert all(p.payload and p.payload["meta"]["year"] > 2003 for p in found)
    scores = [float(wanted[int(p.id)][3] @ vector) for p in found]
    assert [p.score for p in found] == pytest.approx(scores)


def unescape(cell: str) -> str | None:
    """A cell of COPY's text format, as PostgreSQL's documentation has it."""
    if cell == "\\N":
        return None
    marks = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
    out, at = [], 0
    while at < len(cell):
        if cell[at] == "\\":
            at += 1
            out.append(marks.get(cell[at], cell[at]))
        else:
            out.append(cell[at])
        at += 1
    return "".join(out)


def test_pgvector_gets_copys_text_format(source: Shell, wanted: dict[int, Any]) -> None:
    """PostgreSQL itself comes with no package of the registry: its format is read as documented."""
    assert source("export", "pgvector", "p.sql", "--table", "help").code == 0
    script = (source.folder / "p.sql").read_text("utf-8")
    head, _, rest = script.partition("FROM STDIN;\n")
    body, _, end = rest.partition("\n\\.\n")
    assert '"vector" vector(48)' in head
    assert end.endswith("COMMIT;\n")
    names = [n.strip(' "') for n in head.rpartition("(")[2].rstrip(") ").split(",")]
    rows = [
        dict(zip(names, map(unescape, line.split("\t")), strict=True)) for line in body.split("\n")
    ]
    same(
        [
            (int(r["row"]), r["document"], int(r["seq"]), r["text"], json.loads(r["vector"]))
            for r in rows
            if r["row"] and r["seq"] and r["vector"]
        ],
        wanted,
    )
    by_id = {r["document"]: r for r in rows}
    assert by_id["d9"]["m_tags"] == '{"red","tag 4"}'
    assert (by_id["d9"]["m_open"], by_id["d0"]["m_open"]) == ("t", None)
    assert json.loads(by_id["d1"]["meta"] or "")["note"] == 'a "b" \\ 1%_'


def test_files_are_replaced_whole_or_not_at_all(
    source: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write("kept.parquet", "old")
    refused = source("export", "parquet", "kept.parquet")
    assert (refused.code, "--force" in refused.err) == (2, True)

    def stopped(*_: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("qembed.pipeline.export.write_passages.field_values", stopped)
        done = source("export", "parquet", "kept.parquet", "--force")
    assert done.code == 130
    assert (source.folder / "kept.parquet").read_text() == "old"
    assert [p.name for p in source.folder.glob(".*tmp")] == []
    assert source("export", "parquet", "kept.parquet", "--force").code == 0
    assert (source.folder / "kept.parquet").stat().st_size > 1000


def test_mistakes_are_named(source: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*args: str, **env: str) -> str:
        done = source("export", *args, **env)
        assert done.code == 2, done
        return done.err

    assert "there is no folder" in said("parquet", "none/p.parquet")
    assert "is a folder" in said("jsonl", "docs")
    assert "letters, digits and _" in said("pgvector", "x.sql", "--table", "a b")
    assert "Qdrant at http://127.0.0.1:9" in said(
        "qdrant", "http://127.0.0.1:9", "--collection", "x", QEMBED_QDRANT_KEY="key-4711"
    )
    secret = said("qdrant", "http://me:pass-4711@host", "--collection", "x")
    assert "QEMBED_QDRANT_KEY" in secret
    assert "pass-4711" not in secret
    for module, args in (
        ("qdrant", ("qdrant", "q", "--collection", "x")),
        ("lancedb", ("lancedb", "l", "--table", "x")),
    ):
        monkeypatch.setattr(f"qembed.engines.{module}.find_spec", lambda _: None)
        assert f"pip install 'qembed-search[{module}]'" in said(*args)


def test_a_file_in_the_place_of_a_database(source: Shell, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for args in (
        ("lancedb", str(file), "--table", "x"),
        ("qdrant", str(file), "--collection", "x"),
    ):
        done = source("export", *args)
        assert done.code == 2, done
        assert str(file) in done.err
