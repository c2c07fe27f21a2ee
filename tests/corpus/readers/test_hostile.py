"""Files made to hurt: each costs itself and nothing else."""

from __future__ import annotations

import gzip
import io
import os
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.corpus import ReadOptions, file_contents, read
from qembed.corpus.readers import sandbox
from qembed.corpus.readers.sandbox import ReaderFailed, ReaderProcess
from qembed.types import Document, SourceFile, Unreadable
from tests.corpus import fuzz
from tests.corpus.samples import pdf

pytestmark = pytest.mark.slow

pytest.importorskip("docx")


def reading(path: Path, data: bytes | None = None) -> list[Document | Unreadable]:
    if data is not None:
        path.write_bytes(data)
    return list(read(SourceFile("s", path.name, str(path), path.stat().st_size, 1), ReadOptions()))


def error(found: list[Document | Unreadable]) -> str:
    (problem,) = found
    assert isinstance(problem, Unreadable), problem
    return problem.error


def test_mutated_files() -> None:
    assert fuzz.lacking() == []
    formats: dict[str, fuzz.Format] = {}
    found = fuzz.run(500, seed=1, until=time.monotonic() + 60, formats=formats)
    assert fuzz.unread(formats) == []
    assert found["read"] > 30
    assert found["refused"] > 30


def test_an_index_of_mutated_files(tmp_path: Path) -> None:
    found = fuzz.index(tmp_path / "fuzz", 160, seed=2)
    assert found["indexed"] > 30
    assert found["failed"] > 30


def test_a_file_that_takes_too_long_ends_the_fuzzing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> Iterator[Document]:
        while True:
            time.sleep(0.01)
            yield Document("a", "text")

    monkeypatch.setattr(fuzz, "SECONDS", 0.2)
    monkeypatch.setattr(fuzz, "read", slow)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(AssertionError, match=r"a\.txt: took longer than 0\.2 s"):
        fuzz.check(tmp_path / "a.txt")


def test_front_matter_of_brackets_in_brackets(tmp_path: Path) -> None:
    """PyYAML would take minutes."""
    text = "---\na: " + "[" * 20_000 + "\n---\n# Title\n"
    began = time.process_time()
    (found,) = reading(tmp_path / "a.md", text.encode())
    assert isinstance(found, Document)
    assert (found.title, found.text, found.meta) == ("Title", text, {"a": "[" * 20_000})
    assert time.process_time() - began < 2
    (found,) = reading(tmp_path / "b.md", b"---\na: [[1, {b: [2]}], ']]']\n---\n")
    assert isinstance(found, Document)
    assert found.meta == {"a": [[1, {"b": [2]}], "]]"]}


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_decompression_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: str) -> None:
    monkeypatch.setattr(file_contents, "MAX_FILE", 1024**2)
    raw = b"x" * 20_000_000
    import pyarrow as pa

    data = gzip.compress(raw, 1) if pack == "gz" else pa.Codec("zstd").compress(raw, asbytes=True)
    for name in (f"a.txt.{pack}", f"a.jsonl.{pack}"):
        tracemalloc.start()
        reason = error(reading(tmp_path / name, data))
        assert "bomb" in reason or "too large for one document" in reason
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["docx", "pptx", "xlsx", "epub"])
def test_archives_that_unpack_to_too_much(tmp_path: Path, suffix: str) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as z, z.open("x.xml", "w") as out:
        for _ in range(130):
            out.write(bytes(1024**2))
    assert "decompression bomb" in error(reading(tmp_path / f"a.{suffix}", sink.getvalue()))


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "' + b"ha" * 50 + b'">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 30) for i in range(8))
    + b']><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    b"<w:body><w:p><w:r><w:t>&i;</w:t></w:r></w:p></w:body></w:document>"
)  # fmt: skip


def test_billion_laughs(tmp_path: Path) -> None:
    from docx import Document as Word

    sink, out = io.BytesIO(), io.BytesIO()
    Word().save(sink)
    with zipfile.ZipFile(sink) as old, zipfile.ZipFile(out, "w") as new:
        for item in old.namelist():
            new.writestr(item, LAUGHS if item == "word/document.xml" else old.read(item))
    for found in reading(tmp_path / "a.docx", out.getvalue()):
        assert isinstance(found, Unreadable) or len(found.text) < 10_000
    assert len(reading(tmp_path / "after.pdf", pdf(["still here"]))) == 1


def test_a_secret_file_is_not_pulled_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    body = f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{secret}">]><html><body>&s;<p>ok</body></html>'
    (found,) = reading(tmp_path / "a.xhtml", body.encode())
    assert isinstance(found, Document)
    assert "hunter2" not in found.text


class TestWorker:
    def test_slow_files_end_and_the_next_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = ReaderProcess()
        try:
            with pytest.raises(ReaderFailed, match=r"took longer than 0\.001 s"):
                one.convert(".pdf", pdf(["x"] * 200), seconds=0.001)
            assert len(one.convert(".pdf", pdf(["x"]))) == 1
        finally:
            one.close()

    def test_memory_is_limited(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sandbox, "MEMORY", 300 * 1024**2)
        one = ReaderProcess()
        try:
            with pytest.raises(ReaderFailed):
                one.convert(".pdf", b"%PDF" + bytes(290 * 1024**2))
            assert len(one.convert(".pdf", pdf(["x"]))) == 1
        finally:
            one.close()

    def test_one_that_died_is_replaced(self) -> None:
        one = ReaderProcess()
        try:
            one.convert(".pdf", pdf(["x"]))
            assert one._process is not None
            one._process.kill()
            one._process.wait()
            with pytest.raises(ReaderFailed, match="crashed"):
                one.convert(".pdf", pdf(["x"]))
            assert len(one.convert(".pdf", pdf(["x"]))) == 1
        finally:
            one.close()


def test_a_file_that_became_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("a.txt", "a.jsonl", "a.csv", "a.pdf", "a.parquet"):
        os.mkfifo(tmp_path / name)
        assert "not a regular file" in error(reading(tmp_path / name))


def test_names_in_records_are_data(tmp_path: Path) -> None:
    lines = b'{"_id": "../../etc/passwd", "text": "a"}\n{"_id": "a\\nb\\u001b[2J", "text": "b"}\n'
    found = reading(tmp_path / "a.jsonl", lines)
    assert [d.id for d in found if isinstance(d, Document)] == ["../../etc/passwd", "a\nb\x1b[2J"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.jsonl.gz"])
def test_long_files_stream(tmp_path: Path, name: str) -> None:
    line = b'{"text": "' + b"word " * 200 + b'"}\n' if "jsonl" in name else b"word " * 200 + b",1\n"
    data = b"" if "jsonl" in name else b"text,n\n"
    data += line * 30_000
    (tmp_path / name).write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    size = len(data)
    del data
    file = SourceFile("s", name, str(tmp_path / name), size, 1)
    tracemalloc.start()
    count = sum(isinstance(d, Document) for d in read(file, ReadOptions()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 30_000
    assert peak < 4 * 1024**2 < size
