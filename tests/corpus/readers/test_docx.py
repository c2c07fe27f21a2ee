"""Word documents: text in wrappers, changes, fields and hidden places, each in the smallest document that has it."""

from __future__ import annotations

import pytest

from tests.corpus.ooxml import (
    row,
    run,
    story,
)
from tests.corpus.readers.word import (
    DELETED,
    HIDDEN,
    P,
    box,
    code,
    drawing,
    field,
    mark,
    shape,
    text_of,
)

pytest.importorskip("lxml")


# ── wrappers: whatever is around a text, it is found ─────────────────────────────────────────────

BLOCK_WRAPPERS = [
    "<w:sdt><w:sdtPr><w:alias w:val='no'/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>",
    "<w:sdt><w:sdtContent><w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt></w:sdtContent></w:sdt>",
    "<w:customXml w:element='e'><w:customXmlPr/>{}</w:customXml>",
    "<mc:AlternateContent><mc:Choice Requires='x'>{}</mc:Choice></mc:AlternateContent>",
    "<w:unknown>{}</w:unknown>",
]
INLINE_WRAPPERS = [
    "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>",
    "<w:ins w:id='1' w:author='A'>{}</w:ins>",
    "<w:moveTo w:id='1' w:author='A'>{}</w:moveTo>",
    "<w:smartTag w:uri='u' w:element='e'><w:smartTagPr/>{}</w:smartTag>",
    "<w:customXml w:element='e'>{}</w:customXml>",
    "<w:hyperlink w:anchor='a'>{}</w:hyperlink>",
    "<w:fldSimple w:instr=' AUTHOR no '>{}</w:fldSimple>",
    "<w:dir w:val='rtl'>{}</w:dir>",
    "<w:bdo w:val='rtl'>{}</w:bdo>",
    "<w:unknown>{}</w:unknown>",
    "<w:ins w:id='1' w:author='A'><w:hyperlink w:anchor='a'><w:smartTag>{}</w:smartTag></w:hyperlink></w:ins>",
]


@pytest.mark.parametrize("wrapper", BLOCK_WRAPPERS)
def test_wrapped_blocks(wrapper: str) -> None:
    assert text_of(P("a") + wrapper.format(P("b") + P("c")) + P("d")) == "a\n\nb\n\nc\n\nd"
    rows = wrapper.format(row(P("k"), P("v")))
    assert text_of(f"<w:tbl>{row(P('a'), P('b'))}{rows}</w:tbl>") == "a | b\nk | v"
    cells = wrapper.format(f"<w:tc>{P('k')}</w:tc>")
    assert text_of(f"<w:tbl><w:tr>{cells}<w:tc>{P('v')}</w:tc></w:tr></w:tbl>") == "k | v"


@pytest.mark.parametrize("wrapper", INLINE_WRAPPERS)
def test_wrapped_runs(wrapper: str) -> None:
    body = f"<w:p>{run('one ')}{wrapper.format(run('two'))}{run(' three')}</w:p>"
    assert text_of(body) == "one two three"


def test_runs_without_a_paragraph_are_one() -> None:
    assert text_of(f"{run('loose')}{P('b')}") == "loose\n\nb"


# ── characters ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        ("<w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:cr/><w:t>d</w:t>", "a\tb\nc\nd"),
        ("<w:t>exam</w:t><w:softHyphen/><w:t>ple</w:t>", "example"),
        ("<w:t>exam\xadple</w:t>", "example"),
        ("<w:t>co</w:t><w:noBreakHyphen/><w:t>op</w:t>", "co-op"),
        ('<w:sym w:font="Symbol" w:char="F061"/><w:t>x</w:t>', "αx"),
        ('<w:t>a</w:t><w:sym w:font="Wingdings" w:char="F0FC"/><w:t>b</w:t>', "a b"),
        ('<w:sym w:font="Arial" w:char="20AC"/>', "€"),
        ("<w:t>漢字</w:t>", "漢字"),
    ],
)
def test_characters(inside: str, wanted: str) -> None:
    assert text_of(f"<w:p><w:r>{inside}</w:r></w:p>") == wanted


def test_ruby_is_read_with_its_reading() -> None:
    ruby = f"<w:ruby><w:rubyPr/><w:rt>{run('かんじ')}</w:rt><w:rubyBase>{run('漢字')}</w:rubyBase></w:ruby>"
    assert text_of(f"<w:p><w:r>{ruby}</w:r>{run('だ')}</w:p>") == "漢字(かんじ)だ"


def math(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        (math("E=mc"), "E=mc"),
        (f"<m:f><m:num>{math('a+b')}</m:num><m:den>{math('c')}</m:den></m:f>", "(a+b)/c"),
        (f"<m:sSup><m:e>{math('x')}</m:e><m:sup>{math('2')}</m:sup></m:sSup>", "x^2"),
        (f"<m:sSubSup><m:e>{math('x')}</m:e><m:sub>{math('i')}</m:sub><m:sup>{math('2')}</m:sup></m:sSubSup>",
         "x_i^2"),
        (f"<m:rad><m:radPr/><m:deg/><m:e>{math('b-c')}</m:e></m:rad>", "√(b-c)"),
        (f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e>{math('x')}</m:e></m:d>", "[x]"),
        (f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{math('i')}</m:sub><m:sup>{math('n')}</m:sup>"
         f"<m:e>{math('x')}</m:e></m:nary>", "∑_i^n x"),
        (f"<m:func><m:fName>{math('sin')}</m:fName><m:e>{math('x')}</m:e></m:func>", "sin x"),
        (f"<m:limLow><m:e>{math('lim')}</m:e><m:lim>{math('n')}</m:lim></m:limLow>", "lim_n"),
        (f"<m:m><m:mr><m:e>{math('1')}</m:e><m:e>{math('0')}</m:e></m:mr><m:mr><m:e>{math('0')}</m:e>"
         f"<m:e>{math('1')}</m:e></m:mr></m:m>", "1, 0; 0, 1"),
        (f"<m:acc><m:e>{math('x')}</m:e></m:acc>", "x"),
        (f"<m:r><w:rPr><w:vanish/></w:rPr><m:t>gone</m:t></m:r>{math('x')}", "x"),
        (f"<m:r><m:rPr/><w:rPr><w:del w:id='1'/></w:rPr><m:t>gone</m:t></m:r>{math('x')}", "x"),
    ],
)  # fmt: skip
def test_formulas(inside: str, wanted: str) -> None:
    assert text_of(f"<w:p><m:oMath>{inside}</m:oMath></w:p>") == wanted
    assert text_of(f"<w:p><m:oMathPara><m:oMath>{inside}</m:oMath></m:oMathPara></w:p>") == wanted


# ── tracked changes ──────────────────────────────────────────────────────────────────────────────


def test_deletions_stay_out() -> None:
    assert text_of(f"<w:p>{run('a')}{DELETED}{run('b')}</w:p>") == "ab"
    assert text_of(f"<w:p><w:ins w:id='1' w:author='A'>{run('a')}{DELETED}</w:ins></w:p>") == "a"
    moved = f"<w:p><w:moveFrom w:id='1' w:author='A'>{run('gone')}</w:moveFrom></w:p>"
    assert (
        text_of(moved + f"<w:p><w:moveTo w:id='2' w:author='A'>{run('here')}</w:moveTo></w:p>")
        == "here"
    )


def test_deleted_rows_and_cells_stay_out() -> None:
    out = f"<w:tr><w:trPr><w:del w:id='1' w:author='A'/></w:trPr><w:tc>{P('gone')}</w:tc></w:tr>"
    new = (
        f"<w:tr><w:trPr><w:ins w:id='1' w:author='A'/></w:trPr><w:tc>{P('k')}</w:tc><w:tc><w:tcPr>"
        f"<w:cellDel w:id='2' w:author='A'/></w:tcPr>{P('gone')}</w:tc></w:tr>"
    )
    assert text_of(f"<w:tbl>{row(P('a'), P('b'))}{out}{new}</w:tbl>") == "a | b\nk"


def test_a_deleted_end_of_a_paragraph_joins_it_with_the_next() -> None:
    ends = "<w:pPr><w:rPr><w:del w:id='1' w:author='A'/></w:rPr></w:pPr>"
    assert text_of(P("refu", ends) + P("nds") + P("next")) == "refunds\n\nnext"
    assert text_of(P("last", ends)) == "last"


def test_old_formatting_is_no_text() -> None:
    change = (
        "<w:rPr><w:rPrChange w:id='1' w:author='A'><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr>"
    )
    assert text_of(f"<w:p>{run('shown', change)}</w:p>") == "shown"


# ── hidden text ──────────────────────────────────────────────────────────────────────────────────

STYLES = """
<w:style w:type='paragraph' w:default='1' w:styleId='Normal'><w:name w:val='Normal'/></w:style>
<w:style w:type='character' w:styleId='Secret'><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type='character' w:styleId='Child'><w:basedOn w:val='Secret'/></w:style>
<w:style w:type='character' w:styleId='Open'><w:basedOn w:val='Secret'/><w:rPr><w:vanish w:val='0'/></w:rPr></w:style>
<w:style w:type='paragraph' w:styleId='Hush'><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type='paragraph' w:styleId='Loop'><w:basedOn w:val='Loop'/></w:style>
"""


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ("<w:vanish/>", False),
        ("<w:vanish w:val='true'/>", False),
        ("<w:vanish w:val='1'/>", False),
        ("<w:vanish w:val='0'/>", True),
        ("<w:vanish w:val='false'/>", True),
        ("<w:webHidden/>", True),
        ("<w:rStyle w:val='Secret'/>", False),
        ("<w:rStyle w:val='Child'/>", False),
        ("<w:rStyle w:val='Open'/>", True),
        ("<w:rStyle w:val='Secret'/><w:vanish w:val='0'/>", True),
        ("<w:rStyle w:val='Missing'/>", True),
    ],
)
def test_hidden_runs(properties: str, shown: bool) -> None:
    body = f"<w:p>{run('seen')}{run(' or not', f'<w:rPr>{properties}</w:rPr>')}</w:p>"
    assert text_of(body, s=story("styles", "w:styles", STYLES)) == "seen" + " or not" * shown


def test_hidden_paragraphs() -> None:
    def styled(style: str, own: str = "") -> str:
        return f"<w:p><w:pPr><w:pStyle w:val='{style}'/></w:pPr>{run('x', own)}</w:p>"

    styles = story("styles", "w:styles", STYLES)
    assert text_of(styled("Hush"), s=styles) == ""
    assert text_of(styled("Loop"), s=styles) == "x"
    # two styles that hide turn one another around
    assert text_of(styled("Hush", "<w:rPr><w:rStyle w:val='Secret'/></w:rPr>"), s=styles) == "x"
    # the paragraph's mark is hidden, not its text
    assert text_of(P("x", f"<w:pPr>{HIDDEN}</w:pPr>")) == "x"


OFF = 'hidden="1"'


def test_hidden_rows_and_shapes() -> None:
    out = f"<w:tr><w:trPr><w:hidden/></w:trPr><w:tc>{P('gone')}</w:tc></w:tr>"
    assert text_of(f"<w:tbl>{row(P('a'), P('b'))}{out}</w:tbl>") == "a | b"
    assert text_of(f"<w:p><w:r>{drawing(shape(box(P('gone'))), OFF)}</w:r></w:p>") == ""
    assert text_of(f"<w:p><w:r>{HIDDEN}{drawing(shape(box(P('gone'))))}</w:r></w:p>") == ""


# ── fields ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        (field(code("PAGE"), run("7")), "7"),
        (field(code("IF") + field(code("MERGEFIELD x"), run("gone")) + code("= 1"), run("yes")), "yes"),
        (field(code("TOC"), run("a ") + field(code("PAGEREF"), run("3"))), "a 3"),
        (mark("begin") + code("XE no") + mark("end"), ""),
        (f"<w:del w:id='1'>{field(code('X'), run('gone'))}</w:del>", ""),
        (f"<w:fldSimple w:instr='X'>{run('a')}{field(code('Y'), run('b'))}</w:fldSimple>", "ab"),
        # marks in hidden runs count, too
        (field(code("X"), run("yes")).replace("<w:r><w:fldChar", f"<w:r>{HIDDEN}<w:fldChar"), "yes"),
        # one that does not end is none
        (mark("begin"), ""),
        (mark("separate") + mark("end"), ""),
        (mark("begin") + code("X") + mark("separate"), ""),
    ],
)  # fmt: skip
def test_fields(inside: str, wanted: str) -> None:
    assert text_of(f"<w:p>{run('[')}{inside}{run(']')}</w:p>{P('next')}") == f"[{wanted}]\n\nnext"


def test_a_field_over_paragraphs() -> None:
    begin = f"<w:p>{mark('begin')}{code('TOC')}{mark('separate')}{run('one')}</w:p>"
    assert text_of(begin + f"<w:p>{run('two')}{mark('end')}</w:p>") == "one\n\ntwo"
    begin = f"<w:p>{mark('begin')}{code('IF')}{run('gone')}</w:p>"
    assert (
        text_of(begin + f"<w:p>{run('gone')}{mark('separate')}{run('two')}{mark('end')}</w:p>")
        == "two"
    )


def test_forms() -> None:
    def form(inner: str) -> str:
        return f"<w:p>{mark('begin', f'<w:ffData>{inner}</w:ffData>')}{code('FORM')}{mark('end')}</w:p>"

    entries = "<w:listEntry w:val='red'/><w:listEntry w:val='blue'/>"
    assert text_of(form(f"<w:ddList><w:result w:val='1'/>{entries}</w:ddList>")) == "blue"
    assert text_of(form(f"<w:ddList>{entries}</w:ddList>")) == "red"
    assert text_of(form("<w:ddList><w:result w:val='9'/></w:ddList>")) == ""
    assert text_of(form("<w:checkBox><w:checked/></w:checkBox>")) == "☒"
    assert text_of(form("<w:checkBox><w:default w:val='0'/></w:checkBox>")) == "☐"
