"""Workbooks: values as a sheet shows them, hidden parts, broken ones; each in the smallest workbook that has it."""

from __future__ import annotations

import re
import time
import tracemalloc
from datetime import date, datetime
from datetime import time as clock
from typing import Any

import pytest

from qembed.corpus.readers.converted import Text
from qembed.corpus.readers.office.ooxml.cell_values import shown_number
from qembed.corpus.readers.office.xlsx import xlsx as convert
from tests.corpus.made import saved
from tests.corpus.ooxml import Part, rooted, sheet, xlsx
from tests.corpus.readers.workbooks import inline, reading, text_of

pytest.importorskip("lxml")


# ── values ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("<c><v>3</v></c>", "3"),
        ("<c><v>2.5</v></c>", "2.5"),
        ("<c><v>0.30000000000000004</v></c>", "0.3"),
        ('<c t="b"><v>1</v></c>', "TRUE"),
        ('<c t="e"><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c t="str"><f>A1&amp;"x"</f><v>made</v></c>', "made"),
        ("<c><f>SUM(A1:A9)</f><v>42</v></c>", "42"),
        ('<c t="d"><v>2026-01-02</v></c>', "2026-01-02"),
        ('<c t="inlineStr"><is><t>in</t></is></c>', "in"),
        ('<c t="inlineStr"><is><r><rPr><b/></rPr><t>ri</t></r><r><t>ch</t></r></is></c>', "rich"),
        ('<c t="inlineStr"><is><t>漢字</t><rPh sb="0" eb="2"><t>かんじ</t></rPh></is></c>', "漢字"),
        (
            '<c t="inlineStr"><is><t>a_x000D_\nb _x20AC_ _xD800_ _x005F_x</t></is></c>',
            "a b € _xD800_ _x",
        ),
        ('<c t="inlineStr"><is><t>exam\xadple</t></is></c>', "example"),
        ('<c t="s"><v>1</v></c>', "two words"),
        ('<c t="s"><v>99</v></c>', ""),
        ('<c t="s"><v>x</v></c>', ""),
        ('<c s="99"><v>1</v></c>', "1"),
        ("<c/>", ""),
    ],
)
def test_values(cell: str, wanted: str) -> None:
    strings = "<s:si><s:t>one</s:t></s:si><s:si><s:r><s:t>two </s:t></s:r><s:r><s:t>words</s:t></s:r></s:si>"
    part = Part("xl/sharedStrings.xml", "sharedStrings", rooted("s:sst", strings))
    assert text_of(f"<row>{cell}</row>", book={"shared": part}) == wanted


@pytest.mark.parametrize(
    ("value", "code", "wanted"),
    [
        ("0.125", "0.0%", "12.5%"),
        ("1234.5", '#,##0.00 "kg"', "1,234.50 kg"),
        ("-1234.5", "[$€-407]#,##0.00", "-€1,234.50"),
        ("-5", "0;[Red]-0", "-5"),
        ("-0.001", "0.00", "0.00"),
        ("7", "00000", "00007"),
        ("0.5", "0.0##", "0.5"),
        ("5", '"Q"0', "Q5"),
        ("45000", "dd.mm.yyyy", "2023-03-15"),
        ("45000.5", "m/d/yy h:mm", "2023-03-15 12:00"),
        ("0.75", "h:mm AM/PM", "18:00"),
        ("1.5", "[h]:mm:ss", "36:00:00"),
        ("45000", "[$-407]mmmm yyyy", "2023-03-15"),
        ("1", "d", "1900-01-01"),
        ("60", "d", "1900-02-28"),
        ("61", "d", "1900-03-01"),
        ("-1", "d", "-1"),
        ("1e9", "d", "1e9"),
        ("nan", "d", "nan"),
        ("inf", "0", "inf"),
        ("1234567", "#,##0,", "1234567"),
        ("0.5", "# ?/?", "0.5"),
        ("12", "General", "12"),
        ("3.0", "", "3"),
        ("text", "0", "text"),
        ("5", "@", "5"),
        ("5", ";;;", "5"),
        ("5", '"', "5"),
    ],
)
def test_number_formats(value: str, code: str, wanted: str) -> None:
    assert shown_number(value, code, False) == wanted


def test_formats_come_from_the_styles() -> None:
    styles = (
        "<s:numFmts><s:numFmt numFmtId='164' formatCode='0.0\"x\"'/></s:numFmts><s:cellXfs><s:xf numFmtId='0'/>"
        "<s:xf numFmtId='14'/><s:xf numFmtId='164'/><s:xf numFmtId='10'/></s:cellXfs>"
    )
    part = Part("xl/styles.xml", "styles", rooted("s:styleSheet", styles))
    rows = "<row><c s='1'><v>1</v></c><c s='2'><v>2</v></c><c s='3'><v>.5</v></c></row>"
    assert text_of(rows, book={"s": part}) == "1900-01-01 | 2.0x | 50.00%"
    since = "<s:workbookPr date1904='1'/>"
    assert text_of(rows, book={"s": part, "properties": since}).startswith("1904-01-02 |")
    assert text_of(rows, book={"s": part._replace(data="<s:styleSheet")}) == "1 | 2 | 0.5"


def test_formulas_without_a_result_are_named() -> None:
    texts, omitted, _ = reading(
        xlsx(sheet(1, f"<row>{inline('a')}<c><f>1+1</f></c><c><f>2+2</f></c></row>"))
    )
    assert texts == {"S1": "a"}
    assert omitted == {"formula whose result is not stored": 2}


# ── the sheet ────────────────────────────────────────────────────────────────────────────────────


def test_gaps_and_places() -> None:
    rows = (
        f'<row r="1">{inline("a", "A1")}{inline("c", "C1")}</row><row r="7"/>'
        f'<row r="9">{inline("z", "XFD9")}</row><row>{inline("no place")}</row>'
    )
    assert text_of(rows) == "a |  | c\n" + " | " * 10 + "z\nno place"


def test_values_of_merged_cells_are_said_once() -> None:
    def line(number: int, *cells: tuple[str, str]) -> str:
        found = "".join(inline(text, f"{place}{number}") for place, text in cells)
        return f'<row r="{number}">{found}</row>'

    rows = (
        line(1, ("A", "Title"), ("B", "Title"), ("C", "Title"), ("D", "Title"))
        + line(2, ("A", "Title"), ("B", "kept"), ("C", "kept"), ("D", "x"))
        + line(3, ("A", "North"), ("B", "1"))
        + line(4, ("A", "North"), ("B", "1"))
        + line(5000, ("A", "North"), ("B", "2"))
    )
    merged = (
        '<mergeCells count="2"><mergeCell ref="A1:C2"/><mergeCell ref="$A$3:A9999"/></mergeCells>'
    )
    assert text_of(rows, merged) == "Title |  |  | Title\n | kept |  | x\nNorth | 1\n | 1\n | 2"
    without = rows.replace(' r="1"', "").replace(' r="2"', "")
    assert text_of(without, merged).startswith("Title |  |  | Title\n | kept |  | x\n")


def test_a_far_cell_costs_nothing() -> None:
    rows = f'<row r="1">{inline("near", "A1")}</row><row r="1048576">{inline("far", "XFD1048576")}</row>'
    data = xlsx(sheet(1, rows))
    began = time.process_time()
    tracemalloc.start()
    (text,) = reading(data)[0].values()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert text.split() == ["near", *["|"] * 10, "far"]
    assert peak < 1024**2
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "dimension", ["A1", "A1:A1", "XFD1048576", "A1:XFD1048576", "nonsense", ""]
)
def test_the_size_that_a_sheet_says_it_has_is_not_believed(dimension: str) -> None:
    part = sheet(1, f"<row>{inline('a')}{inline('b')}</row><row>{inline('c')}</row>")
    data = str(part.data).replace('<dimension ref="A1"/>', f'<dimension ref="{dimension}"/>')
    assert reading(xlsx(part._replace(data=data)))[0] == {"S1": "a | b\nc"}


def test_hidden_rows_and_columns_are_folded_and_hidden_sheets_are_named() -> None:
    rows = f'<row hidden="1">{inline("filtered")}</row>'
    states = {2: "hidden", 3: "veryHidden"}
    texts, omitted, _ = reading(xlsx(*(sheet(n, rows) for n in (1, 2, 3)), states=states))
    assert texts == {"S1": "filtered"}
    assert omitted == {"hidden sheet: S2": 1, "hidden sheet: S3": 1}


def test_empty_workbooks_and_workbooks_of_pictures() -> None:
    assert list(convert(xlsx(sheet(1, "")))) == [Text("", "", "", {})]
    pic = "<xdr:twoCellAnchor><xdr:pic><xdr:nvPicPr><xdr:cNvPr id='1' name='x'/></xdr:nvPicPr></xdr:pic></xdr:twoCellAnchor>"
    drawing = Part("xl/drawings/d.xml", "drawing", rooted("xdr:wsDr", pic))
    with pytest.raises(ValueError, match=r"no text in it \(picture\)"):
        list(convert(xlsx(sheet(1, "", d=drawing))))
    with pytest.raises(ValueError, match=r"no text in it \(hidden sheet: S1\)"):
        list(convert(xlsx(sheet(1, ""), states={1: "hidden"})))


def test_a_broken_sheet_is_named_and_the_others_are_read() -> None:
    good, gone = sheet(1, f"<row>{inline('a')}</row>"), sheet(2, "")._replace(external=True)
    broken = sheet(3, "")._replace(data=f"<worksheet><sheetData><row>{inline('b')}</row>")
    doctype = sheet(4, "")._replace(data='<!DOCTYPE d [<!ENTITY a "b">]><worksheet/>')
    texts, _, problems = reading(xlsx(good, gone, broken, doctype))
    assert texts == {"S1": "a"}
    assert [p.split(":")[0] for p in problems] == ["sheet S2", "sheet S3", "sheet S4"]
    assert [reading(xlsx(gone))[2]] == [["sheet S1: not in the archive"]]


def test_a_long_text_in_many_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(
        "xl/s.xml", "sharedStrings", rooted("s:sst", f"<s:si><s:t>{'x' * 1000}</s:t></s:si>")
    )
    monkeypatch.setattr("qembed.corpus.readers.office.xlsx.MAX_CHARACTERS", 50_000)
    rows = '<row><c t="s"><v>0</v></c></row>' * 100
    _, _, problems = reading(xlsx(sheet(1, rows), s=part))
    assert problems == ["sheet S1: its text is too long for one file"]


# ── the reference: everything that openpyxl writes ───────────────────────────────────────────────


def test_everything_that_openpyxl_writes_is_found() -> None:
    from openpyxl import Workbook
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment

    words = iter(f"word{n}" for n in range(1000))
    book: Any = Workbook()
    page = book.active
    for row in range(1, 30, 3):
        for column in range(1, 20, 4):
            page.cell(row, column, next(words)).comment = Comment(next(words), "Ann")
    page.merge_cells("A1:C3")
    page["Z9"], page["Z10"], page["Z11"] = (
        date(2026, 1, 2),
        datetime(2026, 1, 2, 3, 4, 5),
        clock(6, 7),
    )
    page["Z12"], page["Z13"] = True, 0.5
    page["Z13"].number_format = "0%"
    page.oddHeader.center.text = next(words)
    chart = BarChart()
    chart.title = next(words)
    chart.add_data(Reference(page, 26, 12, 26, 13))
    page.add_chart(chart, "AA1")
    (text,) = reading(saved(book))[0].values()
    n = int(next(words).removeprefix("word"))
    assert n > 100
    assert {f"word{i}" for i in range(n)} <= set(re.findall(r"\w+", text))
    for value in ("2026-01-02\n", "2026-01-02 03:04:05", "06:07\n", "TRUE", "50%"):
        assert value in text
    assert text.count("word0\n") + text.count("word0 ") == 1
