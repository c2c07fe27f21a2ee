"""Office files and a book with many things in them, from raw XML."""

from __future__ import annotations

import io
import zipfile

from tests.corpus.ooxml import (
    Part,
    body,
    docx,
    frame,
    paragraph,
    pptx,
    rooted,
    row,
    run,
    sheet,
    slide,
    sp,
    story,
    tree,
    xlsx,
)

CHART = Part(
    "charts/chart1.xml", "chart",
    rooted(
        "c:chartSpace",
        "<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title><c:ser>"
        "<c:tx><c:v>North</c:v></c:tx><c:cat><c:pt idx='0'><c:v>May</c:v></c:pt></c:cat><c:val><c:pt idx='0'><c:v>3</c:v>"
        "</c:pt></c:val></c:ser></c:chart>",
    ),
)  # fmt: skip
DIAGRAM = Part(
    "diagrams/data1.xml", "diagramData",
    rooted(
        "dgm:dataModel",
        "<dgm:ptLst><dgm:pt modelId='1'><dgm:t><a:p><a:r><a:t>First step</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst>",
    ),
)  # fmt: skip
GRAPHICS = (
    "<wp:inline><wp:docPr id='1' name='n' descr='a map'/><a:graphic><a:graphicData>{}</a:graphicData></a:graphic>"
    "</wp:inline>"
)


def rich_docx() -> bytes:
    """Fields, changes, notes, a text box, a table in a table, a list, a chart, a diagram, a picture."""

    def drawn(inner: str) -> str:
        return f"<w:r><w:drawing>{GRAPHICS.format(inner)}</w:drawing></w:r>"

    def mark(kind: str) -> str:
        return f"<w:r><w:fldChar w:fldCharType='{kind}'/></w:r>"

    field = f"{mark('begin')}<w:r><w:instrText>PAGE</w:instrText></w:r>{mark('separate')}{run('7')}{mark('end')}"
    deleted = "<w:del w:id='1' w:author='A'><w:r><w:delText>gone</w:delText></w:r></w:del>"
    box = f"<wps:wsp><wps:txbx><w:txbxContent>{paragraph('In a box')}</w:txbxContent></wps:txbx></wps:wsp>"
    inner = f"<w:tbl>{row(paragraph('k'), paragraph('v'))}</w:tbl>"
    numbered = "<w:pPr><w:numPr><w:numId w:val='1'/></w:numPr></w:pPr>"
    return docx(
        paragraph("Guide", "<w:pPr><w:outlineLvl w:val='0'/></w:pPr>")
        + f"<w:p>{run('Page ')}{field}{deleted}<w:r><w:footnoteReference w:id='2'/><w:commentReference w:id='0'/></w:r></w:p>"
        + f"<w:sdt><w:sdtContent>{paragraph('In a control')}</w:sdtContent></w:sdt>"
        + f"<w:p>{drawn(box)}{drawn(CHART_REF)}{drawn(DIAGRAM_REF)}"
        + f"{drawn('<pic:pic/>')}</w:p><w:tbl>{row(paragraph('a') + inner, paragraph('b'))}</w:tbl>"
        + paragraph("first", numbered)
        + "<w:sectPr><w:headerReference r:id='head' w:type='default'/></w:sectPr>",
        chart=CHART,
        data=DIAGRAM,
        head=story("header1", "w:hdr", paragraph("The firm")),
        notes=story(
            "footnotes", "w:footnotes", f"<w:footnote w:id='2'>{paragraph('A note')}</w:footnote>"
        ),
        said=story(
            "comments",
            "w:comments",
            f"<w:comment w:id='0' w:author='Ann'>{paragraph('Why?')}</w:comment>",
        ),
        numbers=story(
            "numbering",
            "w:numbering",
            "<w:abstractNum w:abstractNumId='1'><w:lvl w:ilvl='0'><w:numFmt w:val='upperRoman'/><w:lvlText w:val='%1.'/>"
            "</w:lvl></w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='1'/></w:num>",
        ),
        styles=story(
            "styles", "w:styles", "<w:style w:type='paragraph' w:default='1' w:styleId='N'/>"
        ),
    )


CHART_REF, DIAGRAM_REF = '<c:chart r:id="chart"/>', '<dgm:relIds r:dm="data"/>'
RICH_DOCX = (
    "# Guide\n\nPage 7\n\nA note\n\nAnn: Why?\n\nIn a control\n\nIn a box\n\nSales\n\n | North\nMay | 3\n\n- First step\n\n"
    "a k | v | b\n\nI. first\n\nThe firm"
)


def rich_pptx() -> bytes:
    """Groups, a table, a chart, notes, a comment, a picture."""
    cells = "".join(f"<a:tc>{body(t).replace('p:txBody', 'a:txBody')}</a:tc>" for t in "kv")
    inner = (
        sp(body("Plan"), "title")
        + f"<p:grpSp><p:grpSp>{sp(body('In groups'))}</p:grpSp></p:grpSp>"
        + frame(f"<a:tbl><a:tr>{cells}</a:tr></a:tbl>")
        + frame('<c:chart r:id="chart"/>')
        + "<p:pic><p:nvPicPr><p:cNvPr id='9' name='x' descr='a map'/></p:nvPicPr></p:pic>"
    )
    notes = Part(
        "ppt/notes1.xml", "notesSlide", rooted("p:notes", tree(sp(body("Say this"), "body")))
    )
    said = Part(
        "ppt/comments1.xml",
        "comments",
        rooted("p:cmLst", "<p:cm authorId='0'><p:text>Why?</p:text></p:cm>"),
    )
    ann = Part("ppt/a.xml", "commentAuthors", rooted("p:l", "<p:cmAuthor id='0' name='Ann'/>"))
    return pptx(
        slide(1, inner, chart=CHART, notes=notes, said=said),
        slide(2, sp(body("End"), "title")),
        a=ann,
    )


RICH_PPTX = (
    "## Plan\n\nIn groups\n\nk | v\n\nSales\n\n | North\nMay | 3\n\nSay this\n\nAnn: Why?\n\n## End"
)


def rich_xlsx() -> bytes:
    """Shared strings, a format, a far cell, comments of both kinds, a chart, a hidden sheet."""
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><f>1/8</f><v>0.125</v></c></row>'
        '<row r="900000"><c r="XFD900000" t="inlineStr"><is><t>far</t></is></c></row>'
    )
    old = "<s:authors><s:author>Ann</s:author></s:authors><s:comment ref='A1' authorId='0'><s:text><s:t>Why?</s:t></s:text></s:comment>"
    drawing = Part(
        "xl/drawings/d.xml",
        "drawing",
        rooted("xdr:wsDr", '<c:chart r:id="chart"/>'),
        {"chart": CHART},
    )
    first = sheet(
        1, rows, c=Part("xl/comments1.xml", "comments", rooted("s:comments", old)), d=drawing
    )
    styles = "<s:cellXfs><s:xf numFmtId='0'/><s:xf numFmtId='10'/></s:cellXfs>"
    return xlsx(
        first,
        sheet(2, rows),
        states={2: "hidden"},
        shared=Part("xl/s.xml", "sharedStrings", rooted("s:sst", "<s:si><s:t>share</s:t></s:si>")),
        styles=Part("xl/styles.xml", "styles", rooted("s:styleSheet", styles)),
    )


RICH_XLSX = "share | 12.50%\n" + " | " * 10 + "far\n\nA1, Ann: Why?\n\nSales\n\n | North\nMay | 3"


def rich_epub() -> bytes:
    """XHTML as XML wants it, a note, a picture, a table of contents."""
    chapter = (
        '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:epub="http://www.idpf.org/2007/ops"><head><title/><script src="a.js"/></head><body><h1>One</h1><p>Caf&eacute;'
        '<a epub:type="noteref">1</a></p><aside epub:type="footnote">A note</aside><img src="a.png" alt="a map"/></body></html>'
    )
    nav = '<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><a href="1.xhtml">One</a></nav></body></html>'
    items = (
        '<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        '<item id="c" href="1.xhtml" media-type="application/xhtml+xml"/>'
    )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as z:
        z.writestr("META-INF/container.xml", '<container><rootfile full-path="p.opf"/></container>')
        z.writestr(
            "p.opf",
            f'<package xmlns:dc="d"><dc:title>Book</dc:title><manifest>{items}</manifest><spine><itemref idref="n"/>'
            '<itemref idref="c"/></spine></package>',
        )
        z.writestr("nav.xhtml", nav)
        z.writestr("1.xhtml", chapter)
    return sink.getvalue()
