"""Pictures that a page shows: their names inside the source, what is said of them, what is left out.

A browser's way with addresses (urljoin) is the oracle of names.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.corpus import ReadOptions, read
from qembed.corpus.readers.pictures import shown
from qembed.corpus.readers.pictures.shown import picture_name, shown_pictures
from qembed.types import LeftOut, SourceFile

PAGE = """<p>The black forest in autumn, seen from the road to the mill.</p>
<img src="../pics/a%20forest.jpg?v=2" alt="the black forest">
<img src="mill.png" alt="the mill"><img src="gone.png" alt="gone">
<img src="http://127.0.0.1:1/mill.png" alt="elsewhere"><img src="/pics/a%20forest.jpg" alt="rooted">
<img src="../../outside.png" alt="outside"><img src="words.txt" alt="words">
<img src="data:image/png;base64,AAAA" alt="inside"><img src="mill.png">
"""


def page(folder: Path, name: str, text: str | bytes) -> SourceFile:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return SourceFile(str(folder), name, str(path), path.stat().st_size, 1)


def test_pictures_of_the_source_are_not_left_out(tmp_path: Path) -> None:
    pictures = {"pics/a forest.jpg", "pages/mill.png", "../outside.png", "pages/words.txt"}
    file = page(tmp_path, "pages/page.html", PAGE)._replace(pictures=pictures)

    def left_out(file: SourceFile, options: ReadOptions) -> dict[str, int]:
        return {i.what: i.count for i in read(file, options) if isinstance(i, LeftOut)}

    others = ("gone", "elsewhere", "rooted", "outside", "words", "inside")
    assert left_out(file, ReadOptions(pictures=())) == {f"picture: {name}": 1 for name in others}
    every = {f"picture: {n}": 1 for n in (*others, "the black forest", "the mill", "mill.png")}
    assert left_out(file, ReadOptions()) == every
    (tmp_path / "pages" / "mill.png").write_bytes(b"x")  # it is there, and no document
    assert left_out(file._replace(pictures=set()), ReadOptions(pictures=())) == every


def browsers_name(address: str, name: str) -> str | None:
    """Name inside the source of the file that a browser asks for, of a source far below a server's root."""
    root = "http://host/1/2/3/4/5/6/7/8/9/"
    found = urljoin(root + quote(name), address).partition("#")[0].partition("?")[0]
    inside = found.startswith(root) and found[len(root) :].endswith(".png")
    return unquote(found[len(root) :]) if inside else None


part = st.sampled_from(["a", "b c", "ä", "..", "..", ".", "x.y", "1%2", "..z"])
folders = st.lists(part.filter(lambda p: p not in ("..", ".")), max_size=3)


@given(
    folders,
    st.lists(part, max_size=8),
    st.sampled_from(["p.png", "ö q.png", "p.txt", ".png"]),
    st.sampled_from(["", "?v=1", "#top", "?a=/../b#c"]),
    st.sampled_from(["", "", "", "/", "//other/", "http://host/", "file:///"]),
)
def test_names_are_those_that_a_browser_asks_for(
    at: list[str], way: list[str], leaf: str, end: str, start: str
) -> None:
    name = "/".join([*at, "page.html"])
    address = start + "/".join(quote(p) for p in (*way, leaf)) + end
    wanted = None if start or leaf == ".png" else browsers_name(address, name)
    assert picture_name(address, name) == wanted


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("%2e%2e/p.png", "p.png"),
        ("..%2Fp.png", "p.png"),
        (" p.png\n", "a/p.png"),
        ("P.PNG", "a/P.PNG"),
        ("p%00.png", None),
        ("http://[::1/p.png", None),
        ("", None),
        ("?p.png", None),
    ],
)
def test_odd_addresses(address: str, name: str | None) -> None:
    assert picture_name(address, "a/page.html") == name


XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><body>%s</body></html>'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.html", '<img src="a.png" alt=" The \n beach " title="no">', {"a.png": ("The beach",)}),
        ("p.html", '<img src="a.png" alt="" title="A title">', {"a.png": ("A title",)}),
        ("p.html", '<img src="a.png" alt="">', {"a.png": ()}),
        (
            "p.html",
            '<picture><source srcset="b.png"><IMG SRC="a.png" alt="in a picture"></picture>'
            '<nav><img src="a.png" alt="in the navigation"></nav>',
            {"a.png": ("in a picture", "in the navigation")},
        ),
        (
            "p.html",
            '<svg><image href="a.png" title="by href"/><image xlink:href="b.png" title="by xlink"/></svg>',
            {"a.png": ("by href",), "b.png": ("by xlink",)},
        ),
        ("p.html", '<base href="pics/"><img src="a.png" alt="A">', {"pics/a.png": ("A",)}),
        ("p.html", '<base href="http://x.example/"><img src="a.png" alt="A">', {}),
        ("p.html", '<!-- <img src="a.png"> --><pre>&lt;img src="a.png"></pre>', {}),
        ("p.xhtml", XHTML % '<title/><img src="a.png" alt="A &eacute;"/>', {"a.png": ("A é",)}),
        ("p.md", "![The *black* `forest`](<a b.png> 'no')", {"a b.png": ("The black forest",)}),
        ("p.md", '![](a.png "A title")', {"a.png": ("A title",)}),
        (
            "p.md",
            "![Figure\\_1 of caf&eacute; \\*plan\\*](a.png)",
            {"a.png": ("Figure_1 of café *plan*",)},
        ),
        ("p.md", "![a\\[b\\]c *x\\_y* `q\\_` &#128512;](a.png)", {"a.png": ("a[b]c x_y q\\_ 😀",)}),
        ("p.md", "![of ![a &lt; b](b.png)](a.png)", {"a.png": ("of a < b",)}),
        ("p.md", "![Tom &amp;\nX\\\nY](a.png)", {"a.png": ("Tom & X Y",)}),
        ("p.md", "![by name][a]\n\n[A]: pics/a.png 'no'\n", {"pics/a.png": ("by name",)}),
        ("p.md", "[![in a link](a.png)](http://x.example)", {"a.png": ("in a link",)}),
        ("p.md", "|a|\n|-|\n|![in a cell](a.png)|\n", {"a.png": ("in a cell",)}),
        (
            "p.md",
            'Words <img src="a.png" alt="inline">\n\n<p>\n<img src="b.png" alt="block">\n</p>\n',
            {"a.png": ("inline",), "b.png": ("block",)},
        ),
        (
            "p.md",
            "---\ntitle: '![no](a.png)'\n---\n`![no](a.png)`\n\n```\n![no](a.png)\n```\n\n    ![no](a.png)\n",
            {},
        ),
        ("p.md", "![A](a.png) ![A](a.png) ![B](a.png)", {"a.png": ("A", "B")}),
    ],
)
def test_words_of_a_page(
    tmp_path: Path, name: str, text: str, said: dict[str, tuple[str, ...]]
) -> None:
    assert shown_pictures(page(tmp_path, name, text), None) == said


def test_what_is_too_much_is_cut_or_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = page(tmp_path, "a.html", f'<img src="a.png" alt="{"word " * 9999}">')
    ((words,),) = shown_pictures(long, None).values()
    assert len(words) == shown.MAX_SAID
    many = "".join(f'<img src="{i % 2}.png" alt="words {i}">' for i in range(99))
    found = shown_pictures(page(tmp_path, "a.html", many), None)
    assert {k: len(v) for k, v in found.items()} == {"0.png": 10, "1.png": 10}
    monkeypatch.setattr(shown, "MAX_PICTURES", 1)
    assert list(shown_pictures(page(tmp_path, "a.html", many), None)) == ["0.png"]
    picture = '<img src="a.png" alt="A">'
    for name, text in (
        ("a.html", "<div>" * 3000 + picture),
        ("a.md", "<div>" * 3000 + picture),
        ("a.html", b"\0\1\2" * 99 + picture.encode()),
        ("a.md", "![A](a.png)\n" + "a " * (shown.MAX_MARKDOWN // 2)),
        ("a.md", "![A](a.png) " + "a " * (shown.MAX_PARAGRAPH // 2)),
    ):
        assert shown_pictures(page(tmp_path, name, text), None) == {}
    gone = page(tmp_path, "a.html", picture)
    Path(gone.location).unlink()
    assert shown_pictures(gone, None) == {}
