"""XML of each common vocabulary, feeds by entry, and files that only look like text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qembed.corpus import ReadOptions, read
from qembed.corpus.readers.malformed_xml import without_tags
from qembed.corpus.readers.xml_tree import INLINE, LINES
from qembed.types import Document, LeftOut, ReadWarning, SourceFile


def items(tmp_path: Path, data: str | bytes, name: str = "a.xml") -> list[Any]:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    info = path.stat()
    file = SourceFile(str(tmp_path), name, str(path), info.st_size, info.st_mtime_ns)
    return list(read(file, ReadOptions()))


def text(tmp_path: Path, data: str | bytes) -> str:
    (document,) = items(tmp_path, data)
    assert isinstance(document, Document)
    return document.text


def test_tei_without_its_header(tmp_path: Path) -> None:
    tei = """<?xml version="1.0"?>
    <TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>Letters</title>
    </titleStmt><publicationStmt><p>none</p></publicationStmt></fileDesc></teiHeader>
    <text><body><div><head>To Ann</head><p>Dear<lb/>Ann, <hi>come</hi>.</p>
    <div><head>PS</head><list><item>bread</item><item>tea</item></list></div></div></body></text></TEI>"""
    (document,) = items(tmp_path, tei)
    assert document.title == "Letters"
    assert document.text == "# To Ann\n\nDear\nAnn, come.\n\n## PS\n\n- bread\n- tea"


def test_jats(tmp_path: Path) -> None:
    jats = """<article><front><journal-meta><journal-id>x</journal-id></journal-meta><article-meta>
    <article-id>7</article-id><title-group><article-title>On <italic>Ants</italic></article-title>
    </title-group><abstract><p>Short.</p></abstract></article-meta></front>
    <body><sec><title>Methods</title><p>We <xref>1</xref> looked.</p><table-wrap><table><tr><th>k</th>
    <th>v</th></tr><tr><td>a</td><td>1</td></tr></table></table-wrap></sec></body></article>"""
    (document,) = items(tmp_path, jats)
    assert document.title == "On Ants"
    assert document.text == ("# On Ants\n\nShort.\n\n## Methods\n\nWe 1 looked.\n\nk | v\na | 1")


def test_dita_and_fictionbook(tmp_path: Path) -> None:
    dita = (
        "<!DOCTYPE task PUBLIC '-//OASIS//DTD DITA Task//EN' 'task.dtd'><task><title>Reset</title>"
        "<shortdesc>How.</shortdesc><prolog><author>no</author></prolog><taskbody><steps><step><cmd>Press"
        " <uicontrol>OK</uicontrol>.</cmd><info>Twice.</info></step></steps></taskbody></task>"
    )
    assert text(tmp_path, dita) == "# Reset\n\nHow.\n\n- Press OK.\n\nTwice."
    fb2 = (
        '<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description><title-info>'
        "<book-title>Tales</book-title></title-info></description><body><section><title><p>One</p></title>"
        "<p>It began.</p></section></body><binary>AAAA</binary></FictionBook>"
    )
    document, left = items(tmp_path, fb2, "a.fb2")
    assert document.title == "Tales"
    assert document.text.endswith("# One\n\nIt began.")
    assert isinstance(left, LeftOut)
    assert left.what == "embedded file"


def test_feeds_give_a_document_for_each_entry(tmp_path: Path) -> None:
    rss = """<rss xmlns:content="http://purl.org/rss/1.0/modules/content/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title>
    <item><title>One</title><link>http://x/1</link><pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate>
    <dc:creator>Ann</dc:creator><category>tea</category><description>short</description>
    <content:encoded><![CDATA[<p>Long <b>words</b>.</p>]]></content:encoded></item>
    <item><title>Two</title><description>only &lt;i&gt;this&lt;/i&gt;</description></item></channel></rss>"""
    one, two = items(tmp_path, rss, "news.rss")
    assert (one.id, one.title, one.text) == ("news.rss#item=1", "One", "Long words.")
    assert one.meta == {
        "link": "http://x/1", "date": "2026-01-05T10:00:00+00:00", "author": "Ann", "tags": ["tea"],
    }  # fmt: skip
    assert (two.id, two.text, two.meta) == ("news.rss#item=2", "only this", {})
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry><title>E</title>
    <link href="http://x/e"/><updated>2026-02-03T00:00:00Z</updated><author><name>Bo</name></author>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>In</p><p>two</p></div></content>
    </entry></feed>"""
    (entry,) = items(tmp_path, atom, "f.atom")
    assert entry.text == "In\n\ntwo"
    assert entry.meta == {"link": "http://x/e", "date": "2026-02-03T00:00:00Z", "author": "Bo"}


def test_a_wiki_export_and_an_outline(tmp_path: Path) -> None:
    wiki = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><siteinfo/><page><title>Tea</title>
    <revision><timestamp>2026-01-01T00:00:00Z</timestamp><text>'''Tea''' is a drink.</text></revision></page>
    </mediawiki>"""
    (page,) = items(tmp_path, wiki)
    assert (page.title, page.text) == ("Tea", "'''Tea''' is a drink.")
    assert page.meta == {"date": "2026-01-01T00:00:00Z"}
    opml = (
        "<opml><head><title>Plan</title></head><body><outline text='a'><outline text='b'/></outline>"
        "</body></opml>"
    )
    assert text(tmp_path, opml) == "- a\n  - b"


def test_a_page_is_read_as_one(tmp_path: Path) -> None:
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body><nav>menu</nav>'
        "<p>body</p></body></html>"
    )
    assert text(tmp_path, page) == "body"


def test_settings_are_read_as_they_stand(tmp_path: Path) -> None:
    settings = '<beans><bean id="cart" class="shop.Cart"><property name="limit" value="12"/></bean></beans>'
    assert text(tmp_path, settings) == settings
    assert text(tmp_path, "<strings><string name='hi'>Hello, dear reader</string></strings>") == (
        "Hello, dear reader"
    )


def test_encodings_and_entities(tmp_path: Path) -> None:
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><a>Café</a>'.encode("latin-1")
    assert text(tmp_path, latin) == "Café"
    assert (
        text(tmp_path, '<?xml version="1.0" encoding="UTF-16"?><a>Tee</a>'.encode("utf-16"))
        == "Tee"
    )
    assert text(tmp_path, "<!DOCTYPE a SYSTEM 'x.dtd'><a>caf&eacute; &#8364;</a>") == "café €"
    secret = tmp_path / "secret"
    secret.write_text("hidden words")
    found = items(tmp_path, f"<!DOCTYPE a [<!ENTITY x SYSTEM 'file://{secret}'>]><a>b &x; c</a>")
    assert "hidden" not in found[0].text


@pytest.mark.parametrize("times", [10, 30])
def test_entities_do_not_grow_without_end(tmp_path: Path, times: int) -> None:
    nested = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(times))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{nested}]><a>&e{times};</a>'
    document, warning = items(tmp_path, bomb)
    assert len(document.text) < 10_000 + len(bomb)
    assert isinstance(warning, ReadWarning)


def test_mistakes_cost_the_tags_only(tmp_path: Path) -> None:
    document, warning = items(tmp_path, "<doc>\n<p>Fish & chips</p>\n<p>and <b>peas</p>\n</doc>")
    assert document.text == "Fish & chips\nand peas"
    assert warning.line == 2
    settings = "".join(f'<code id="{i}" name="Fish & chips {i}"/>\n' for i in range(9))
    assert items(tmp_path, settings)[0].text == settings
    assert "not well-formed XML" in warning.message


MALFORMED = [
    ("<r><p>alpha</p><p>beta & gamma</p></r>", "alpha\nbeta & gamma"),
    ("<r>&<d>one</d><d>two</d></r>", "&one two"),
    ("<r><d>one</d><d>two</d><d>&</d></r>", "one\ntwo\n&"),
    ("<p><b>un</b>able <i>to</i><b>day</b> & <x>un</x>done</p>", "unable today & undone"),
    ("<r><d>one<d>two<br>three</r>", "one\ntwo\nthree"),
    ("<r>if x < 5 and y > 3<![CDATA[ a <b>c</b> ]]>d</r>", "if x < 5 and y > 3 a <b>c</b> d"),
    ("<r>un<!-- no > words -->able<a title='1 > 2'/> &</r>", "unable &"),
    ("<row><td>x</td><td>y & z</td></row><!-- never ended", "x\ny & z\nnever ended"),
]


@pytest.mark.parametrize(("data", "wanted"), MALFORMED)
def test_no_word_is_lost_where_tags_are_wrong(tmp_path: Path, data: str, wanted: str) -> None:
    document, warning = items(tmp_path, data)
    assert document.text == wanted
    assert isinstance(warning, ReadWarning)


@pytest.mark.slow
def test_wrong_markup_takes_no_longer_than_right_one() -> None:
    """A search to the end for each of these would take minutes."""
    for begin in ("<!--", "<![CDATA[", '<a "', "<a "):
        found = without_tags(begin * 50_000 + "x", LINES, INLINE)
        assert len(found) in (1, 50_000 * len(begin) + 1)
    assert without_tags("<a>" * 50_000 + "</b>" * 50_000 + "x", LINES, INLINE) == "x"


def test_elements_in_one_line_are_words(tmp_path: Path) -> None:
    """An item and a cell of generic XML may hold elements; in prose, emphasis is a part of a word."""
    data = "<items><item><name>Widget</name><price>5</price></item><row><c><d>x</d><d>y</d></c></row></items>"
    assert text(tmp_path, data) == "- Widget 5\n\nx y"
    assert (
        text(tmp_path, "<list><item><hi>D</hi><emph>ear</emph> all</item></list>") == "- Dear all"
    )
