"""Comments, drawings, controls and printed margins of sheets."""

from __future__ import annotations

import pytest

from tests.corpus.ooxml import Part, body, rooted, sheet, xlsx
from tests.corpus.readers.workbooks import ROW, reading, text_of

pytest.importorskip("lxml")


def test_comments() -> None:
    old = (
        "<s:authors><s:author>Ann</s:author><s:author>tc={1}</s:author></s:authors><s:commentList>"
        "<s:comment ref='B2' authorId='0'><s:text><s:r><s:t>too </s:t></s:r><s:r><s:t>high</s:t></s:r></s:text></s:comment>"
        "<s:comment ref='B3' authorId='0'><s:text><s:t>Ann:\n why?</s:t></s:text></s:comment>"
        "<s:comment ref='B4' authorId='1'><s:text><s:t>[Threaded comment] gone</s:t></s:text></s:comment></s:commentList>"
    )
    new = (
        "<x:threadedComment ref='B4' personId='{P}' xmlns:x='x'><x:text>is it?</x:text></x:threadedComment>"
        "<x:threadedComment ref='B4' personId='{Q}' parentId='1' xmlns:x='x'><x:text>yes</x:text></x:threadedComment>"
    )
    people = "<x:person displayName='Bo' id='{P}' xmlns:x='x'/>"
    text = text_of(
        ROW,
        c=Part("xl/comments1.xml", "comments", rooted("s:comments", old)),
        t=Part("xl/threadedComments/t.xml", "threadedComment", rooted("s:ThreadedComments", new)),
        book={"p": Part("xl/persons/p.xml", "person", rooted("s:personList", people))},
    )
    assert text == "a\n\nB4, Bo: is it?\nB4: yes\nB2, Ann: too high\nB3: Ann: why?"


def test_drawings() -> None:
    chart = Part(
        "xl/charts/c.xml", "chart",
        rooted("c:chartSpace", "<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx>"
               "</c:title></c:chart>"),
    )  # fmt: skip
    shapes = (
        f"<xdr:twoCellAnchor><xdr:sp>{body('box').replace('p:txBody', 'xdr:txBody')}</xdr:sp></xdr:twoCellAnchor>"
        f"<xdr:oneCellAnchor><xdr:grpSp><xdr:grpSp><xdr:sp>{body('deep').replace('p:txBody', 'xdr:txBody')}</xdr:sp>"
        "</xdr:grpSp></xdr:grpSp></xdr:oneCellAnchor><xdr:twoCellAnchor><xdr:graphicFrame><a:graphic><a:graphicData>"
        "<c:chart r:id='c'/></a:graphicData></a:graphic></xdr:graphicFrame></xdr:twoCellAnchor>"
    )
    drawing = Part("xl/drawings/d.xml", "drawing", rooted("xdr:wsDr", shapes), {"c": chart})
    assert text_of(ROW, d=drawing) == "a\n\nbox\n\ndeep\n\nSales"
    # a sheet that is a chart
    alone = Part("xl/chartsheets/c.xml", "chartsheet", rooted("s:chartsheet", ""), {"d": drawing})
    assert reading(xlsx(sheet(1, ROW), alone))[0] == {"S1": "a", "S2": "box\n\ndeep\n\nSales"}
    _, omitted, _ = reading(xlsx(sheet(1, ROW, d=drawing._replace(data="<xdr:wsDr"))))
    assert [what.split(":")[0] for what in omitted] == ["drawing"]


def test_labels_of_controls() -> None:
    button = (
        "<v:shape><v:textbox><div>Send <font>now</font></div></v:textbox><v:ClientData ObjectType='Button'/></v:shape>"
        "<v:shape><v:textbox><div>gone</div></v:textbox><v:ClientData ObjectType='Note'/></v:shape>"
    )
    part = Part("xl/drawings/v.vml", "vmlDrawing", rooted("o:xml", button))
    assert text_of(ROW, v=part) == "a\n\nSend now"
    _, omitted, _ = reading(xlsx(sheet(1, ROW, v=part._replace(data="<xml><br></xml>"))))
    assert omitted == {"controls": 1}


def test_margins_of_the_printed_page() -> None:
    margins = (
        '<headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"&amp;12The firm&amp;C&amp;KFF0000R&amp;&amp;D</oddHeader>'
        "<evenHeader>&amp;LThe firm</evenHeader><oddFooter>&amp;RPage &amp;P of &amp;N&amp;C&amp;P</oddFooter></headerFooter>"
    )
    assert text_of(ROW, margins) == "a\n\nThe firm\nR&D\nPage of"
