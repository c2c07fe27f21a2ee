"""Tables of Word documents: merged cells, tables in tables, deep ones."""

from __future__ import annotations

import pytest

from qembed.corpus.readers.converted import Omitted, Text
from qembed.corpus.readers.sandbox import ReaderFailed, ReaderProcess
from tests.corpus.ooxml import (
    docx,
    row,
    run,
    story,
)
from tests.corpus.readers.word import (
    P,
    text_of,
)

pytest.importorskip("lxml")


def test_merged_cells_once() -> None:
    wide = f"<w:tr><w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>{P('wide')}</w:tc><w:tc>{P('c')}</w:tc></w:tr>"
    begins = f"<w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr>{P('tall')}</w:tc><w:tc>{P('d')}</w:tc></w:tr>"
    covered = f"<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr>{P('')}</w:tc><w:tc>{P('e')}</w:tc></w:tr>"
    assert text_of(f"<w:tbl>{wide}{begins}{covered}</w:tbl>") == "wide |  | c\ntall | d\n | e"


def test_tables_in_tables() -> None:
    inner = f"<w:tbl>{row(P('k'), P('v'))}</w:tbl>"
    assert text_of(f"<w:tbl>{row(P('a') + inner + P('b'), P('c'))}</w:tbl>") == "a k | v b | c"
    # one column is a frame, as in letters and curricula vitae
    assert text_of(f"<w:tbl>{row(P('a') + inner)}{row(P('b'))}</w:tbl>") == "a\n\nk | v\n\nb"


def test_what_hangs_on_a_cell() -> None:
    note = story("footnotes", "w:footnotes", f"<w:footnote w:id='2'>{P('per year')}</w:footnote>")
    cell = f"<w:p>{run('5%')}<w:r><w:footnoteReference w:id='2'/></w:r></w:p>"
    heading = P("Rate", "<w:pPr><w:outlineLvl w:val='0'/></w:pPr>")
    assert text_of(f"<w:tbl>{row(heading, cell)}</w:tbl>", f=note) == "Rate | 5% per year"


@pytest.mark.slow
def test_deep_tables() -> None:
    inner = P("deepest")
    for _ in range(30):
        inner = f"<w:tbl>{row(P('x') + inner, P('y'))}</w:tbl>"
    assert "deepest" in text_of(inner)
    for _ in range(600):
        inner = f"<w:tbl>{row(inner, P('y'))}</w:tbl>"
    worker = ReaderProcess()
    try:
        text, omitted = worker.convert(".docx", docx(P("top") + inner))
        assert isinstance(text, Text)
        assert text.text.startswith("top")
        assert isinstance(omitted, Omitted)
        assert omitted.what == "content nested more than 400 deep"
        # more than the parser takes
        for _ in range(600):
            inner = f"<w:tbl>{row(inner, P('y'))}</w:tbl>"
        with pytest.raises(ReaderFailed, match="not DOCX that can be read"):
            worker.convert(".docx", docx(inner))
    finally:
        worker.close()
