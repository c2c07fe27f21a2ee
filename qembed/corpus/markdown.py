"""What of Markdown matters here: a document's title, and where its fenced code lies.

A line scanner, not a parser: it knows fences, indented code, comments, front matter, and the two kinds of
headings. Headings in quotes and list items are not titles (one that is indented under an item by two or
three spaces is taken for one all the same).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*))?$")
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
    r"|(?P<strong>\*{1,3}|~~)"
    r"|(?P<under>(?<![^\W_])_{1,3}(?=\S)|(?<=\S)_{1,3}(?![^\W_]))"
)


def title(text: str) -> str:
    """The first ATX or setext heading that has words, without its markup; "" if there is none."""
    for heading in _headings(text):
        if plain := strip_inline(heading):
            return plain
    return ""


def strip_inline(text: str) -> str:
    """Inline Markdown as a reader sees it: emphasis, links, code and tags leave only their words."""

    def shown(match: re.Match[str]) -> str:
        kind = match.lastgroup
        if match["escaped"]:
            return match["escaped"]
        if match["code"]:
            code = match["code"]
            return code[1:-1] if code[:1] == code[-1:] == " " and code.strip() else code
        if match["link"]:
            return match["link"]
        if match["text"] is not None:
            if match["target"] is None and not match["image"]:
                return f"[{_TOKEN.sub(shown, match['text'])}]"  # brackets, not a link
            return _TOKEN.sub(shown, match["text"])
        if kind == "strong" and _alone(match):
            return match[0]
        return ""

    return " ".join(html.unescape(_TOKEN.sub(shown, text)).split())


def _alone(match: re.Match[str]) -> bool:
    """Asterisks with space on both sides are asterisks."""
    before = match.string[match.start() - 1 : match.start()] if match.start() else " "
    after = match.string[match.end() : match.end() + 1] or " "
    return before.isspace() and after.isspace()


def _headings(text: str) -> Iterator[str]:
    """The raw contents of headings at the top level, in order."""
    fence = ""
    comment = False
    inside = False  # a quote or list item: its lines, lazy ones too, go on to the next blank line
    paragraph: list[str] = []  # what an underline would turn into a heading
    for line in _after_front_matter(text):
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
            yield _ATTRIBUTES.sub("", _ATX_END.sub("", found[1] or ""))
        elif paragraph and _SETEXT.match(line):
            yield _ATTRIBUTES.sub("", " ".join(paragraph))
            paragraph = []
        elif _RULE.match(line):
            inside, paragraph = False, []
        elif found := _CONTAINER.match(line):
            rest = line[found.end() :].lstrip()
            inside, paragraph = bool(rest) and not _ATX.match(rest), []
        elif not inside and (paragraph or not line.startswith(("    ", "\t"))):
            paragraph.append(line.strip())


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return (
        len(mark) >= len(fence)
        and set(mark) == {fence[0]}
        and len(line) - len(line.lstrip(" ")) < 4
    )


def _after_front_matter(text: str) -> Iterator[str]:
    """The lines, without the YAML between `---` lines that a site generator reads."""
    lines = text.splitlines()
    if lines and lines[0].rstrip() == "---" and len(lines) > 1 and lines[1].strip():
        ends = (i for i, line in enumerate(lines) if i and line.rstrip() in ("---", "..."))
        lines = lines[next(ends, -1) + 1 :]
    yield from lines


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
