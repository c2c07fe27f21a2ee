"""Samples of formats that are text: plain, markup, notebooks, mail, subtitles, code."""

from __future__ import annotations

import json

from tests.corpus.sample import Sample, one, same

GERMAN = "Das Café an der Straße ist heute geschlossen, weil der Besitzer krank ist. Bis Montag!"


RUSSIAN = "Мы вернём деньги в течение пяти рабочих дней после получения посылки на склад."


CHINESE = (
    "我们会在收到退货后的五个工作日内退款。请保留快递单号，以便查询包裹的状态。谢谢您的耐心等待。"
)


CATALOG = (
    "<catalog><book><title>Sea &amp; Sky</title><no>12</no><by>Ann <b>Lee</b></by></book></catalog>"
)


PLAN = (
    '<svg xmlns="http://www.w3.org/2000/svg"><title>A plan</title><desc>Rooms of the house</desc>'
    "<script>alert(1)</script><g><text x='1'>Kitchen <tspan>and</tspan> hall</text></g></svg>"
)


DOCBOOK = (
    '<article xmlns="http://docbook.org/ns/docbook"><title>Guide</title><para>It <emphasis>starts</emphasis>'
    "\n  here.</para><section><title>Lists</title><itemizedlist><listitem><para>one</para></listitem>"
    "<listitem><para>two</para></listitem></itemizedlist><programlisting>a &lt; b\n  c</programlisting>"
    "</section></article>"
)


BOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# A study\n", "Of *things*."]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["1"]}]},
        {"cell_type": "code", "source": []},
    ],
    "metadata": {"kernelspec": {"language": "python"}},
}


PLAIN_MAIL = "From: Ann <ann@x.org>\r\nTo: b@x.org\r\nSubject: =?utf-8?q?Caf=C3=A9?= at noon\r\n"


DATE = "Date: Mon, 02 Nov 2026 10:00:00 +0100\r\n"


HTML_MAIL = (
    "From: a@x.org\nSubject: News\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n"
    "--B\nContent-Type: text/html; charset=utf-8\n\n<h1>News</h1><p>All <b>well</b>.</p>\n"
    "--B\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=bill.pdf\n\nx\n--B--\n"
)


ATTACHED_MAIL = (
    "From: a@x.org\nSubject: All\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n"
    "--B\n\nsee\n--B\nContent-Type: text/csv; name=a.csv\nContent-Disposition: attachment\n\nn\n1\n"
    "--B\nContent-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nFrom: b@x.org\n"
    "Subject: =3D?utf-8?q?Gr=3DC3=3DBC=3DC3=3D9Fe?=3D\nContent-Type: text/plain; charset=3Dutf-8\n\n"
    "sch=C3=B6ne Gr=C3=BC=C3=9Fe\n--B--\n"
)


SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nthere.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"


VTT = "WEBVTT - x\n\nNOTE not said\n\nid1\n00:01.000 --> 00:02.000 align:start\n<v Ann>Hello.\n\n00:03.000 --> 00:04.000\nHello.\n"  # noqa: E501

FRONT = "---\ntitle: Front\ntags: [a, b]\ndate: 2026-01-02\n---\nno heading"


ALIASES = "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n# T"


def text_samples() -> list[Sample]:
    return [
        same("a.txt", "plain\r\ntext\n"),
        one("bom.txt", b"\xef\xbb\xbfwith a mark", "with a mark"),
        one("wide.txt", "breit: ä 你好".encode("utf-16"), "breit: ä 你好"),
        one("latin.txt", GERMAN.encode("cp1252"), GERMAN, meta={"encoding": "cp1252"}, warning="cp1252"),
        one("cyrillic.txt", RUSSIAN.encode("cp1251"), RUSSIAN, meta={"encoding": "cp1251"}),
        one("gb.txt", CHINESE.encode("gb18030"), CHINESE, meta={"encoding": "gb18030"}),
        one("mostly.txt", "Größe und Maß, Öl für Ärger, ".encode() + b"\xff",
            "Größe und Maß, Öl für Ärger, ÿ", warning="byte 0xff at offset 35"),
        one("short.txt", b"caf\xe9", "café", meta={"encoding": "cp1252"}, warning="the likeliest"),
        one("unmarked.txt", "breit: ä 你好".encode("utf-16-be"), "breit: ä 你好",
            meta={"encoding": "utf-16-be"}, warning="no byte order mark"),
        Sample("noise.txt", bytes(range(1, 255)), "not text"),
        Sample("binary.txt", b"ELF\0\1\2", "binary file"),
        same("a.md", "# One\n\ntext", "One"),
        same("front.md", FRONT, "Front", {"title": "Front", "tags": ["a", "b"], "date": "2026-01-02"}),
        same("aliases.md", ALIASES, "T",
             {"a": ["x", "x"], "b": [["x", "x"]] * 2, "c": [[["x", "x"]] * 2] * 2}),
        same("broken.md", "---\na: [\n---\n# T", "T", {"a": "["}),
        same("c.markdown", "Setext\n======\n\ntext\n", "Setext"),
        same("d.markdown", "no heading, only `# code`\n"),
        same("a.mdx", "---\ntitle: Set up\n---\nimport A from './a'\n\n<A>\n\ntext\n\n</A>\n", "Set up",
             {"title": "Set up"}),
        same("table.md", "+++\ntitle = 'T'\nbad = @v\n[params]\nn = 1\n+++\ntext", "T",
             {"title": "T", "bad": "@v", "params": {"n": 1}}, "table.md:3: front matter with a value"),
        one("front.html", "---\ntitle: Front\n---\n<h1>Head</h1><p>text", "# Head\n\ntext", "Front",
            {"title": "Front"}),
        same("fields.rst", "Head\n====\n\n:Author: *Ann* Lee\n:tags: a, b\n\ntext\n", "Head",
             {"author": "Ann Lee", "tags": ["a", "b"]}),
        same("a.rst", "Title *here*\n============\n\ntext\n", "Title here"),
        same("over.rst", "=====\n  Up\n=====\n\nNext\n----\n", "Up"),
        same("none.rst", "only a paragraph\n"),
        one(
            "a.html",
            "<html lang=en><head><title>A  page</title><meta name=author content=Ann></head><body>"
            "<nav>no</nav><main><h1>Head</h1><p>one <b>two</b><br>three</p><pre>x\n  y</pre></main>"
            "<footer>no</footer><script>no()</script></body></html>",
            "# Head\n\none two\nthree\n\n```\nx\n  y\n```",
            "A page",
            {"author": "Ann", "lang": "en"},
        ),
        one("b.htm", "<h2>Only</h2><ul><li>a<li>b</ul>&lt;i&gt; &eacute;", "## Only\n\n- a\n- b\n\n<i> é"),
        one("t.html", "<h1>T</h1><table><tr><th>k<th>v<tr><td>1<td>2</table>", "# T\n\nk | v\n1 | 2", "T"),
        one("hidden.xhtml", "<body><p hidden>no</p><p>yes</p></body>", "yes"),
        one("c.htm", "<title>T</title><p>Para<wbr>graph<blockquote>said</blockquote>",
            "Paragraph\n\nsaid", "T"),
        one("c.xhtml", '<html xmlns="http://www.w3.org/1999/xhtml"><body><h3>H</h3><p>a<br/>b</p></body></html>',
            "### H\n\na\nb"),
        Sample("deep.html", b"<div>" * 5000, "nested more than"),
        one("a.xml", CATALOG, "# Sea & Sky\n\n12\n\nAnn Lee", "Sea & Sky"),
        one("a.svg", PLAN, "# A plan\n\nRooms of the house\n\nKitchen and hall", "A plan"),
        one("b.svg", "<svg><text>on<tspan>e</tspan></text><style>.x{}</style></svg>", "one"),
        Sample("c.svg", b"<svg><path d='M0 0'/></svg>", "drawing without words"),
        one("b.dbk", DOCBOOK,
            "# Guide\n\nIt starts here.\n\n## Lists\n\n- one\n- two\n\n```\na < b\n  c\n```", "Guide"),
        Sample("deep.xml", b"<a>" * 500 + b"</a>" * 500, "nested more than"),
        one("broken.xml", "<a>one\n<b>two</a>", "one\ntwo", "", {},
            "broken.xml:2: not well-formed XML (mismatched tag: line 2, column 8): read without its tags"),
        one(
            "a.ipynb",
            json.dumps(BOOK),
            "# A study\nOf *things*.\n\n```python\nprint(1)\n```",
            "A study",
            {"language": "python"},
        ),
        one("empty.ipynb", '{"cells": []}', ""),
        Sample("bad.ipynb", b"[1]", "not a notebook"),
        one(
            "a.eml",
            PLAIN_MAIL + DATE + "\r\nSee you\r\nthere.\r\n",
            "See you\nthere.",
            "Café at noon",
            {"from": "Ann <ann@x.org>", "to": "b@x.org", "date": "2026-11-02T10:00:00+01:00"},
        ),
        one(
            "html.eml", HTML_MAIL, "# News\n\nAll well.", "News",
            {"from": "a@x.org", "attachments": ["bill.pdf"]}, "attachment bill.pdf: not PDF",
        ),
        one(
            "attached.eml", ATTACHED_MAIL,
            "see\n\nFrom: b@x.org\nSubject: Grüße\n\nschöne Grüße\n\nAttachment: a.csv\n\nn: 1",
            "All", {"from": "a@x.org", "attachments": ["a.csv"]},
        ),
        Sample("a.mbox", b"From a@x.org Mon\nSubject: One\n\nfirst\n>From here\n\nFrom b@x.org Tue\n"
               b"Subject: Two\n\nsecond\n",
               [("#message=1", "first\nFrom here", "One", {}), ("#message=2", "second", "Two", {})]),
        Sample("b.mbox", b"From a Mon\nSubject: One\n\nfirst\n", [("#message=1", "first", "One", {})]),
        Sample("bad.eml", b"just words", "no headers of mail"),
        one("a.srt", SRT, "Hello there.\nBye."),
        one("b.srt", SRT.replace("\n", "\r\n").replace("Bye", "Tschüss"), "Hello there.\nTschüss."),
        one("a.vtt", VTT, "Ann: Hello.", "x", {"speakers": ["Ann"]}),
        one("b.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nÜber &amp; unter\n", "Über & unter"),
        Sample("bad.srt", b"just words", "not subtitles"),
        same("a.py", "def f():\n    return 1\n"),
        same("b.rs", "fn main() {}\n"),
        same("c.go", "package main\n"),
        same("s.toml", "a = 1\n"),
    ]  # fmt: skip
