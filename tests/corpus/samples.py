"""Two or more small files of each format, made here, with what has to come out of them."""

from __future__ import annotations

import gzip
import json
from typing import Any

from tests.corpus.made import docx, epub, parquet, pdf, pptx, xlsx, zstd
from tests.corpus.office_samples import (
    RICH_DOCX,
    RICH_PPTX,
    RICH_XLSX,
    rich_docx,
    rich_epub,
    rich_pptx,
    rich_xlsx,
)
from tests.corpus.sample import Sample, one, same
from tests.corpus.sequence_samples import sequence_samples
from tests.corpus.text_samples import GERMAN, text_samples

FAMILIES = (
    (".md", ".markdown", ".mdx", ".qmd", ".rmd"),
    (".html", ".htm"),
    (".xhtml", ".xht"),
    (".xml", ".rss", ".atom", ".dita", ".dbk", ".tei", ".fb2"),
    (".jsonl", ".ndjson"),
    (".srt", ".vtt"),
    (".docx", ".docm", ".dotx", ".dotm"),
    (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
    (".xlsx", ".xlsm", ".xltx", ".xltm"),
    (".fasta", ".fa", ".faa", ".fas", ".fna", ".ffn", ".frn", ".mpfa"),
    (".fastq", ".fq"),
    (".gb", ".gbk", ".genbank", ".gbff"),
    (".cif", ".mmcif"),
    (".smi", ".smiles"),
    (".v", ".vg"),
)
"""Suffixes of one format: the samples of any of them are samples of all."""


RECORDS = [{"_id": "r1", "text": "one", "title": "T", "n": 3}, {"text": "two"}]


def samples() -> list[Sample]:
    """All of them."""
    sequences = [Sample(*sample) for sample in sequence_samples()]
    return [*text_samples(), *table_samples(), *packed_samples(), *office_samples(), *sequences]


def table_samples() -> list[Sample]:
    records = [("r1", "one", "T", {"n": 3}), ("#2", "two", "", {})]
    return [
        Sample(
            "a.csv", b"name,price\ntea,3\n\n\"a, b\",4\n",
            [
                ("#2", "name: tea\nprice: 3", "", {"name": "tea", "price": 3}),
                ("#4", "name: a, b\nprice: 4", "", {"name": "a, b", "price": 4}),
            ],
        ),
        Sample("r.csv", b"id;title;text\n7;T;one\n", [("7", "one", "T", {})]),
        Sample("latin.csv", f"text\tn\n{GERMAN}\t1\n".encode("cp1252"),
               [("#2", GERMAN, "", {"n": 1})], ("read as cp1252",)),
        Sample("wide.csv", b"a,b\n1,2,3\n", "3 fields where there are 2 columns"),
        Sample("twice.csv", b"a,a,\n1,2,\n", [("#2", "a: 1\na_2: 2", "", {"a": 1, "a_2": 2})]),
        Sample("sep.csv", b"sep=|\nk|text\n1|a,b\n", [("#3", "a,b", "", {"k": 1})]),
        Sample("a.tsv", b"text\tn\n\"x\ty\"\t1\nz\t2\n",
               [("#2", "x\ty", "", {"n": 1}), ("#3", "z", "", {"n": 2})]),
        Sample("b.tsv", "﻿_id\ttext\nq\tü\n".encode(), [("q", "ü", "", {})]),
        Sample("a.json", json.dumps(RECORDS).encode(), records),
        Sample("r.json", b'{"text": "one", "title": "T"}', [("", "one", "T", {})]),
        same("plain.json", '{"name": "x", "version": [1]}'),
        same("settings.json", '{\n  // said\n  "a": 1\n}'),
        Sample("bad.json", b'[{"text": ', "not JSON"),
        Sample("deep.json", b"[" * 100_000, "nested too deeply"),
        Sample("a.jsonl", b'{"_id":"r1","text":"one","title":"T","n":3}\n{"text":"two"}\n', records),
        Sample("b.ndjson", b'{"id": 5, "text": "five"}', [("5", "five", "", {})]),
        Sample("c.ndjson", b'\n{"_id": "x", "text": "a"}\n\n{"text": "b", "k": [1]}\n',
               [("x", "a", "", {}), ("#4", "b", "", {"k": [1]})]),
        Sample("a.parquet", parquet([{"_id": "r1", "text": "one", "title": "T", "n": 3}]), records[:1]),
        Sample("b.parquet", parquet([{"k": "v", "n": 1}]), [("#1", "k: v\nn: 1", "", {"k": "v", "n": 1})]),
        Sample("nan.parquet", parquet([{"text": "x", "n": float("nan")}, {"text": "y", "n": 0.5}]),
               [("#1", "x", "", {"n": None}), ("#2", "y", "", {"n": 0.5})]),
        Sample("inf.parquet", parquet([{"text": "x", "n": float("-inf")}]), [("#1", "x", "", {"n": None})],
               ("-Infinity is no number",)),
        Sample("lines.json", b'{"text": "one"}\n{"text": "two"}\n',
               [("#1", "one", "", {}), ("#2", "two", "", {})]),
        Sample("bad.parquet", b"PAR1 no", "not Parquet"),
    ]  # fmt: skip


def packed_samples() -> list[Sample]:
    lines = b'{"_id": "p", "text": "packed"}\n'
    return [
        one("a.txt.gz", gzip.compress(b"packed text"), "packed text"),
        one("a.md.zst", zstd(b"# Packed\n"), "# Packed\n", "Packed"),
        Sample("r.jsonl.gz", gzip.compress(lines), [("p", "packed", "", {})]),
        Sample("r.jsonl.zst", zstd(lines), [("p", "packed", "", {})]),
        Sample("c.csv.gz", gzip.compress(b"text\nx\n"), [("#2", "x", "", {})]),
        Sample("bad.txt.gz", b"no gzip", "cannot be unpacked"),
        Sample("cut.txt.gz", gzip.compress(b"x" * 1000)[:-9], "cannot be unpacked"),
        Sample("bad.md.zst", b"no zstd", "cannot be unpacked"),
    ]


def office_samples() -> list[Sample]:
    def guide(d: Any) -> None:
        d.add_heading("Guide", 0)
        d.add_heading("Refunds", 1)
        d.add_paragraph("Money comes back.")
        d.add_paragraph("first", style="List Bullet")
        table = d.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "k", "v"

    return [
        Sample("a.pdf", pdf(["First page", "Second page"], "The report"), [
            ("#page=1", "First page", "The report", {"page": 1}),
            ("#page=2", "Second page", "The report", {"page": 2}),
        ]),
        Sample("gap.pdf", pdf(["One", "", "Three"]), [
            ("#page=1", "One", "", {"page": 1}), ("#page=3", "Three", "", {"page": 3}),
        ]),
        Sample("scan.pdf", pdf([""]), "no text in it"),
        Sample("bad.pdf", b"%PDF-1.4 no", "not PDF that can be read"),
        one("a.docx", docx(guide), "# Guide\n\n# Refunds\n\nMoney comes back.\n\n- first\n\nk | v",
            "Guide", {"author": "Ann"}),
        one("b.docx", docx(lambda d: d.add_paragraph("Only words.")), "Only words.", "", {"author": "Ann"}),
        Sample("bad.docx", b"PK no", "not DOCX that can be read"),
        one("a.pptx", pptx([("Plan", "First"), ("End", "Last")]),
            "## Plan\n\nFirst\n\n## End\n\nLast", "Plan", {"slides": 2}),
        one("b.pptx", pptx([("", "No title")]), "## Slide 1\n\nNo title", "", {"slides": 1}),
        Sample("a.xlsx", xlsx({"Prices": [["item", "price"], ["tea", 3]], "Void": []}),
               [("#sheet=Prices", "item | price\ntea | 3", "Prices", {"sheet": "Prices"})]),
        Sample("b.xlsx", xlsx({"A": [["x"]], "B": [[None, 2.5]]}),
               [("#sheet=A", "x", "A", {"sheet": "A"}), ("#sheet=B", " | 2.5", "B", {"sheet": "B"})]),
        Sample("a.epub", epub("A &amp; B", {"1.xhtml": "<h1>One</h1><p>It began.", "2.xhtml": "<p>End."}), [
            ("#chapter=1", "# One\n\nIt began.", "A & B", {"chapter": 1}),
            ("#chapter=2", "End.", "A & B", {"chapter": 2}),
        ]),
        Sample("out.epub", epub("T", {"../../../etc/passwd": "", "1.xhtml": "<p>in"}),
               [("#chapter=2", "in", "T", {"chapter": 2})], ("chapter 1 (etc/passwd): not in the archive",)),
        Sample("bad.epub", b"PK no", "not EPUB that can be read"),
        Sample("locked.docx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "encrypted with a password"),
        Sample("rich.docx", rich_docx(), [("", RICH_DOCX, "Guide", {})], ("picture: a map",)),
        Sample("rich.pptx", rich_pptx(), [("", RICH_PPTX, "Plan", {"slides": 2})], ("picture: a map",)),
        Sample("rich.xlsx", rich_xlsx(), [("#sheet=S1", RICH_XLSX, "S1", {"sheet": "S1"})],
               ("hidden sheet: S2",)),
        Sample("rich.epub", rich_epub(),
               [("#chapter=2", "# One\n\nCafé[1]\n\nA note", "Book", {"chapter": 2})],
               ("picture: a map",)),
        Sample("empty.epub", epub("T", {"1.xhtml": ""}), "no text in it"),
    ]  # fmt: skip
