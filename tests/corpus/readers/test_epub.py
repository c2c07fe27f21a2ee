"""Books: chapters in order, XHTML as it is, what is broken and what is left out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from qembed.corpus.readers.converted import Broken, Converted, Omitted, Text
from qembed.corpus.readers.epub import epub as convert

XMLNS = 'xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"'


def page(body: str, head: str = "<title/>") -> str:
    return f'<?xml version="1.0"?><html {XMLNS}><head>{head}</head><body>{body}</body></html>'


def book(
    chapters: dict[str, str | bytes],
    *,
    spine: list[str] | None = None,
    media: dict[str, str] | None = None,
    item: dict[str, str] | None = None,
    metadata: str = "<dc:title>T</dc:title>",
    guide: str = "",
    files: dict[str, str] | None = None,
    missing: tuple[str, ...] = (),
) -> bytes:
    """A book of these files; `item`: more attributes of an item, `missing`: names that have no file."""
    types = {
        name: (media or {}).get(name, "application/xhtml+xml") for name in (*chapters, *missing)
    }
    items = "".join(
        f'<item id="{n}" href="{n}" media-type="{kind}" {(item or {}).get(n, "")}/>'
        for n, kind in types.items()
    )
    order = "".join(f'<itemref idref="{n}"/>' for n in (list(types) if spine is None else spine))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as z:
        z.writestr("mimetype", "application/epub+zip")
        z.writestr(
            "META-INF/container.xml",
            '<c:container xmlns:c="urn:oasis"><c:rootfiles><c:rootfile full-path="OPS/p.opf"/></c:rootfiles></c:container>',
        )
        z.writestr(
            "OPS/p.opf",
            f'<?xml version="1.0"?><package xmlns:dc="d"><metadata>{metadata}</metadata><manifest>{items}</manifest>'
            f"<spine>{order}</spine>{guide}</package>",
        )
        for name, text in {**chapters, **{f"../{k}": v for k, v in (files or {}).items()}}.items():
            z.writestr(f"OPS/{name}".replace("OPS/../", ""), text)
    return sink.getvalue()


def reading(data: bytes) -> tuple[dict[str, str], list[Converted]]:
    """Chapters by the end of their ids, and all other items."""
    items = list(convert(data))
    return {i.end: i.text for i in items if isinstance(i, Text)}, [
        i for i in items if not isinstance(i, Text)
    ]


def test_order_title_and_author() -> None:
    metadata = "<dc:title>A &amp; B</dc:title><dc:title>sub</dc:title><dc:creator>Ann</dc:creator>"
    chapters = {
        "2.xhtml": page("two"),
        "1.xhtml": page("one"),
        "not.xhtml": page("not in the spine"),
    }
    items = list(convert(book(chapters, spine=["1.xhtml", "2.xhtml"], metadata=metadata)))
    assert items == [
        Text("#chapter=1", "one", "A & B", {"chapter": 1, "author": "Ann"}),
        Text("#chapter=2", "two", "A & B", {"chapter": 2, "author": "Ann"}),
    ]


@pytest.mark.parametrize(
    "tag", ["title", "script", "style", "textarea", "iframe", "a", "p", "div", "i"]
)
@pytest.mark.parametrize("mistake", ["", "<br>", "&nbsp;", "<unknown:x/>"])
def test_self_closed_elements_swallow_nothing(tag: str, mistake: str) -> None:
    head = f"<{tag}/>" if tag in ("title", "script", "style") else ""
    body = f"{'' if head else f'<{tag}/>'}<p>all {mistake}</p><p>words</p>"
    texts, _ = reading(book({"1.xhtml": page(body, head)}))
    assert texts["#chapter=1"].split() == ["all", "words"]


def test_asides_notes_and_footers_are_part_of_a_chapter() -> None:
    body = (
        '<p>a<a epub:type="noteref">1</a></p><aside epub:type="footnote">the note</aside><footer>the end</footer>'
        "<blockquote>b<footer>the poet</footer></blockquote><nav>gone</nav>"
    )
    texts, _ = reading(book({"1.xhtml": page(body)}))
    assert texts == {"#chapter=1": "a[1]\n\nthe note\n\nthe end\n\nb\n\nthe poet"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?><html {XMLNS}><body>Café</body></html>'
    assert reading(book({"1.xhtml": text.encode(encoding)}))[0] == {"#chapter=1": "Café"}
    assert reading(book({"1.xhtml": b"<html><body>Caf\xe9</body></html>"}))[0] == {
        "#chapter=1": "Café"
    }


def test_tables_of_contents_stay_out() -> None:
    links = "".join(f'<li><a href="{n}.xhtml">Part {n}</a></li>' for n in range(9))
    chapters = {
        "nav.xhtml": page(f"<h1>Contents</h1><nav epub:type='toc'><ol>{links}</ol></nav>"),
        "toc.html": page(f"<h1>Contents</h1><ul>{links}</ul>"),
        "1.xhtml": page(
            "<p>A chapter that someone named a table of contents</p><ul><li><a href='0.xhtml'>Part 0</a></li></ul>"
            + "word " * 50
        ),
    }
    guide = '<guide><reference type="toc" href="toc.html"/><reference type="toc" href="1.xhtml#start"/></guide>'
    texts, others = reading(book(chapters, item={"nav.xhtml": 'properties="nav"'}, guide=guide))
    assert list(texts) == ["#chapter=3"]
    assert others == []


def test_broken_items_are_named_and_the_others_are_read() -> None:
    deep = page("<div>" * 3000 + "x" + "</div>" * 3000)
    data = book({"1.xhtml": page("one"), "deep.xhtml": deep}, spine=["1.xhtml", "gone.xhtml", "none", "deep.xhtml"],
                missing=("gone.xhtml",))  # fmt: skip
    texts, others = reading(data)
    assert texts == {"#chapter=1": "one"}
    assert others == [
        Broken("chapter 2 (OPS/gone.xhtml): not in the archive"),
        Broken("chapter 3: its manifest has no 'none'"),
        Broken("chapter 4 (OPS/deep.xhtml): XHTML nested more than 2000 deep"),
    ]


def test_damaged_and_encrypted_chapters_are_named() -> None:
    chapters: dict[str, str | bytes] = {"1.xhtml": page("one " * 50), "2.xhtml": page("two")}
    data = bytearray(book(chapters))
    at = data.index(b"one one")
    data[at : at + 3] = b"ONE"
    texts, (problem,) = reading(bytes(data))
    assert texts == {"#chapter=2": "two"}
    assert isinstance(problem, Broken)
    assert problem.error.startswith("chapter 1 (OPS/1.xhtml): OPS/1.xhtml: Bad CRC-32")
    locked = (
        '<encryption xmlns:enc="e"><enc:EncryptedData><enc:CipherData><enc:CipherReference URI="OPS/2.xhtml"/>'
        "</enc:CipherData></enc:EncryptedData></encryption>"
    )
    texts, others = reading(book(chapters, files={"META-INF/encryption.xml": locked}))
    assert list(texts) == ["#chapter=1"]
    assert others == [Broken("chapter 2 (OPS/2.xhtml): encrypted")]


def test_pictures_are_named_and_read_through_what_stands_in_for_them() -> None:
    chapters: dict[str, str | bytes] = {
        "cover.jpg": b"x",
        "1.xhtml": page(
            'words<img src="a.png" alt="a map"/><svg xmlns="http://www.w3.org/2000/svg"><text>label</text></svg>'
        ),
        "map.svg": '<svg xmlns="http://www.w3.org/2000/svg"><title>t</title><text>Rome</text></svg>',
        "scan.png": b"x",
        "scan.xhtml": page("what it says"),
        "a.css": "p {}",
    }
    media = {
        "cover.jpg": "image/jpeg",
        "scan.png": "image/png",
        "map.svg": "image/svg+xml",
        "a.css": "text/css",
    }
    data = book(
        chapters,
        spine=["cover.jpg", "1.xhtml", "map.svg", "scan.png", "a.css"],
        media=media,
        item={"scan.png": 'fallback="scan.xhtml"'},
    )
    texts, others = reading(data)
    assert texts == {"#chapter=2": "wordslabel", "#chapter=3": "Rome", "#chapter=4": "what it says"}
    assert others == [
        Omitted("picture: OPS/cover.jpg"), Omitted("picture: a map"), Omitted("text/css: OPS/a.css"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (book({"1.xhtml": page('<img src="a.png"/>')}), r"no text in it \(picture: a\.png\)"),
        (book({"1.xhtml": page("")}), "no text in it"),
        (book({}), "names no chapters"),
        (b"PK no", "no ZIP archive"),
    ],
)
def test_a_book_without_text_is_a_failure(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(convert(data))


def test_descriptions_with_mistakes() -> None:
    # a prefix that is not declared, characters named by HTML, an end that is missing
    data = book(
        {"1.xhtml": page("one")},
        metadata="<own:x>y</own:x><dc:title>Caf&eacute; &amp; more</dc:title>",
    )
    (text,) = (i for i in convert(data) if isinstance(i, Text))
    assert text.title == "Café & more"
    cut = edited(data, "OPS/p.opf", lambda body: body.replace(b"</spine></package>", b""))
    assert reading(cut) == ({"#chapter=1": "one"}, [])
    entities = b'<!DOCTYPE package [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><package'
    with pytest.raises(ValueError, match=r"OPS/p\.opf"):
        list(convert(edited(data, "OPS/p.opf", lambda body: body.replace(b"<package", entities))))


def edited(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one member changed."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(sink, "w") as new:
        for member in old.namelist():
            body = old.read(member)
            new.writestr(member, change(body) if member == name else body)
    return sink.getvalue()


def test_names_lead_nowhere_outside_of_the_book() -> None:
    _, others = reading(
        book(
            {"1.xhtml": page("x")},
            spine=["1.xhtml", "../../../etc/passwd"],
            missing=("../../../etc/passwd",),
        )
    )
    assert others == [Broken("chapter 2 (etc/passwd): not in the archive")]
