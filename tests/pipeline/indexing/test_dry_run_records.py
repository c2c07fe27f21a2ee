"""Estimates of a dry run for files that it reads in part: a run over all of it is the oracle."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qembed.corpus.readers import large_text
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import Estimate, IndexSummary
from qembed.pipeline.recipe import RecipeOptions

BAG = RecipeOptions(model="py:tests.encoders:bag", max_tokens=16, overlap=0)
RECORDS = 2000


def aside(n: int) -> str:
    """What a record has beside its text; it does not pack well."""
    return hashlib.sha512(str(n).encode()).hexdigest() * 2


def text(n: int) -> str:
    return " ".join(f"word{(n * k) % 97}" for k in range(1, 4 + n * 7 % 23))


def rows() -> list[dict[str, Any]]:
    return [{"_id": str(n), "text": text(n), "html": aside(n)} for n in range(RECORDS)]


def lines() -> str:
    return "".join(json.dumps(row) + "\n" for row in rows())


def table() -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ["_id", "text", "html"])
    writer.writeheader()
    writer.writerows(rows())
    return stream.getvalue().encode()


def parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows()), stream)
    return stream.getvalue()


def feed() -> bytes:
    items = "".join(
        f"<item><title>t{n}</title><link>{aside(n)}</link><description>{text(n)}</description></item>"
        for n in range(RECORDS)
    )
    return f"<rss><channel>{items}</channel></rss>".encode()


def mailbox() -> bytes:
    mail = "From a@b.c Mon Jan  1 00:00:00 2024\nFrom: a@b.c\nSubject: s{}\nX-Aside: {}\n\n{}\n\n"
    return "".join(mail.format(n, aside(n), text(n)) for n in range(RECORDS)).encode()


def zstd(data: bytes) -> bytes:
    import pyarrow as pa

    packed = pa.compress(data, "zstd", asbytes=True)
    assert isinstance(packed, bytes)
    return packed


def paragraphs(many: int = 1) -> str:
    return "".join(f"{text(n)} {aside(n)[:40]}\n\n" for n in range(many * RECORDS))


FILES: dict[str, Callable[[], bytes]] = {
    "r.jsonl": lambda: lines().encode(),
    "r.jsonl.gz": lambda: gzip.compress(lines().encode()),
    "wide.jsonl": lambda: lines().encode("utf-16"),
    "list.json": lambda: json.dumps(rows()).encode(),
    "list.jsonl": lambda: json.dumps(rows(), indent=1).encode(),
    "r.jsonl.zst": lambda: zstd(lines().encode()),
    "r.csv": table,
    "r.csv.gz": lambda: gzip.compress(table()),
    "r.parquet": parquet,
    "r.xml": feed,
    "r.mbox": mailbox,
    "r.log": lambda: paragraphs().encode(),
    "r.log.gz": lambda: gzip.compress(paragraphs(5).encode()),
    "greek.log": lambda: paragraphs().replace("word", "λέξη").encode(),
}


def plan(docs: Path, **options: Any) -> tuple[IndexSummary, Estimate]:
    asked = IndexOptions(paths=[str(docs)], recipe=BAG, dry_run=True, **options)
    done = build(docs.parent / "idx", asked)
    assert done.estimate is not None
    return done, done.estimate


def tick(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let each look at the clock take so long."""
    ticks = iter(range(10**9))
    monkeypatch.setattr(
        "qembed.pipeline.indexing.encoding.measurement.time.perf_counter",
        lambda: next(ticks) * seconds,
    )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.slow
def test_a_part_of_a_file_tells_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_text = ".log" in name
    if is_text:
        monkeypatch.setattr(large_text, "MAX_WHOLE_BYTES", 1 << 14)
        monkeypatch.setattr(large_text, "PART_BYTES", 1 << 12)
        monkeypatch.setattr(large_text, "BLOCK_BYTES", 1 << 13)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / name).write_bytes(FILES[name]())
    whole, exact = plan(docs)
    assert exact.is_exact
    tick(monkeypatch, {"r.log": 0.2, "greek.log": 0.2, "r.log.gz": 0.05}.get(name, 0.01))
    part, estimate = plan(docs, detail=True)
    assert not estimate.is_exact
    assert part.details[0].documents < whole.documents["added"] / 2
    tolerance = 0.4 if name.endswith(".zst") else 0.15  # its decoder reads 64 KiB ahead
    assert estimate.passages == pytest.approx(exact.passages, rel=tolerance)
    assert part.documents["added"] == pytest.approx(whole.documents["added"], rel=tolerance)


@pytest.mark.slow
def test_each_kind_counts_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(250):
        (docs / f"{n}.md").write_text(f"# Page {n}\n\n" + " ".join(f"{text(k)}." for k in range(9)))
    (docs / "r.jsonl").write_text(lines())
    whole, exact = plan(docs)
    assert (exact.is_exact, whole.documents["added"]) == (True, 250 + RECORDS)
    tick(monkeypatch, 0.02)
    part, estimate = plan(docs, detail=True)
    assert 50 < estimate.measured < 251, "the small ones first, and one of each kind"
    assert part.documents["added"] == pytest.approx(250 + RECORDS, rel=0.15)
    assert estimate.passages == pytest.approx(exact.passages, rel=0.15)


def test_a_large_file_leaves_time_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.jsonl").write_text(lines())
    (docs / "b.jsonl").write_text("".join(f'{{"text": "{text(n)}"}}\n' for n in range(9 * RECORDS)))
    tick(monkeypatch, 0.005)
    part, estimate = plan(docs)
    assert estimate.measured == 2
    assert part.documents["added"] == pytest.approx(10 * RECORDS, rel=0.15)


def test_types_of_a_long_table_are_not_guessed_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    cells = [*map(str, range(300)), "none of them", *map(str, range(300))]
    (docs / "t.csv").write_text("n\n" + "\n".join(cells))
    done, estimate = plan(docs, detail=True)
    assert "makes text of its 600 numbers" in done.details[0].problems[0]
    monkeypatch.setattr("qembed.corpus.readers.tables.column_types.SAMPLE_ROWS", 200)
    part, other = plan(docs, detail=True)
    assert part.details[0].problems == []
    assert other.passages == estimate.passages
