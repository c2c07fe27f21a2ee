"""Drawings in Word documents: text boxes, charts, diagrams, and what is left out."""

from __future__ import annotations

import pytest

from qembed.corpus.readers.converted import Text
from qembed.corpus.readers.office.docx import docx as convert
from tests.corpus.ooxml import (
    DRAWING,
    Part,
    docx,
    rooted,
    row,
    run,
)
from tests.corpus.readers.word import (
    P,
    box,
    code,
    drawing,
    either,
    mark,
    reading,
    shape,
    text_of,
    vml,
)

pytest.importorskip("lxml")


# ── text boxes and drawings ──────────────────────────────────────────────────────────────────────


OLD_BOX = vml(f"<v:textbox>{box(P('b'))}</v:textbox>")


def test_text_boxes_once() -> None:
    both = either(
        drawing(shape(box(P("b"), P("c")))), vml(f"<v:textbox>{box(P('b'), P('c'))}</v:textbox>")
    )
    assert text_of(f"<w:p>{run('a')}<w:r>{both}</w:r>{run('d')}</w:p>") == "ad\n\nb\n\nc"
    assert text_of(f"<w:p><w:r>{OLD_BOX}</w:r></w:p>") == "b"
    # only the older form has words
    half = either(drawing("<wps:wsp/>"), vml(f"<v:textbox>{box(P('b'))}</v:textbox>"))
    assert text_of(f"<w:p><w:r>{half}</w:r></w:p>") == "b"


def test_groups_of_shapes() -> None:
    inner = shape(box(P("deep")))
    for _ in range(20):
        inner = f"<wpg:grpSp>{inner}</wpg:grpSp>"
    assert text_of(f"<w:p><w:r>{drawing(f'<wpg:wgp>{inner}</wpg:wgp>')}</w:r></w:p>") == "deep"


def test_a_text_box_has_fields_and_tables_of_its_own() -> None:
    inner = f"<w:p>{mark('begin')}{code('X')}</w:p><w:tbl>{row(P('k'), P('v'))}</w:tbl>"
    assert (
        text_of(f"<w:p>{run('a')}<w:r>{drawing(shape(box(inner)))}</w:r></w:p>{P('b')}")
        == "a\n\nk | v\n\nb"
    )


def test_word_art() -> None:
    art = vml("<v:textpath string='DRAFT'/>")
    assert text_of(f"<w:p><w:r>{art}</w:r></w:p>") == "DRAFT"


def test_pictures_and_objects_are_named() -> None:
    picture = "<pic:pic><pic:nvPicPr><pic:cNvPr id='1' name='x'/></pic:nvPicPr></pic:pic>"
    ole = (
        "<w:object><v:shape><v:imagedata r:id='i'/></v:shape><o:OLEObject ProgID='Excel.Sheet.12'/></w:object>"
        "<w:object><v:shape/><w:control w:name='Button1'/></w:object>"
    )
    body = f"""{P("words")}<w:p><w:r>{drawing(picture, 'descr="Sales by year"')}</w:r><w:r>{drawing(picture)}</w:r>
    <w:r>{vml("<v:imagedata o:title='old one'/>")}{ole}<w:contentPart/></w:r></w:p><w:subDoc r:id='s'/>"""
    text, omitted = reading(docx(body))
    assert text.text == "words"
    assert omitted == {
        "picture: Sales by year": 1,
        "picture": 1,
        "picture: old one": 1,
        "embedded object: Excel.Sheet.12": 1,
        "control: Button1": 1,
        "ink": 1,
        "subdocument": 1,
    }


def test_a_document_of_pictures_is_a_failure() -> None:
    picture = drawing("<pic:pic/>", 'descr="scan"')
    with pytest.raises(ValueError, match=r"no text in it \(picture: scan\)"):
        list(convert(docx(f"<w:p><w:r>{picture}</w:r></w:p>")))
    assert reading(docx("")) == (Text("", "", "", {}), {})


def values(kind: str, *texts: str) -> str:
    points = "".join(f"<c:pt idx='{n}'><c:v>{t}</c:v></c:pt>" for n, t in enumerate(texts))
    return f"<c:{kind}><c:strRef><c:f>gone</c:f><c:strCache>{points}</c:strCache></c:strRef></c:{kind}>"


def rich(text: str) -> str:
    return f"<c:tx><c:rich><a:p><a:r><a:t>{text}</a:t></a:r></a:p></c:rich></c:tx>"


CHART = (
    f"<c:chart><c:title>{rich('Sales')}</c:title><c:plotArea><c:barChart>"
    f"<c:ser>{values('tx', 'North')}{values('cat', 'May', 'June')}{values('val', '1', '2.50')}"
    f"<c:dLbls><c:dLbl>{rich('best')}</c:dLbl></c:dLbls><c:trendline><c:name>growth</c:name></c:trendline></c:ser>"
    f"<c:ser>{values('tx', 'South')}{values('val', '3', '4')}</c:ser></c:barChart>"
    f"<c:catAx><c:title>{rich('month')}</c:title></c:catAx></c:plotArea></c:chart>"
)


def graphic(inner: str) -> str:
    return f"<w:p><w:r>{drawing(inner)}</w:r></w:p>"


def test_charts() -> None:
    shapes = Part(
        "word/drawings/d.xml", "chartUserShapes",
        rooted("c:userShapes", "<c:sp><c:txBody><a:p><a:r><a:t>note</a:t></a:r></a:p></c:txBody></c:sp>"),
    )  # fmt: skip
    part = Part(
        "word/charts/c.xml",
        "chart",
        rooted("c:chartSpace", CHART),
        {"u": shapes},
        DRAWING + "chart+xml",
    )
    assert text_of(graphic("<c:chart r:id='k'/>"), k=part) == (
        "Sales\n\n | North | South\nMay | 1 | 3\nJune | 2.5 | 4\n\nmonth\n\nbest\n\ngrowth\n\nnote"
    )
    broken = part._replace(data="<c:chartSpace")
    _, omitted = reading(docx(P("x") + graphic("<c:chart r:id='k'/>"), k=broken))
    assert [what.split(":")[0] for what in omitted] == ["chart"]
    _, omitted = reading(docx(P("x") + graphic("<c:chart r:id='none'/>")))
    assert omitted == {"chart": 1}


def test_charts_of_many_values_keep_their_words() -> None:
    cloud = CHART.replace(values("val", "3", "4"), values("val", *map(str, range(1000))))
    part = Part("word/charts/c.xml", "chart", rooted("c:chartSpace", cloud))
    text, omitted = reading(docx(graphic("<c:chart r:id='k'/>"), k=part))
    assert text.text.startswith("Sales\n\n | North | South\nMay\nJune\n\nmonth")
    assert omitted == {"1,002 values of a chart": 1}


def test_newer_charts() -> None:
    data = (
        "<cx:chartData><cx:data><cx:strDim><cx:lvl><cx:pt idx='0'>May</cx:pt></cx:lvl></cx:strDim><cx:numDim><cx:lvl>"
        "<cx:pt idx='0'>5</cx:pt></cx:lvl></cx:numDim></cx:data></cx:chartData><cx:chart><cx:title><cx:tx><cx:txData>"
        "<cx:v>Cash</cx:v></cx:txData></cx:tx></cx:title><cx:series><cx:tx><cx:txData><cx:v>Flow</cx:v></cx:txData>"
        "</cx:tx></cx:series></cx:chart>"
    )
    part = Part("word/charts/x.xml", "chartEx", rooted("cx:chartSpace", data))
    newer = drawing("<cx:chart r:id='k'/>")
    body = f"<w:p><w:r>{either(newer, run('not available'))}</w:r></w:p>"
    assert text_of(body, k=part) == "Cash\n\nFlow\n\nMay\n5"


def test_diagrams_in_the_order_they_are_drawn() -> None:
    def point(key: str, text: str, kind: str = "node") -> str:
        return (
            f"<dgm:pt modelId='{key}' type='{kind}'><dgm:prSet/><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t>"
            "</dgm:pt>"
        )

    def link(above: str, below: str, order: int) -> str:
        return (
            f"<dgm:cxn modelId='{above}{below}' srcId='{above}' destId='{below}' srcOrd='{order}'/>"
        )

    data = (
        f"<dgm:ptLst>{point('d', '', 'doc')}{point('3', 'third')}{point('1', 'first')}{point('2', 'second')}"
        f"{point('4', 'loose')}{point('5', '', 'pres')}</dgm:ptLst><dgm:cxnLst>{link('d', '3', 1)}{link('d', '1', 0)}"
        f"{link('1', '2', 0)}{link('2', '1', 0)}</dgm:cxnLst>"
    )
    part = Part("word/diagrams/data1.xml", "diagramData", rooted("dgm:dataModel", data))
    assert (
        text_of(graphic("<dgm:relIds r:dm='k' r:lo='l'/>"), k=part)
        == "- first\n- second\n- third\n- loose"
    )
