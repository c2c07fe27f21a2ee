"""Presentations: each thing that can be on a slide, in the smallest presentation that has it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qembed.corpus.readers.converted import Broken, Omitted, Text
from qembed.corpus.readers.office.pptx import pptx as convert
from tests.corpus.made import saved
from tests.corpus.ooxml import Part, body, frame, pptx, rooted, slide, sp, tree

pytest.importorskip("lxml")


def reading(data: bytes) -> tuple[Text, dict[str, int], list[str]]:
    """The text of a presentation, what was left out of it, and what is broken."""
    items = list(convert(data))
    (text,) = (i for i in items if isinstance(i, Text))
    omitted = {i.what: i.number for i in items if isinstance(i, Omitted)}
    return text, omitted, [i.error for i in items if isinstance(i, Broken)]


def text_of(inner: str, **parts: Part) -> str:
    """The text of a slide without a title, without its heading."""
    text = reading(pptx(slide(1, inner, **parts)))[0].text
    assert text.startswith("## Slide 1")
    return text.removeprefix("## Slide 1").strip()


def test_titles_and_order() -> None:
    first = slide(
        1, sp(body("text")) + sp(body("The", "title"), "ctrTitle") + sp(body("more"), "subTitle")
    )
    text, _, _ = reading(pptx(first, slide(2, sp(body("x")))))
    assert text == Text(
        "", "## The title\n\ntext\n\nmore\n\n## Slide 2\n\nx", "The title", {"slides": 2}
    )


@pytest.mark.parametrize("depth", [1, 5, 60])
def test_groups_at_any_depth(depth: int) -> None:
    inner = sp(body("deep"))
    for _ in range(depth):
        inner = f"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='1' name='g'/></p:nvGrpSpPr><p:grpSpPr/>{inner}</p:grpSp>"
    assert text_of(inner) == "deep"


def test_slides_that_a_show_skips_are_read() -> None:
    text, _, _ = reading(pptx(slide(1, sp(body("in reserve")), 'show="0"')))
    assert text.text == "## Slide 1\n\nin reserve"


def test_hidden_shapes_stay_out() -> None:
    assert text_of(sp(body("gone"), about="hidden='1'") + sp(body("a"))) == "a"


def test_text_bodies() -> None:
    inner = (
        "<p:txBody><a:bodyPr/><a:p><a:pPr><a:buChar char='x'/></a:pPr><a:r><a:rPr/><a:t>one</a:t></a:r><a:br/><a:r>"
        "<a:t>two</a:t></a:r><a:fld id='f' type='datetime'><a:t> now</a:t></a:fld></a:p><a:p><mc:AlternateContent>"
        "<mc:Choice Requires='a14'><a14:m><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></a14:m></mc:Choice>"
        "<mc:Fallback><a:r><a:t>picture</a:t></a:r></mc:Fallback></mc:AlternateContent></a:p></p:txBody>"
    )
    assert text_of(sp(inner)) == "one\ntwo now\nx=1"
    assert text_of(sp(body("exam\xadple"))) == "example"


def cell(text: str, attributes: str = "") -> str:
    return f"<a:tc {attributes}>{body(text).replace('p:txBody', 'a:txBody')}</a:tc>"


def test_tables_with_merged_cells() -> None:
    rows = (
        f"<a:tr>{cell('wide', WIDE)}{cell('', COVERED)}</a:tr><a:tr>{cell('k')}{cell('v')}</a:tr>"
    )
    assert text_of(frame(f"<a:tbl><a:tblPr/>{rows}</a:tbl>")) == "wide\nk | v"


WIDE, COVERED = "gridSpan='2'", "hMerge='1'"


def test_charts_and_diagrams() -> None:
    chart = Part(
        "ppt/charts/c.xml", "chart",
        rooted("c:chartSpace", "<c:chart><c:title><c:tx><c:strRef><c:strCache><c:pt idx='0'><c:v>Sales</c:v></c:pt>"
               "</c:strCache></c:strRef></c:tx></c:title></c:chart>"),
    )  # fmt: skip
    points = "<dgm:ptLst><dgm:pt modelId='1'><dgm:t><a:p><a:r><a:t>step</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst>"
    diagram = Part("ppt/diagrams/data1.xml", "diagramData", rooted("dgm:dataModel", points))
    inner = frame("<c:chart r:id='c'/>") + frame("<dgm:relIds r:dm='d'/>")
    assert text_of(inner, c=chart, d=diagram) == "Sales\n\n- step"


def test_alternatives_once() -> None:
    inner = (
        f"<mc:AlternateContent><mc:Choice Requires='x'>{sp(body('a'))}</mc:Choice><mc:Fallback>{sp(body('b'))}"
        f"</mc:Fallback></mc:AlternateContent><mc:AlternateContent><mc:Choice Requires='y'><p:contentPart/></mc:Choice>"
        f"<mc:Fallback>{sp(body('c'))}</mc:Fallback></mc:AlternateContent>"
    )
    assert text_of(inner) == "a\n\nc"


def test_notes() -> None:
    inner = (
        sp("", "sldImg")
        + sp(body("say this"), "body")
        + sp(body("3"), "sldNum")
        + sp(body("head"), "hdr")
    )
    notes = Part("ppt/notesSlides/n.xml", "notesSlide", rooted("p:notes", tree(inner)))
    assert text_of(sp(body("a")), n=notes) == "a\n\nsay this"
    text, omitted, _ = reading(pptx(slide(1, sp(body("a")), n=notes._replace(data="<p:notes"))))
    assert text.text == "## Slide 1\n\na"
    assert [what.split(":")[0] for what in omitted] == ["notes"]


def test_comments_of_both_kinds() -> None:
    old = Part(
        "ppt/comments/c1.xml", "comments",
        rooted("p:cmLst", "<p:cm authorId='0'><p:pos/><p:text>too long</p:text></p:cm>"),
    )  # fmt: skip
    new = Part(
        "ppt/comments/c2.xml", "comments",
        rooted("p:cmLst", f"<p:cm authorId='{{B}}'><p:replyLst><p:reply authorId='0'>{body('no')}</p:reply></p:replyLst>"
               f"{body('is it?')}</p:cm>"),
    )  # fmt: skip
    authors = {
        "a": Part(
            "ppt/a.xml",
            "commentAuthors",
            rooted("p:cmAuthorLst", "<p:cmAuthor id='0' name='Ann'/>"),
        ),
        "b": Part("ppt/b.xml", "authors", rooted("p:authorLst", "<p:author id='{B}' name='Bo'/>")),
    }
    text, _, _ = reading(pptx(slide(1, sp(body("a")), c=old, d=new), **authors))
    assert text.text == "## Slide 1\n\na\n\nAnn: too long\n\nBo: is it?\n\nAnn: no"


def test_what_every_slide_shows_is_said_once() -> None:
    master = Part("ppt/slideMasters/m.xml", "slideMaster", rooted("p:sldMaster", tree(
        sp(body("Click to edit"), "title") + sp(body("The firm")))))  # fmt: skip
    layout = Part("ppt/slideLayouts/l.xml", "slideLayout", rooted("p:sldLayout", tree(
        sp(body("Click to add text"), "body") + sp(body("Confidential")))), {"m": master})  # fmt: skip
    inner = (
        sp(body("2026"), "dt")
        + sp(body("Plan 7"), "ftr")
        + sp(body("1"), "sldNum")
        + sp("", "body")
    )
    slides = [slide(n, inner + sp(body(f"text {n}")), l=layout) for n in (1, 2)]
    text, _, _ = reading(pptx(*slides))
    assert text.text == (
        "## Slide 1\n\ntext 1\n\n## Slide 2\n\ntext 2\n\n2026\n\nPlan 7\n\nConfidential\n\nThe firm"
    )


def test_pictures_and_objects_are_named() -> None:
    def pic(about: str, media: str = "") -> str:
        return (
            f"<p:pic><p:nvPicPr><p:cNvPr id='4' name='Picture 4' {about}/><p:nvPr>{media}</p:nvPr></p:nvPicPr>"
            "<p:blipFill/></p:pic>"
        )

    inner = (
        pic("descr='Sales by year'") + pic("") + pic("descr='talk'", "<a:videoFile r:link='v'/>") + pic("", "<a:audioFile/>")
        + frame("<p:oleObj progId='Excel.Sheet.12'><p:embed/></p:oleObj>") + frame("<c:chart r:id='none'/>")
        + sp(body("words"))
    )  # fmt: skip
    text, omitted, _ = reading(pptx(slide(1, inner)))
    assert text.text == "## Slide 1\n\nwords"
    assert omitted == {
        "picture: Sales by year": 1, "picture": 1, "video: talk": 1, "audio": 1,
        "embedded object: Excel.Sheet.12": 1, "chart": 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"no text in it \(picture\)"):
        list(convert(pptx(slide(1, pic("")), slide(2, ""))))


def test_a_broken_slide_is_named_and_the_others_are_read() -> None:
    gone = slide(2, "")._replace(external=True)
    text, _, broken = reading(
        pptx(slide(1, sp(body("a"))), gone, slide(3, "")._replace(data="<p:sld"), slide(4, ""))
    )
    assert text.text == "## Slide 1\n\na\n\n## Slide 4"
    assert text.meta == {"slides": 4}
    assert [error.split(":")[0] for error in broken] == ["slide 2", "slide 3"]


# ── the reference: everything that python-pptx writes ────────────────────────────────────────────


@pytest.mark.slow
def test_every_word_that_python_pptx_writes_is_found() -> None:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    words = iter(f"word{n}" for n in range(1000))
    deck: Any = Presentation()
    for layout in deck.slide_layouts:
        page = deck.slides.add_slide(layout)
        for shape in page.placeholders:
            if shape.has_text_frame and "PICTURE" not in str(shape.placeholder_format.type):
                shape.text_frame.text = next(words)
                shape.text_frame.add_paragraph().text = next(words)
        group = page.shapes.add_group_shape().shapes.add_group_shape()
        group.shapes.add_textbox(0, 0, 9, 9).text_frame.text = next(words)
        table = page.shapes.add_table(2, 2, 0, 0, 9, 9).table
        for cell_ in table.iter_cells():
            cell_.text = next(words)
        page.notes_slide.notes_text_frame.text = next(words)
    data = CategoryChartData()
    data.categories = [next(words), next(words)]
    data.add_series(next(words), (1, 2))
    chart = page.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, Inches(1), Inches(1), data).chart
    chart.chart_title.text_frame.text = next(words)
    text = reading(saved(deck))[0].text
    n = int(next(words).removeprefix("word"))
    assert n > 80
    assert {f"word{i}" for i in range(n)} <= set(re.findall(r"\w+", text))
    assert "Click" not in text
