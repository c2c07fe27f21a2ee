"""HTML and XHTML to what a reader of the page sees; what cannot be text is named."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qembed.corpus import ReadOptions, read
from qembed.corpus.readers import xhtml
from qembed.corpus.readers.html import Page, read_page, read_xhtml
from qembed.types import Document, LeftOut, ReadItem, SourceFile


def reading(path: Path, data: str | bytes) -> list[ReadItem]:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(read(SourceFile("s", path.name, str(path), path.stat().st_size, 1), ReadOptions()))


def text_of(body: str) -> str:
    return read_page(f"<html><body>{body}</body></html>").text


# ── what of a page is its content ────────────────────────────────────────────────────────────────

MAIN = "<nav>menu</nav><aside>advert</aside><main>{}</main><aside>related</aside><footer>imprint</footer>"


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        ("<p>a</p><aside>note</aside><p>b</p>", "a\n\nnote\n\nb"),
        ("<blockquote><p>said</p><footer>the poet</footer></blockquote>", "said\n\nthe poet"),
        ("<article>x<footer>by Ann</footer></article>", "x\n\nby Ann"),
        ("<figure><img src=a.png alt=''><figcaption>seen</figcaption></figure>", "seen"),
        ("word<sup><a href='#n'>1</a></sup> x<sup>2</sup> y<sup><a href='#n'>[2]</a></sup>", "word[1] x2 y[2]"),
        ("word<a role=doc-noteref href=#n><sup>3</sup></a>", "word[3]"),
        ("<details><summary>more</summary>hidden at first</details>", "more\n\nhidden at first"),
        ("<section role=doc-endnotes><ol><li>a note</ol></section>", "- a note"),
        ("<table><caption>Table 1<tr><td>k<td>v<tfoot><tr><td>s<td>1</table>", "Table 1\n\nk | v\n\ns | 1"),
        ("<dialog>closed</dialog><dialog open>shown</dialog>", "shown"),
        ("<p hidden>no<p hidden=until-found>found by the browser's search", "found by the browser's search"),
        ("<textarea readonly>two\n  lines</textarea>", "two\n  lines"),
        ("<h3><button>A question</button></h3>An answer", "### A question\n\nAn answer"),
        ("<h3>Struct <button>copy</button></h3>", "### Struct"),
        ("<button>Buy</button>now", "now"),
        ("<ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby>", "東京(とうきょう)"),
        ("<ruby>漢<rt>かん</rt></ruby>字", "漢(かん)字"),
        ("exam&shy;ple and Donau\xaddampf", "example and Donaudampf"),
        ("<svg><title>t</title><style>s{}</style><text>Sales</text></svg>", "Sales"),
        ("<svg><text>a</text><g><foreignObject><p>b</p></foreignObject></g></svg>", "a\nb"),
        ("<math><mfrac><mi>a</mi><mn>2</mn></mfrac><mo>=</mo><msup><mi>c</mi><mn>2</mn></msup></math>",
         "a/2=c^2"),
        ("<math><semantics><mi>x</mi><annotation>tex</annotation></semantics></math>", "x"),
        ("<span class=katex-mathml><math><mi>x</mi></math></span><span class=katex-html>x</span>", "x"),
        ("<iframe srcdoc='<p>inner &amp;lt; page</p>'></iframe>", "inner < page"),
    ],
)  # fmt: skip
def test_the_main_content_is_kept_whole(inside: str, wanted: str) -> None:
    assert text_of(MAIN.format(inside)) == wanted


def test_boilerplate_stays_out() -> None:
    text = text_of(
        "<nav>menu</nav><header>Shop</header><p>a</p><aside>ad</aside><footer>f</footer>"
    )
    assert text == "Shop\n\na"


@pytest.mark.parametrize(
    "note",
    [
        "<aside role=doc-footnote>n</aside>",
        "<aside role=note>n</aside>",
        "<aside class='footnote brackets'>n</aside>",
        "<article>a<aside>n</aside></article><article>b</article>",
    ],
)
def test_notes_are_content_wherever_they_stand(note: str) -> None:
    assert "n" in text_of(note).split()


def test_the_title_is_not_a_drawings() -> None:
    assert read_page("<svg><title>Logo</title></svg><h1>Shop</h1>").title == "Shop"
    assert read_page("<p><title>In the body</title><h1>x</h1>").title == "In the body"


# ── what is left out ─────────────────────────────────────────────────────────────────────────────


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    page = """<main>text<img alt="Sales by year" src=a.png><img src="img/b.png"><img alt="" src=c.png>
    <img src="data:image/png;base64,AAAA"><iframe src=https://x.org/></iframe><iframe src=https://x.org/></iframe>
    <object data=plan.pdf>no</object><embed src=d.swf><video src=v.mp4>Your browser</video><canvas></canvas>
    <select name=country><option>DE</select></main>"""
    document, *rest = reading(tmp_path / "a.html", page)
    assert isinstance(document, Document)
    assert document.text == "text"
    where = str(tmp_path / "a.html")
    assert rest == [
        LeftOut(where, "picture: Sales by year"),
        LeftOut(where, "picture: img/b.png"),
        LeftOut(where, "picture"),
        LeftOut(where, "frame: https://x.org/", 2),
        LeftOut(where, "embedded object: plan.pdf"),
        LeftOut(where, "embedded object: d.swf"),
        LeftOut(where, "video: v.mp4"),
        LeftOut(where, "canvas"),
        LeftOut(where, "choices of a form: country"),
    ]


def test_pages_of_frames_and_of_scripts() -> None:
    page = read_page("<frameset><frame src=a.html><frame src=b.html></frameset>")
    assert dict(page.left_out) == {"frame: a.html": 1, "frame: b.html": 1}
    page = read_page("<div id=app></div><script>render()</script>")
    assert dict(page.left_out) == {"the content that its scripts would write": 1}
    assert not read_page("<p>x</p><script>render()</script>").left_out


# ── XHTML ────────────────────────────────────────────────────────────────────────────────────────

XMLNS = 'xmlns="http://www.w3.org/1999/xhtml"'
SELF_CLOSED = [
    "title", "script", "style", "iframe", "textarea", "noscript", "template", "xmp", "noembed", "noframes",
    "select", "button", "object", "video", "audio", "canvas", "svg", "math", "nav", "aside", "footer",
    "dialog", "pre", "a", "p", "div", "span", "i", "td", "li", "plaintext", "listing", "head", "ruby",
]  # fmt: skip


@pytest.mark.parametrize("tag", SELF_CLOSED)
@pytest.mark.parametrize("name", ["a.xhtml", "b.xht", "declared.html", "broken.xhtml"])
@pytest.mark.slow
def test_self_closed_elements_swallow_nothing(tmp_path: Path, tag: str, name: str) -> None:
    start = '<?xml version="1.0"?>' if name == "declared.html" else ""
    mistake = "<br>" if name.startswith("broken") else ""
    in_head = tag in ("title", "script", "style")
    head = f"<head><{tag}/></head>" if in_head else ""
    page = f"{start}<html {XMLNS}>{head}<body><{tag}/>before{mistake}<p>after</p></body></html>"
    document = reading(tmp_path / name, page)[0]
    assert isinstance(document, Document)
    assert {"before", "after"} <= set(document.text.replace("`", " ").split())


def test_html_with_the_namespace_of_xhtml() -> None:
    assert read_page(f"<html {XMLNS}><head><title/></head><body>text</body></html>").text == "text"
    # without a word of XML it is HTML, where a title ends at its end tag
    assert read_page("<html><head><title>T</title></head><body>text</body></html>").text == "text"
    assert not xhtml.is_declared("<html><head><title/></head><body>text</body></html>")
    assert not xhtml.is_declared(f"<html {XMLNS}><head><title>T</title></head></html>")


def test_rules_of_xml() -> None:
    page = read_xhtml(
        """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://x/d.dtd" [<!ENTITY me "Ann B">]>
        <h:html xmlns:h="http://www.w3.org/1999/xhtml" xml:lang="de"><h:head><h:title>T&eacute;</h:title>
        <h:style>p::before {}</h:style></h:head><h:body><h:p title="a &quot;b&quot;">x &lt; y &amp;&nbsp;z,
        <![CDATA[1 < 2 & <b>]]> &me;</h:p><x:y xmlns:x="urn:x">other words</x:y></h:body></h:html>"""
    )
    assert page.text == "x < y &\xa0z, 1 < 2 & <b> Ann B\n\nother words"
    assert (page.title, page.meta) == ("Té", {"lang": "de"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_what_the_declaration_says_of_the_encoding_is_past(tmp_path: Path, encoding: str) -> None:
    text = "Das Café an der Straße ist heute geschlossen, weil der Besitzer krank ist. Bis Montag!"
    page = f'<?xml version="1.0" encoding="{encoding}"?><html {XMLNS}><body><p>{text}</p></body></html>'
    document = reading(tmp_path / "a.xhtml", page.encode(encoding))[0]
    assert isinstance(document, Document)
    assert document.text == text


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        ('<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;">', "&b;" * 10),
        (f'<!ENTITY a "{"x" * 50_000}">', "&a;" * 40_000),
        ('<!ENTITY % p "x"><!ENTITY nbsp "&a;&a;">', "&nbsp;"),
        ('<!ENTITY s SYSTEM "file:///etc/passwd">', "&s;"),
    ],
)
def test_entities_neither_grow_nor_fetch(declared: str, used: str) -> None:
    began = time.process_time()
    page = read_xhtml(
        f"<!DOCTYPE html [{declared}]><html {XMLNS}><body><p>ok {used}</p></body></html>"
    )
    assert "ok" in page.text
    assert "haha" not in page.text.replace("ENTITY", "")[:50]
    assert "root:" not in page.text
    assert len(page.text) < 300_000
    assert time.process_time() - began < 2


@pytest.mark.parametrize("close", ["", "</div>" * 5000])
def test_too_deep(close: str) -> None:
    page = f"<html {XMLNS}><body>{'<div>' * 5000}x{close}</body></html>"
    with pytest.raises(xhtml.TooDeep):
        read_xhtml(page)


# ── a reference reader: the standard library's parser, which sees every text node ────────────────


class Seen(HTMLParser):
    """The words of a page outside of the elements that show none."""

    UNSEEN = frozenset(("script", "style", "title", "template", "noscript"))

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag in self.UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in self.UNSEEN

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.words += data.split()


EVERY = (
    "a abbr address article b bdi bdo blockquote cite code data dd del details dfn div dl dt em "
    "fieldset figcaption figure font footer aside h1 h2 h3 h4 h5 h6 header hgroup i ins kbd "
    "label legend li main mark menu meter ol output p pre progress q rp rt ruby s samp search "
    "section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt "
    "u ul var center big acronym x-own caption "
)


@pytest.mark.parametrize("is_xml", [False, True])
def test_words_of_every_element_are_found(is_xml: bool) -> None:
    parts = [
        f"<{tag}>word{n} <b>inner{n}</b></{tag}>"
        for n, tag in enumerate(EVERY.split())
        if tag != "rp"
    ]
    body = f"<body><div role='main'>{' '.join(parts)}</div></body>"
    page = f"<html {XMLNS}><head><title>T</title></head>{body}</html>"
    seen = Seen()
    seen.feed(page)
    found: Page = (read_xhtml if is_xml else read_page)(page)
    assert set(seen.words) <= set(found.text.replace("(", " ").replace(")", " ").split())
