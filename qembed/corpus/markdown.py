"""Structure of Markdown: positions of its headings and of its fenced code.

A line scanner, not a parser: it knows fences, indented code, comments, front matter, and the two kinds of
headings. Headings in quotes and list items are not titles (one that is indented under an item by two or
three spaces is taken for one all the same). markdown-it-py, the tests' oracle, takes ten times as long.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from qembed.corpus.emphasis import Marks, drop_pairs

MAX_WORDS = 1000
"""Characters of a heading; what is longer is none that anybody wrote."""

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_ATX_END = re.compile(r"(?:^|[ \t]+)#+[ \t]*$")
_SETEXT = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$")
_CONTAINER = re.compile(r" {0,3}(?:>|[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$))")
_ATTRIBUTES = re.compile(r"[ \t]*\{[ \t]*[#.:][^{}]*\}[ \t]*$")

_TOKEN = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|<(?P<link>[a-zA-Z][a-zA-Z0-9+.-]+:[^<>\s]*|[\w.+-]+@[\w.-]+)>"
    r"|(?P<tag></?[a-zA-Z][^<>]*>|<!--.*?-->)"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]\\]|\\.|!?\[[^\[\]]*\](?:\([^()]*\))?)*)\]"
    r"(?P<target>\((?:[^()\\]|\\.|\([^()]*\))*\)|\[[^\[\]]*\])?"
    r"|(?P<marks>\*+|_+|~~)"
)


_FRONT = {
    "---": ("---", "---yaml", "---toml", "---json"),
    "+++": ("+++",),
    ";;;": (";;;",),
}
"""Mark of front matter -> the lines that open it."""
_KEY = re.compile(r"""["']?[^\s#\-\[\]{}:=,][^:=\n]*[ \t]*[:=](?:\s|$)""")


class Heading(NamedTuple):
    """A heading at [start, end) of a text, whole lines; `words` as they stand there, 1 is the top level."""

    start: int
    end: int
    level: int
    words: str


def title(text: str) -> str:
    """The first ATX or setext heading that has words, without its markup; "" if there is none."""
    for heading in headings(text):
        if plain := strip_inline(heading.words):
            return plain
    return ""


def strip_inline(text: str) -> str:
    """Inline Markdown as a reader sees it: emphasis, links, code and tags leave only their words."""
    shown: list[str | Marks] = []
    at = 0
    for match in _TOKEN.finditer(text):
        shown += [text[at : match.start()], _shown(match)]
        at = match.end()
    shown.append(text[at:])
    drop_pairs([part for part in shown if isinstance(part, Marks)])
    return " ".join(html.unescape("".join(map(str, shown))).split())


def _shown(match: re.Match[str]) -> str | Marks:
    """Text that a reader sees of a piece of inline Markdown; marks of emphasis as such."""
    if match["escaped"]:
        return match["escaped"]
    if match["code"]:
        code = match["code"]
        return code[1:-1] if code[:1] == code[-1:] == " " and code.strip() else code
    if match["link"]:
        return match["link"]
    if match["text"] is not None:
        words = strip_inline(match["text"])
        is_link = match["target"] is not None or match["image"]
        return words if is_link else f"[{words}]"
    return Marks.of(match) if match["marks"] else ""


def headings(text: str) -> Iterator[Heading]:
    """The headings at the top level, in order."""
    fence = ""
    comment = False
    inside = False  # a quote or list item: its lines, lazy ones too, go on to the next blank line
    margin = 0  # of the item's text, 0 in a quote
    paragraph: list[str] = []  # what an underline would turn into a heading
    begun = end = body_start(text)
    for whole in text[end:].splitlines(keepends=True):
        line = whole.splitlines()[0]
        start, end = end, end + len(whole)
        if fence:
            fence = "" if _closes(line, fence) else fence
        elif comment:
            comment = "-->" not in line
        elif opened := _FENCE.match(line):
            fence, inside, paragraph = opened[1], False, []
        elif line.lstrip().startswith("<!--"):
            comment, inside, paragraph = "-->" not in line, False, []
        elif not line.strip():
            inside, paragraph = False, []
        elif found := _ATX.match(line):
            inside, paragraph = False, []
            words = _ATX_END.sub("", (found[2] or "")[:MAX_WORDS])
            yield Heading(start, end, len(found[1]), _ATTRIBUTES.sub("", words))
        elif paragraph and (under := _SETEXT.match(line)):
            level = 1 if "=" in under[0] else 2
            words = " ".join(paragraph)[:MAX_WORDS]
            yield Heading(begun, end, level, _ATTRIBUTES.sub("", words))
            paragraph = []
        elif _RULE.match(line):
            inside, paragraph = False, []
        elif (found := _CONTAINER.match(line)) and not (paragraph and _goes_on(found)):
            own = line[found.end() :].expandtabs(4)
            rest = own.lstrip()
            # code is no paragraph that a lazy line could go on with
            code = len(own) - len(rest) >= (5 if ">" in found[0] else 4)
            inside, paragraph = bool(rest) and not code and not _ATX.match(rest), []
            margin = 0 if ">" in found[0] else found.end() + len(own) - len(rest)
        elif inside:
            inside = not margin or not _ends_paragraph(line, margin)
        elif paragraph or not line.startswith(("    ", "\t")):
            begun = begun if paragraph else start
            paragraph.append(line.strip())


def _goes_on(mark: re.Match[str]) -> bool:
    """Test for a mark that does not end a paragraph: of an empty item, or of a number other than 1."""
    sign = mark[0].strip()
    if sign == ">":
        return False
    return not mark.string[mark.end() :].strip() or (sign[:-1].isdigit() and int(sign[:-1]) != 1)


def _ends_paragraph(line: str, margin: int) -> bool:
    """Test for a heading, an underline or a rule in a list item, behind which no lazy line goes on."""
    line = line.expandtabs(4)
    if line[:margin].strip():
        return False
    own = line[margin:]
    return any(pattern.match(own) for pattern in (_ATX, _SETEXT, _RULE))


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return (
        len(mark) >= len(fence)
        and set(mark) == {fence[0]}
        and len(line) - len(line.lstrip(" ")) < 4
    )


def body_start(text: str) -> int:
    """Offset of the text behind the front matter that a site generator reads: 0 if there is none."""
    mark = text[:3]
    if mark not in _FRONT:
        return 0
    lines = text.splitlines(keepends=True)
    if lines[0].rstrip() not in _FRONT[mark] or len(lines) < 2 or not lines[1].strip():
        return 0
    at = len(lines[0])
    has_key = lines[0].rstrip() not in ("---", "---yaml")
    for line in lines[1:]:
        at += len(line)
        if line.rstrip() == mark or (mark == "---" and line.rstrip() == "..."):
            return at if has_key else 0
        has_key = has_key or _KEY.match(line) is not None
    return 0


def fenced(text: str) -> list[tuple[int, int]]:
    """[start, end) of fenced code blocks, in order; one that is never closed reaches to the end."""
    spans = []
    fence, start, at = "", 0, 0
    for line in text.splitlines(keepends=True):
        if fence:
            if _closes(line, fence):
                spans.append((start, at + len(line)))
                fence = ""
        elif opened := _FENCE.match(line.rstrip("\r\n")):
            fence, start = opened[1], at
        at += len(line)
    if fence:
        spans.append((start, at))
    return spans
