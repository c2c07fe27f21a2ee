"""Every sample gives its documents or its error; passages of them have exact offsets and lines."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from qembed.corpus import READERS, Chunker, ReadOptions, read
from qembed.corpus.formats import suffix
from qembed.corpus.readers import sandbox
from qembed.corpus.readers.registry import read_plain
from qembed.corpus.readers.sandbox_formats import FORMATS
from qembed.types import Document, ReadItem, Skipped, SourceFile, Unreadable
from tests.corpus.samples import FAMILIES, Sample, samples

for _module in ("docx", "pptx", "openpyxl", "pypdfium2"):
    pytest.importorskip(_module)
SAMPLES = samples()


def reading(folder: Path, sample: Sample) -> list[ReadItem]:
    path = folder / sample.name
    path.write_bytes(sample.data)
    file = SourceFile("s", f"in/{sample.name}", str(path), len(sample.data), 1)
    return list(read(file, ReadOptions()))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.name)
@pytest.mark.slow
def test_sample(tmp_path: Path, sample: Sample) -> None:
    found = reading(tmp_path, sample)
    if isinstance(sample.documents, str):
        (problem,) = found
        assert isinstance(problem, Unreadable)
        assert sample.documents in problem.error
        assert problem.path == str(tmp_path / sample.name)
        assert isinstance(problem, Skipped) == (sample.name in ("binary.txt", "c.svg"))
        return
    base = f"in/{sample.name}"
    wanted = [
        (base + end if not end or end[0] == "#" else end, text, title, meta)
        for end, text, title, meta in sample.documents
    ]
    assert [
        (d.id, d.text, d.title, dict(d.meta)) for d in found if isinstance(d, Document)
    ] == wanted
    others = [str(item) for item in found if not isinstance(item, Document)]
    assert len(others) == len(sample.others), others
    assert all(words in item for words, item in zip(sample.others, others, strict=True))


def test_two_of_each_format() -> None:
    assert len(SAMPLES) >= 60
    count = Counter(suffix(s.name) for s in SAMPLES)
    plain = [s for s, reader in READERS.items() if reader is read_plain]
    assert sum(count[s] for s in plain) >= 6
    several = {s: sum(count[x] for x in f) for f in FAMILIES for s in f}
    for kind in READERS.keys() - set(plain):
        assert several.get(kind, count[kind]) >= 2, kind


@pytest.mark.parametrize(
    "kind",
    [
        "a.txt",
        "a.md",
        "a.html",
        "a.ipynb",
        pytest.param("a.docx", marks=pytest.mark.slow),
        "a.pptx",
        "gb.txt",
    ],
)
def test_offsets_and_lines(tmp_path: Path, kind: str) -> None:
    (sample,) = (s for s in SAMPLES if s.name == kind)
    cut = Chunker(
        kind="auto", max_tokens=4, overlap=0, count=lambda t: len(re.findall(r"\w", t)) // 4
    )
    for document in reading(tmp_path, sample):
        assert isinstance(document, Document)
        passages = cut.split(document)
        assert passages
        for p in passages:
            assert p.text == document.text[p.start : p.end]
            assert p.line == document.text.count("\n", 0, p.start) + 1
            assert p.end_line == document.text.count("\n", 0, p.end - 1) + 1


def test_the_sandbox_knows_what_is_sent_to_it() -> None:
    assert set(FORMATS) == {
        suffix for suffix, reader in READERS.items() if reader is sandbox.read_office
    }


def test_without_the_extra_it_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find_spec", lambda _: None)
    for sample in SAMPLES:
        if suffix(sample.name) in (".pdf", ".docx", ".pptx", ".xlsx"):
            (found,) = reading(tmp_path, sample)
            assert isinstance(found, Skipped)
            assert found.keep
            assert "pip install 'qembed-search[office]'" in found.error
