"""Where a passage of a sample stands in its document: by numbers written down, by what holds for all.

Passages of at most five words (as `count` counts them: four and one for the model), so that the small
samples have several.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.corpus import READERS, ReadOptions, read
from qembed.corpus.formats import suffix
from qembed.corpus.readers.registry import read_plain
from qembed.types import Document, SourceFile
from tests.corpus import counts
from tests.corpus.samples import FAMILIES, GERMAN, Sample, samples

pytestmark = pytest.mark.slow

for _module in ("docx", "pptx", "openpyxl", "pypdfium2"):
    pytest.importorskip(_module)
SAMPLES = samples()
READABLE = [s for s in SAMPLES if not isinstance(s.documents, str)]
PLAIN = sorted(s for s, reader in READERS.items() if reader is read_plain)
WORDS = counts.chunker("words", 5)

Place = tuple[int, int, int, int, str]
"""start, end (characters of the document's text), first and last line, text"""

SENTENCES: list[Place] = [
    (0, 15, 1, 1, "Das Café an der"),
    (16, 45, 1, 1, "Straße ist heute geschlossen,"),
    (46, 69, 1, 1, "weil der Besitzer krank"),
    (70, 86, 1, 1, "ist. Bis Montag!"),
]
PLACES: dict[str, list[Place]] = {
    "a.txt": [(0, 11, 1, 2, "plain\r\ntext")],
    "bom.txt": [(0, 11, 1, 1, "with a mark")],
    "wide.txt": [(0, 11, 1, 1, "breit: ä 你好")],
    "latin.txt": SENTENCES,
    "latin.csv": SENTENCES,
    "a.md": [(0, 11, 1, 3, "# One\n\ntext")],
    "front.md": [
        (0, 3, 1, 1, "---"),
        (4, 16, 2, 2, "title: Front"),
        (17, 29, 3, 3, "tags: [a, b]"),
        (30, 50, 4, 5, "date: 2026-01-02\n---"),
        (51, 61, 6, 6, "no heading"),
    ],
    "c.markdown": [(0, 19, 1, 4, "Setext\n======\n\ntext")],
    "over.rst": [(0, 16, 1, 3, "=====\n  Up\n====="), (18, 27, 5, 6, "Next\n----")],
    "a.html": [
        (0, 6, 1, 1, "# Head"),
        (8, 21, 3, 4, "one two\nthree"),
        (23, 36, 6, 9, "```\nx\n  y\n```"),
    ],
    "b.htm": [
        (0, 7, 1, 1, "## Only"),
        (9, 16, 3, 4, "- a\n- b"),
        (18, 23, 6, 6, "<i> é"),
    ],
    "a.xml": [(0, 11, 1, 1, "# Sea & Sky"), (13, 24, 3, 5, "12\n\nAnn Lee")],
    "c.xhtml": [(0, 10, 1, 4, "### H\n\na\nb")],
    "t.html": [
        (0, 3, 1, 1, "# T"),
        (5, 10, 3, 3, "k | v"),
        (11, 16, 4, 4, "1 | 2"),
    ],
    "a.ipynb": [
        (0, 9, 1, 1, "# A study"),
        (10, 22, 2, 2, "Of *things*."),
        (24, 46, 4, 6, "```python\nprint(1)\n```"),
    ],
    "a.eml": [(0, 14, 1, 2, "See you\nthere.")],
    "b.mbox": [(0, 5, 1, 1, "first")],
    "html.eml": [(0, 17, 1, 3, "# News\n\nAll well.")],
    "a.srt": [(0, 17, 1, 2, "Hello there.\nBye.")],
    "b.vtt": [(0, 12, 1, 1, "Über & unter")],
    "a.py": [(0, 21, 1, 2, "def f():\n    return 1")],
    "settings.json": [(0, 11, 1, 2, "{\n  // said"), (14, 22, 3, 4, '"a": 1\n}')],
    "a.csv": [
        (0, 18, 1, 2, "name: tea\nprice: 3"),
        (0, 10, 1, 1, "name: a, b"),
        (11, 19, 2, 2, "price: 4"),
    ],
    "a.tsv": [(0, 3, 1, 1, "x\ty"), (0, 1, 1, 1, "z")],
    "a.json": [(0, 3, 1, 1, "one"), (0, 3, 1, 1, "two")],
    "a.jsonl": [(0, 3, 1, 1, "one"), (0, 3, 1, 1, "two")],
    "b.parquet": [(0, 9, 1, 2, "k: v\nn: 1")],
    "a.md.zst": [(0, 8, 1, 1, "# Packed")],
    "a.txt.gz": [(0, 11, 1, 1, "packed text")],
    "a.pdf": [(0, 10, 1, 1, "First page"), (0, 11, 1, 1, "Second page")],
    "a.docx": [
        (0, 7, 1, 1, "# Guide"),
        (9, 18, 3, 3, "# Refunds"),
        (20, 37, 5, 5, "Money comes back."),
        (39, 46, 7, 7, "- first"),
        (48, 53, 9, 9, "k | v"),
    ],
    "a.pptx": [(0, 14, 1, 3, "## Plan\n\nFirst"), (16, 28, 5, 7, "## End\n\nLast")],
    "a.xlsx": [(0, 12, 1, 1, "item | price"), (13, 20, 2, 2, "tea | 3")],
    "b.svg": [(0, 3, 1, 1, "one")],
    "half.fas": [(0, 2, 1, 1, "MK")],
    "c.fq": [(0, 2, 1, 1, "AC")],
    "b.smi": [(0, 3, 1, 1, "CCO")],
    "c.bench": [(0, 12, 1, 1, "INPUT NOT -1")],
    "b.vg": [(0, 12, 1, 1, "INPUT NOT -1")],
    "a.epub": [(0, 16, 1, 3, "# One\n\nIt began."), (0, 4, 1, 1, "End.")],
}
"""Of each format; a document after the other where a file has several."""

LINES: dict[str, list[int]] = {
    "a.csv": [2, 4],
    "r.csv": [2],
    "a.tsv": [2, 3],
    "c.csv.gz": [2],
    "a.jsonl": [1, 2],
    "c.ndjson": [2, 4],
    "r.jsonl.zst": [1],
    "a.fasta": [2, 6],
    "a.fastq": [1, 7],
    "a.smi": [2, 4],
    "a.v": [2, 7],
}
"""Where in its file a record stands."""


def documents(folder: Path, sample: Sample) -> list[Document]:
    path = folder / sample.name
    path.write_bytes(sample.data)
    found = list(read(SourceFile("s", sample.name, str(path), len(sample.data), 1), ReadOptions()))
    assert sum(not isinstance(d, Document) for d in found) == len(sample.others), found
    return [d for d in found if isinstance(d, Document)]


def by_name(name: str) -> Sample:
    (found,) = (s for s in SAMPLES if s.name == name)
    return found


@pytest.mark.parametrize("name", PLACES)
def test_places(tmp_path: Path, name: str) -> None:
    found = [p for d in documents(tmp_path, by_name(name)) for p in WORDS.split(d)]
    assert [(p.start, p.end, p.line, p.end_line, p.text) for p in found] == PLACES[name]


def test_each_reader_s_passages_are_written_down() -> None:
    tried = {READERS[suffix(name)] for name in PLACES}
    assert tried == set(READERS.values())


@pytest.mark.parametrize("name", LINES)
def test_lines_of_records(tmp_path: Path, name: str) -> None:
    assert [d.line for d in documents(tmp_path, by_name(name))] == LINES[name]


@pytest.mark.parametrize("kind", ["words", "chars", "minilm"])
def test_what_holds_for_all(tmp_path: Path, kind: counts.Kind) -> None:
    """Exact offsets and lines, all of the text in one passage or another, wherever it is cut."""
    cut = counts.chunker(kind, {"words": 4, "chars": 12, "minilm": 8}[kind])
    passages = 0
    for sample in READABLE:
        for document in documents(tmp_path, sample):
            found = cut.split(document)
            counts.check(document, found, kind)
            passages += len(found)
    assert passages > 1.5 * len(READABLE)


def test_a_file_s_own_lines(tmp_path: Path) -> None:
    """Where the text is the file's, a passage's lines are those an editor shows."""
    own = 0
    for sample in READABLE:
        for document in documents(tmp_path, sample):
            if document.text.encode() != sample.data:
                continue
            own += 1
            shown = sample.data.decode().split("\n")
            for p in WORDS.split(document):
                assert p.text.split("\n")[0] in shown[p.line - 1]
                assert p.text.split("\n")[-1] in shown[p.end_line - 1]
    assert own >= 15


@pytest.mark.parametrize("ending", PLAIN)
def test_two_of_each_plain_suffix(tmp_path: Path, ending: str) -> None:
    """Prose, code and settings: the text is the file's, to the byte; so it is in an encoding of before."""
    text = "\n\n# ein Kommentar: Größe\r\nx = 1\t\n\n\n"
    for name, data, wanted in (
        (f"a{ending}", text.encode(), text),
        (f"B{ending.upper()}", GERMAN.encode("cp1252"), GERMAN),
    ):
        others = ("read as cp1252",) if wanted == GERMAN else ()
        (found,) = documents(tmp_path, Sample(name, data, [], others))
        assert (found.id, found.text, found.title) == (name, wanted, "")
        assert ("encoding" in found.meta) == (wanted == GERMAN)
        counts.check(found, WORDS.split(found), "words")


def test_two_of_each_suffix_that_are_read() -> None:
    count = dict.fromkeys(READERS.keys() - set(PLAIN), 0)
    family = {kind: kinds for kinds in FAMILIES for kind in kinds}
    for sample in READABLE:
        kind = suffix(sample.name)
        for other in family.get(kind, (kind,)):
            if other in count:
                count[other] += 1
    assert {kind for kind, n in count.items() if n < 2} == set()
    assert len(READABLE) >= 60
