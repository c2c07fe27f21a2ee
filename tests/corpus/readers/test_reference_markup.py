"""All words of random HTML and XHTML are found once, or named as left out; what nobody sees is not found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.corpus.readers.html import read_page, read_xhtml
from tests.corpus.readers.planted_words import Tree, Words, check, trees

pytest.importorskip("lxml")


_NAMES = (
    "div p section article aside footer blockquote figure figcaption details summary ul li b i span em td header "
    "dl dd center address fieldset font u mark cite q time pre textarea"
)


ELEMENTS = _NAMES.split()


UNSEEN = [
    "<script>{}</script>",
    "<style>{}</style>",
    "<p hidden=''>{}</p>",
    "<nav>{}</nav>",
    "<template>{}</template>",
]


def elements(parts: list[Tree], words: Words) -> str:
    out = []
    for part in parts:
        if part == "gone":
            out.append(UNSEEN[words.made["gone"] % len(UNSEEN)].format(words.next("gone")))
        elif isinstance(part, str):
            out.append(f" {words.next(part)} ")
        else:
            tag = ELEMENTS[part[0]]
            out.append(f"<{tag}>{elements(part[1], words)}</{tag}>")
    return "".join(out)


@settings(deadline=None, max_examples=150)
@given(trees(len(ELEMENTS)))
@pytest.mark.slow
def test_xhtml(parts: list[Tree]) -> None:
    words = Words()
    inner = elements(parts, words).replace("<textarea>", "<div>").replace("</textarea>", "</div>")
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><main><script/>{inner}</main></body></html>'
    check(read_xhtml(page).text, words)
    check(read_page(page).text, words)


@settings(deadline=None, max_examples=100)
@given(st.lists(trees(len(ELEMENTS) - 1), min_size=1, max_size=3))
@pytest.mark.slow
def test_html(chapters: list[list[Tree]]) -> None:
    words = Words()
    inner = "".join(f"<section>{elements(parts, words)}</section>" for parts in chapters)
    check(
        read_page(
            f"<html><body><nav>x</nav><main>{inner}</main><footer>gone0</footer></body></html>"
        ).text,
        words,
    )
