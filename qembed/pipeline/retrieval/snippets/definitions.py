"""Definitions inside a passage of code, found by their first lines, and the one that a query is about.

Grammars are an extra and take time; the lines that begin a definition are told by their form in all of the
languages that are cut along definitions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeAlias

from qembed.search.lexical.analyzer import terms_of

Span: TypeAlias = tuple[int, int]
"""[start, end) in a passage's text."""

COMMENT = re.compile(r"\s*(?:#|//|/?\*|--|;|\"\"\"|''')")
_MODIFIER_WORDS = """
export default public private protected internal static abstract final sealed partial virtual override async
declare inline extern unsafe const constexpr readonly data open typedef default
"""
_MODIFIERS = rf"(?:(?:{'|'.join(_MODIFIER_WORDS.split())}|pub(?:\([^)]*\))?)\s+)*"
_NAME = r"[^\W\d][\w$]*(?:(?:::|\.)~?[^\W\d][\w$]*)*[?!]?"
_KEYWORD = re.compile(
    rf"\s*{_MODIFIERS}(?:func(?=[\s(])\s*(?P<receiver>\([^)]*\))?|(?:def|class|function\s*\*?|fn|interface|enum|struct|"
    r"trait|impl|module|mod|namespace|record|object|type|macro_rules!)(?=[\s*<]))\s*(?:<[^>]*>\s*)?"
    rf"(?P<name>{_NAME})\s*(?:$|[(<{{:;=\[]|(?:extends|implements|where|for|struct|interface|func|permits)\b)"
)
_VALUE = re.compile(  # const total = (items) => …
    rf"\s*(?:export\s+|default\s+)*(?:(?:const|let|var|static|public|private|readonly)\s+)*(?P<name>{_NAME})"
    r"\s*(?::[^=]+)?=\s*(?:async\s+)?(?:function\b|\([^()]*\)\s*(?::[^=]+)?=>|\w+\s*=>)"
)
_CALLED = re.compile(  # public int total(List<Item> items) {
    rf"\s*(?P<before>(?:[\w<>\[\],.:*&@?~]+\s+)*?[*&]*)(?P<name>~?{_NAME})\s*(?:<[^()]*>)?\((?P<rest>.*)$"
)
_STATEMENTS = """
if for while switch catch return else do try with using lock fixed foreach elseif elif match until unless
await new throw yield assert print sizeof typeof synchronized when case not and or in is del raise super
echo require include defined
"""
_NO_NAME = frozenset(_STATEMENTS.split())
"""Words before a parenthesis, or before a name, that make no definition."""
_GOES_ON = re.compile(r"\s*(?:[\w<>\[\],.:*&@?~]+\s+)+[*&]*~?[\w:$]+\((?:[^()']*[,(])?$")
_BODY = re.compile(r"\)[^()]*\{$")
_RECEIVER = re.compile(r"\(\s*\w+\s+\*?(\w+)")


class Definition(NamedTuple):
    """Definition in a passage: its first line `span`, where it ends, and its name with those around it.

    `is_head`: the line has the form of one that begins a definition.
    """

    span: Span
    end: int
    name: str
    is_head: bool = True

    @property
    def own_name(self) -> str:
        """Name without those of the definitions around it."""
        return re.split(r"[.:]+", self.name)[-1]


def definitions(text: str) -> list[Definition]:
    """Definitions of a text, in order. What has a larger indent is inside what precedes it."""
    heads: list[tuple[int, int, int, str]] = []  # start, end of line, indent, name
    at = 0
    for line in text.split("\n"):
        if (name := _defined_name(line)) is not None:
            indent = len(line) - len(line.lstrip())
            heads.append((at + indent, at + len(line.rstrip()), indent, name))
        at += len(line) + 1
    found: list[Definition] = []
    outer: list[tuple[int, str]] = []
    for n, (start, end, indent, name) in enumerate(heads):
        while outer and outer[-1][0] >= indent:
            outer.pop()
        whole = f"{outer[-1][1]}.{name}" if outer else name
        outer.append((indent, whole))
        last = next((h[0] for h in heads[n + 1 :] if h[2] <= indent), len(text))
        found.append(Definition((start, end), last, whole))
    return found


def _defined_name(line: str) -> str | None:
    """Name that a line begins the definition of; None if it begins none."""
    if COMMENT.match(line):
        return None
    if found := _KEYWORD.match(line):
        receiver = _RECEIVER.match(found["receiver"] or "")
        return f"{receiver[1]}.{found['name']}" if receiver else found["name"]
    if found := _VALUE.match(line):
        return found["name"]
    found = _CALLED.match(line)
    if (
        found is None
        or found["name"] in _NO_NAME
        or not _NO_NAME.isdisjoint(found["before"].split())
    ):
        return None
    rest = found["rest"].rstrip()
    opens = bool(_BODY.search(rest)) and "=>" not in rest and "function" not in rest
    goes_on = _GOES_ON.match(line) is not None and "=" not in rest
    return found["name"] if opens or goes_on else None


def best_definition(
    found: Sequence[Definition], terms: Collection[str], place: int | None
) -> Definition | None:
    """The definition that has most of a query's `terms` in its name and those around it; None without any.

    Of equals that with most in its own name, then the innermost around `place`, where the best sentence of
    the passage begins, then the first.
    """
    wanted = {*terms}

    def fit(d: Definition) -> tuple[int, int, int, int]:
        matched = len(wanted.intersection(terms_of(d.name)))
        own = len(wanted.intersection(terms_of(d.own_name)))
        start = d.span[0]
        inside = place is not None and start <= place < d.end
        return matched, own, int(inside), start if inside else -start

    return max(found, key=fit, default=None)
