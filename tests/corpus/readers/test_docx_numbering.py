"""Headings of Word documents by level, and numbers in front of paragraphs."""

from __future__ import annotations

import pytest

from qembed.corpus.readers.office.ooxml.word_styles import formatted
from tests.corpus.ooxml import (
    docx,
    story,
)
from tests.corpus.readers.word import (
    P,
    reading,
    text_of,
)

pytest.importorskip("lxml")


def test_headings_by_level_whatever_they_are_called() -> None:
    styles = story(
        "styles", "w:styles",
        "<w:style w:type='paragraph' w:styleId='berschrift2'><w:name w:val='heading 2'/></w:style>"
        "<w:style w:type='paragraph' w:styleId='Own'><w:basedOn w:val='berschrift2'/></w:style>"
        "<w:style w:type='paragraph' w:styleId='T'><w:name w:val='Title'/></w:style>"
        "<w:style w:type='paragraph' w:styleId='V1'><w:name w:val='toc 1'/></w:style>",
    )  # fmt: skip
    body = "".join(
        P(text, f"<w:pPr><w:pStyle w:val='{style}'/></w:pPr>")
        for style, text in (
            ("T", "The guide"),
            ("V1", "Refunds 3"),
            ("berschrift2", "Refunds"),
            ("Own", "More"),
        )
    )
    body += P("Direct", "<w:pPr><w:outlineLvl w:val='2'/></w:pPr>") + P(
        "text", "<w:pPr><w:outlineLvl w:val='9'/></w:pPr>"
    )
    text, omitted = reading(docx(body, s=styles))
    assert text.text == "# The guide\n\n## Refunds\n\n## More\n\n### Direct\n\ntext"
    assert text.title == "The guide"
    assert omitted == {"table of contents": 1}


def numbered(key: int, level: int, text: str) -> str:
    return P(
        text, f"<w:pPr><w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{key}'/></w:numPr></w:pPr>"
    )


def levels(*forms: tuple[str, str]) -> str:
    return "".join(
        f"<w:lvl w:ilvl='{n}'><w:start w:val='1'/><w:numFmt w:val='{form}'/><w:lvlText w:val='{text}'/></w:lvl>"
        for n, (form, text) in enumerate(forms)
    )


NUMBERING = (
    f"<w:abstractNum w:abstractNumId='1'>{levels(('decimal', 'Clause %1.'), ('lowerLetter', '%1.%2)'))}</w:abstractNum>"
    f"<w:abstractNum w:abstractNumId='2'>{levels(('bullet', '•'), ('none', ''))}</w:abstractNum>"
    f"<w:abstractNum w:abstractNumId='3'>{levels(('upperRoman', '%1'))}</w:abstractNum>"
    "<w:num w:numId='1'><w:abstractNumId w:val='1'/></w:num><w:num w:numId='2'><w:abstractNumId w:val='2'/></w:num>"
    "<w:num w:numId='3'><w:abstractNumId w:val='3'/></w:num><w:num w:numId='4'><w:abstractNumId w:val='1'/>"
    "<w:lvlOverride w:ilvl='0'><w:startOverride w:val='7'/></w:lvlOverride></w:num>"
)


def test_numbers_in_front_of_paragraphs() -> None:
    body = [
        (1, 0, "one"), (1, 1, "sub"), (1, 1, "sub"), (2, 0, "dot"), (1, 0, "two"), (1, 1, "sub"), (3, 0, "roman"),
        (4, 0, "later"), (4, 0, "later"), (0, 0, "none"), (2, 1, "plain"), (99, 0, "missing"),
    ]  # fmt: skip
    text = text_of(
        "".join(numbered(*x) for x in body), n=story("numbering", "w:numbering", NUMBERING)
    )
    assert text.split("\n\n") == [
        "Clause 1. one", "1.a) sub", "1.b) sub", "- dot", "Clause 2. two", "2.a) sub", "I roman",
        "Clause 7. later", "Clause 8. later", "none", "plain", "missing",
    ]  # fmt: skip


def test_numbers_of_a_style() -> None:
    styles = (
        "<w:style w:type='paragraph' w:styleId='H'><w:name w:val='heading 1'/><w:pPr><w:numPr><w:numId w:val='3'/>"
        "</w:numPr></w:pPr></w:style>"
    )
    body = P("Scope", "<w:pPr><w:pStyle w:val='H'/></w:pPr>")
    parts = {
        "s": story("styles", "w:styles", styles),
        "n": story("numbering", "w:numbering", NUMBERING),
    }
    (text, _) = reading(docx(body, **parts))
    assert (text.text, text.title) == ("# I Scope", "Scope")


@pytest.mark.parametrize(
    ("value", "form", "wanted"),
    [
        (4, "upperRoman", "IV"), (1994, "lowerRoman", "mcmxciv"), (0, "upperRoman", "0"), (26, "upperLetter", "Z"),
        (28, "lowerLetter", "bb"), (7, "decimalZero", "07"), (3, "chineseCounting", "3"),
    ],
)  # fmt: skip
def test_forms_of_numbers(value: int, form: str, wanted: str) -> None:
    assert formatted(value, form) == wanted
