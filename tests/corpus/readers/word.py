"""Word documents for the tests of their reader: runs, fields, drawings."""

from __future__ import annotations

from qembed.corpus.readers.converted import Omitted, Text
from qembed.corpus.readers.office.docx import docx as convert
from tests.corpus.ooxml import Part, docx, paragraph


def reading(data: bytes) -> tuple[Text, dict[str, int]]:
    """The text of a document, and what was left out of it."""
    text, *rest = convert(data)
    assert isinstance(text, Text)
    omitted = [item for item in rest if isinstance(item, Omitted)]
    assert len(omitted) == len(rest)
    return text, dict(omitted)


def text_of(body: str, **parts: Part) -> str:
    return reading(docx(body, **parts))[0].text


P = paragraph
DELETED = '<w:del w:id="9" w:author="A"><w:r><w:delText>gone</w:delText></w:r></w:del>'
HIDDEN = "<w:rPr><w:vanish/></w:rPr>"


def mark(kind: str, inner: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{inner}</w:fldChar></w:r>'


def code(text: str) -> str:
    return f"<w:r><w:instrText>{text}</w:instrText></w:r>"


def field(instruction: str, result: str) -> str:
    return mark("begin") + instruction + mark("separate") + result + mark("end")


def box(*paragraphs: str) -> str:
    return f"<w:txbxContent>{''.join(paragraphs)}</w:txbxContent>"


def shape(inner: str) -> str:
    return f"<wps:wsp><wps:txbx>{inner}</wps:txbx></wps:wsp>"


def drawing(inner: str, about: str = "") -> str:
    return (
        f'<w:drawing><wp:inline><wp:docPr id="1" name="n" {about}/><a:graphic><a:graphicData>{inner}'
        "</a:graphicData></a:graphic></wp:inline></w:drawing>"
    )


def either(choice: str, fallback: str) -> str:
    return (
        f'<mc:AlternateContent><mc:Choice Requires="wps">{choice}</mc:Choice>'
        f"<mc:Fallback>{fallback}</mc:Fallback></mc:AlternateContent>"
    )


def vml(inner: str) -> str:
    return f"<w:pict><v:shape>{inner}</v:shape></w:pict>"
