"""Tables stay whole where they fit, and are cut only between rows where they do not.

The rows are known from how a text was made, never from the code that looks for them.
"""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qembed.corpus import Chunker, ReadOptions, read
from qembed.corpus.chunking import text_splitter
from qembed.corpus.chunking.table_splitter import mended, tables
from qembed.types import Document, Passage, SourceFile
from tests.corpus.counts import COUNTS, Kind, check, chunker, prose
from tests.corpus.samples import docx, xlsx

CHINESE = "我们会在五个工作日内退款。「请保留快递单号」，以便查询包裹的状态！"

Rows: TypeAlias = list[tuple[int, int]]
"""[start, end) of a text, without line ends."""


def composed(blocks: list[str | list[str]]) -> tuple[str, list[Rows]]:
    """Blocks with empty lines between them; a list is a table's rows."""
    text, found = "", []
    for block in blocks:
        text += "\n\n" if text else ""
        if isinstance(block, str):
            text += block
            continue
        rows = []
        for row in block:
            rows.append((len(text), len(text) + len(row)))
            text += row + "\n"
        text = text.rstrip("\n")
        found.append(rows)
    return text, found


def pipes(n: int) -> list[str]:
    rows = [f"| tea {i} | milk and sugar | {i} € |" for i in range(n)]
    return ["| drink | with | price |", "|---|:---:|---:|", *rows]


def split(text: str, kind: Kind = "minilm", most: int = 64, name: str = "a.md") -> list[Passage]:
    document = Document(name, text)
    passages = chunker(kind, most).split(document)
    check(document, passages, kind)
    assert all(COUNTS[kind](p.text) <= most for p in passages)
    return passages


def holds(passages: list[Passage], start: int, end: int) -> bool:
    return any(p.start <= start and end <= p.end for p in passages)


def assert_kept(
    text: str, found: list[Rows], passages: list[Passage], kind: Kind, most: int
) -> None:
    for rows in found:
        start, end = rows[0][0], rows[-1][1]
        if COUNTS[kind](text[start:end]) <= most:
            assert holds(passages, start, end), text[start:end]
        for a, b in rows:
            if COUNTS[kind](text[a:b]) <= most:
                assert holds(passages, a, b), text[a:b]


# ── what a table is ──────────────────────────────────────────────────────────────────────────────


def found_rows(text: str) -> list[list[str]]:
    return [[text[a:b].rstrip("\n") for a, b in rows] for rows in tables(text)]


def test_a_run_of_lines_with_bars() -> None:
    assert found_rows("x\n| a | b |\n|---|---|\n| 1 | 2 |\ny\n") == [
        ["| a | b |", "|---|---|", "| 1 | 2 |"]
    ]
    assert found_rows("a | b\n1 | 2") == [["a | b", "1 | 2"]]
    assert found_rows("  | a | b\n\t| 1 | 2") == [["  | a | b", "\t| 1 | 2"]]
    assert found_rows("one | line\n\nand words") == []
    assert found_rows("") == found_rows("\n\n") == found_rows("words") == []


def test_an_empty_line_may_follow_the_head_only() -> None:
    assert found_rows("k | v\n\n1 | 2\n3 | 4") == [["k | v", "1 | 2", "3 | 4"]]
    assert found_rows("k | v\n\n1 | 2 | 3\n4 | 5 | 6") == [["1 | 2 | 3", "4 | 5 | 6"]]
    assert found_rows("a | b\nc | d\n\ne | f\ng | h") == [["a | b", "c | d"], ["e | f", "g | h"]]
    assert found_rows("k | v\n\n\n1 | 2\n3 | 4") == [["1 | 2", "3 | 4"]]


# ── where it is cut ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", [0, 60, 150, 240, 400])
@pytest.mark.parametrize("kind", ["english", "chinese"])
def test_a_table_that_fits_is_whole(before: int, kind: str) -> None:
    words = (
        prose(before).replace("\n\n", " ") if kind == "english" else (CHINESE * 9)[: before // 4]
    )
    after = CHINESE if kind == "chinese" else "What stands behind it. " * 9
    text, found = composed([words, pipes(2), after] if before else [pipes(2), after])
    passages = split(text)
    assert_kept(text, found, passages, "minilm", 64)
    assert holds(passages, found[0][0][0], found[0][-1][1])


def test_a_table_that_does_not_fit_is_cut_between_rows_and_filled() -> None:
    text, found = composed(["Before.", pipes(40), "Behind."])
    passages = split(text)
    assert_kept(text, found, passages, "minilm", 64)
    starts = {a for a, _ in found[0]}
    inside = [p for p in passages if found[0][0][0] < p.start < found[0][-1][1]]
    assert len(inside) > 5
    assert all(p.start in starts for p in inside)
    for p, after in pairwise(inside):  # one row more would have been too many
        end = text.index("\n", after.start)
        assert COUNTS["minilm"](text[p.start : end]) > 64


def test_a_row_that_does_not_fit_is_cut_by_itself() -> None:
    long = "| " + "many words in a cell that goes on " * 30 + " | x | y |"
    rows = [*pipes(3), long, *pipes(3)[2:]]
    text, found = composed(["Before.", rows])
    passages = split(text)
    assert_kept(text, found, passages, "minilm", 64)
    a, b = found[0][5]
    assert sum(p.start < b and p.end > a for p in passages) >= 4


def test_cut_well_it_stays_as_it_was() -> None:
    text = "Words before it.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nWords behind it."
    spans = [(0, text.index("\n\nWords b")), (text.index("Words b"), len(text))]

    def unwanted(a: int, b: int) -> list[tuple[int, int]]:
        raise AssertionError("nothing has to be split again")

    assert mended(text, spans, 80, lambda a, b: b - a, unwanted) is spans


def test_headings_stay_with_their_tables() -> None:
    text, found = composed(["# Drinks", pipes(2), "## More of them", pipes(2)])
    passages = split(text)
    assert_kept(text, found, passages, "minilm", 64)
    assert [p.heading for p in passages] == ["Drinks", "Drinks > More of them"]
    assert [p.text[:4] for p in passages] == ["# Dr", "## M"]


def test_with_an_overlap() -> None:
    blocks: list[str | list[str]] = [prose(300), pipes(2), prose(300, 1), pipes(30), CHINESE * 3]
    text, found = composed(blocks)
    passages = chunker("minilm", 64, 16).split(Document("a.md", text))
    check(Document("a.md", text), passages)
    assert_kept(text, found, passages, "minilm", 64)


# ── whatever the tables ──────────────────────────────────────────────────────────────────────────

cells = st.text(st.sampled_from("ab 中文é1.-"), min_size=1, max_size=12) | st.just("---")
words = st.sampled_from(
    [
        "Plain words. And more.",
        "# Heading",
        CHINESE,
        CHINESE * 3,
        "- item\n- other",
        prose(300),
        "```\nx\n```",
    ]
)


@st.composite
def grids(draw: st.DrawFn) -> list[str]:
    columns, edged = draw(st.integers(2, 4)), draw(st.booleans())
    rows = draw(
        st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=2, max_size=16)
    )
    lines = [" | ".join(c.strip() or "x" for c in row) for row in rows]
    if draw(st.booleans()):
        lines.insert(1, " | ".join(["---"] * columns))
    return [f"| {line} |" for line in lines] if edged else lines


@settings(max_examples=100, deadline=None)
@given(
    blocks=st.lists(words | grids() | grids(), min_size=1, max_size=7),
    kind=st.sampled_from(["chars", "words", "minilm"]),
    small=st.booleans(),
)
@example(
    blocks=[
        "Plain words. And more.",
        [
            "| 111 | --- | --- |",
            "| 1111 | --- | --- |",
            "| --- | --- | --- |",
            "| 1 | 111111111 | 111111111111 |",
            "| 1111111 | --- | --- |",
            "| --- | --- | --- |",
            "| 1 | 11111111 | --- |",
        ],
        "Plain words. And more.",
    ],
    kind="chars",
    small=False,
)  # a table that fits but for the end of its last line
@pytest.mark.slow
def test_whatever_the_tables(blocks: list[str | list[str]], kind: Kind, small: bool) -> None:
    text, found = composed(blocks)
    most = {"chars": 160, "words": 40, "minilm": 64}[kind]
    # tokens of words may not add up, a window that has to be cut shorter may go through a table then
    small = small and kind == "chars"
    with pytest.MonkeyPatch.context() as patch:
        if small:  # windows small enough to end in tables
            patch.setattr(text_splitter, "MIN_WINDOW", 100)
            patch.setattr(text_splitter, "WINDOW", (2, 4))
        passages = split(text, kind, most)
    assert_kept(text, found, passages, kind, most)


def test_a_window_that_ends_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    # half a row without a bar looked like words behind the table, which it could be cut off from
    monkeypatch.setattr(text_splitter, "MIN_WINDOW", 150)
    monkeypatch.setattr(text_splitter, "WINDOW", (2, 4))
    wide = ["| milk none none | milk milk | milk milk none milk | 3.50 none tea 3.50 |"] * 8
    narrow = ["| 3.50 | tea | none | tea |"] * 8
    between = (
        "In people time a model water in search time people search water time water. Water people in "
        "time a. Model model vector the model water of people water time time search of people vector "
        "water people. The of search water question a th"
    )
    last = ["none | 3.50", "--- | ---", "milk none tea | 3.50"]
    for before in range(100):
        text, found = composed(["w" * before, wide, narrow, between, last])
        assert_kept(text, found, split(text, "chars", 160), "chars", 160)


@pytest.mark.parametrize(
    "unit", ["a | b\n", "|", "| \n\n", "a | b\n\nc\n", "| a | " + "x" * 500 + " |\n"]
)
@pytest.mark.slow
def test_time_grows_with_length(unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        c = Chunker(kind="auto", max_tokens=64, overlap=0, count=lambda t: len(t) // 4)
        began = time.process_time()
        c.split(Document("a.md", text))
        return time.process_time() - began

    short, long = min(seconds(15_000) for _ in range(2)), min(seconds(60_000) for _ in range(2))
    assert long < 8 * short + 0.1  # four times the text; its square would be sixteen


# ── tables of other formats ──────────────────────────────────────────────────────────────────────


def documents(folder: Path, name: str, data: bytes) -> list[Document]:
    path = folder / name
    path.write_bytes(data)
    found = list(read(SourceFile("s", name, str(path), len(data), 1), ReadOptions()))
    assert all(isinstance(d, Document) for d in found), found
    return [d for d in found if isinstance(d, Document)]


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("n", [4, 40])
def test_html_tables_as_read(tmp_path: Path, head: bool, n: int) -> None:
    body = "".join(f"<tr><td>tea {i}<td><b>milk</b> and 糖<td>{i} €" for i in range(n))
    top = "<thead><tr><th>drink<th>with<th>price</thead>" if head else ""
    page = f"<h1>Drinks</h1><p>{CHINESE * 2}<table>{top}<tbody>{body}</table><p>{CHINESE}"
    (document,) = documents(tmp_path, "a.html", page.encode())
    rows = [f"tea {i} | milk and 糖 | {i} €" for i in range(n)]
    start = document.text.index("drink | with" if head else rows[0])
    end = document.text.index(rows[-1]) + len(rows[-1])
    at = [(document.text.index(r), document.text.index(r) + len(r)) for r in rows]
    passages = split(document.text, name=document.id)
    assert holds(passages, start, end) == (n == 4)
    assert all(holds(passages, a, b) for a, b in at)


def test_word_and_excel_tables_as_read(tmp_path: Path) -> None:
    for module in ("docx", "openpyxl"):
        pytest.importorskip(module)
    cells = [[f"tea {i}", "milk and sugar", str(i)] for i in range(30)]

    def fill(d: object) -> None:
        table = d.add_table(30, 3)  # type: ignore[attr-defined]
        for row, words in zip(table.rows, cells, strict=True):
            for cell, word in zip(row.cells, words, strict=True):
                cell.text = word

    for name, data in [("a.docx", docx(fill)), ("a.xlsx", xlsx({"Tea": cells}))]:  # type: ignore[list-item]
        (document,) = documents(tmp_path, name, data)
        passages = split(document.text, name=document.id)
        assert len(passages) > 3
        for row in (" | ".join(words) for words in cells):
            at = document.text.index(row)
            assert holds(passages, at, at + len(row))


def test_rows_of_csv_are_records(tmp_path: Path) -> None:
    data = "drink,with,price\n" + "".join(f"tea {i},milk | 糖,{i} €\n" for i in range(30))
    found = documents(tmp_path, "a.csv", data.encode())
    assert [d.text for d in found] == [
        f"drink: tea {i}\nwith: milk | 糖\nprice: {i} €" for i in range(30)
    ]
    for d in found:
        (p,) = split(d.text, name=d.id)
        assert p.text == d.text
