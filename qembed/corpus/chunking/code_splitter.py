"""Source code along its definitions, by tree-sitter's grammars (the extra `qembed-search[code]`).

A text becomes a tree of parts that cover all of it: classes, their methods, functions, and what lies
between. `pack` takes whole parts where they fit and goes into those that do not. Only tiny definitions are
joined: a question is about one of them, and a vector of several is near to no question (measured by
tests/bench/long_documents.py). A part begins with its own comments and decorators, at the beginning of
a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.corpus.chunking.grammars import grammar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_TEXT = 4 << 20
"""Characters of a text that is parsed; a longer one was made by a program, and for one."""
JOINED = 4
"""Definitions are joined up to this part of a passage."""
MAX_SYMBOL = 100
MAX_DEPTH = 50
MAX_NESTED = 200
"""Definitions in one another that are gone into: what a program nests deeper is cut as text."""
MAX_INDENT = 200

_DEFINITIONS = """
function_definition class_definition function_declaration generator_function_declaration class_declaration
abstract_class_declaration method_definition interface_declaration type_alias_declaration enum_declaration
internal_module module function_signature abstract_method_signature method_declaration type_spec
function_item struct_item enum_item union_item trait_item impl_item mod_item macro_definition type_item
function_signature_item record_declaration annotation_type_declaration constructor_declaration
struct_specifier class_specifier union_specifier enum_specifier type_definition namespace_definition
method singleton_method class singleton_class namespace_declaration struct_declaration
property_declaration trait_declaration
"""
_WRAPPERS = """
decorated_definition export_statement template_declaration type_declaration expression_statement
lexical_declaration variable_declaration public_field_definition field_definition
"""
_FUNCTIONS = "arrow_function function_expression generator_function class"
_HOLDERS = """
preproc_ifdef preproc_if preproc_else preproc_elif linkage_specification ERROR program
"""
_HEADS = "attribute_item decorator attribute_list annotation"

DEFINITIONS = frozenset(_DEFINITIONS.split())
WRAPPERS = frozenset(_WRAPPERS.split())
"""What a definition may stand in."""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Values that make what they are given to a definition: `const total = () => …`."""
HOLDERS = frozenset(_HOLDERS.split())
"""What has no name and may hold definitions."""
HEADS = frozenset(_HEADS.split())
"""What belongs to the definition behind it, as comments do."""
WANTED = {"namespace_definition": "body", "property_declaration": "name"}
"""Fields without which they define nothing: PHP's `namespace Shop;` and its variables."""
_RECEIVER = re.compile(r"(\w+)\s*(?:\[[^\[\]]*\])?\s*,?\s*\)$")


class Piece(NamedTuple):
    """text[start:end] of one or more definitions, named by `symbol`. Not `whole`: it has to be cut."""

    start: int
    end: int
    symbol: str
    whole: bool


@dataclass(slots=True)
class _Part:
    """A stretch of the text, in characters; `node` holds parts of its own, None if it cannot."""

    start: int
    end: int
    name: str
    node: Any
    depth: int = 0
    tokens: int = 0


class Source:
    """A text in a language whose grammar is there."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self._data = text.encode("utf-8", "replace")
        self._characters: npt.NDArray[np.int32] | None = None
        if len(self._data) != len(text):
            import numpy as np

            begins = (np.frombuffer(self._data, np.uint8) & 0xC0) != 0x80
            self._characters = np.concatenate([[0], np.cumsum(begins)]).astype(np.int32)
        self._tree = grammar(name).parse(self._data)

    def pack(
        self,
        room: int,
        tokens: Callable[[int, int], int],
        fits: Callable[[int, int, str], bool],
    ) -> Iterator[Piece]:
        """Pieces that cover the text, in order.

        `tokens` estimates a stretch's length, more than `room` being too many; `fits` knows whether one
        with this symbol is short enough, asked once or twice a piece.
        """
        group: list[_Part] = []
        total = 0
        for part in self._parts(room, tokens):
            whole = part.tokens <= room
            plain = part.node is None and all(p.node is None for p in group)
            most = room if plain else room // JOINED
            if group and (not whole or total + part.tokens > most):
                yield from _closed(group, fits)
                group, total = [], 0
            if whole:
                group.append(part)
                total += part.tokens
            else:
                yield Piece(part.start, part.end, part.name[:MAX_SYMBOL], False)
        yield from _closed(group, fits)

    def _parts(self, room: int, tokens: Callable[[int, int], int]) -> Iterator[_Part]:
        """The largest parts that fit, and the smallest that do not."""
        waiting = [_Part(0, len(self.text), "", self._tree.root_node)]
        while waiting:
            part = waiting.pop()
            part.tokens = max(1, tokens(part.start, part.end))
            deeper = part.tokens > room and part.node is not None and part.depth < MAX_NESTED
            inner = self._inner(part) if deeper else []
            if inner:
                waiting += reversed(inner)
            else:
                if part.node is not None and (part.depth == 0 or _holds(part.node)):
                    part.name = symbols(_names(part)) or part.name
                yield part

    # ── the tree ─────────────────────────────────────────────────────────────────────────────────

    def _inner(self, part: _Part) -> list[_Part]:
        """Pieces of a part; [] if it holds no definition that can be separated."""
        body = part.node.child_by_field_name("body") or part.node
        nodes = body.named_children
        if part.depth and not any(_defined(n) or _holds(n) for n in nodes):
            return []
        found: list[
            tuple[int, str, Any]
        ] = []  # where it begins, its name, where there is more in it
        head = -1  # of comments that wait for their definition
        end = body.start_byte
        for node in nodes:
            start = node.start_byte
            lines = self._data.count(b"\n", end, start)
            if head >= 0 and lines > 1:
                found.append((head, part.name, None))
                head = -1
            if _leads(node):
                if head < 0 and (not found or lines):
                    head = start
            else:
                inner = _defined(node)
                name = _joined(part.name, _name(inner)) if inner is not None else part.name
                more = inner if inner is not None else node if _holds(node) else None
                found.append((start if head < 0 else head, name, more))
                head = -1
            end = node.end_byte
        if head >= 0:
            found.append((head, part.name, None))
        return self._stretched(part, found) if found else []

    def _stretched(self, part: _Part, found: list[tuple[int, str, Any]]) -> list[_Part]:
        """Beginnings to parts without gaps."""
        starts = [part.start]
        for at, _, _ in found[1:]:
            starts.append(max(starts[-1], self._character(self._line(at))))
        ends = [*starts[1:], part.end]
        return [
            _Part(start, end, name, node, part.depth + 1)
            for start, end, (_, name, node) in zip(starts, ends, found, strict=True)
            if start < end
        ]

    def _line(self, at: int) -> int:
        """Start of the line whose first word is at `at`; `at` itself if other words precede it."""
        indent = self._data[max(0, at - MAX_INDENT) : at]
        before = indent.rstrip(b" \t")
        first = before.endswith(b"\n") or len(indent) - len(before) == at
        return at - len(indent) + len(before) if first else at

    def _character(self, byte: int) -> int:
        return byte if self._characters is None else int(self._characters[byte])


def _closed(group: Sequence[_Part], fits: Callable[[int, int, str], bool]) -> Iterator[Piece]:
    """Parts as one piece; as more where the estimate was too low."""
    while group:
        n = len(group)
        while True:
            start, end = group[0].start, group[n - 1].end
            symbol = symbols(p.name for p in group[:n])
            whole = fits(start, end, symbol)
            if whole or n == 1:
                break
            n -= max(1, n // 8)
        yield Piece(start, end, symbol, whole)
        group = group[n:]


def symbols(names: Iterator[str]) -> str:
    """Names in a row, each once, as many as there is room for."""
    found = ""
    for name in dict.fromkeys(n for n in names if n):
        longer = f"{found}, {name}" if found else name[:MAX_SYMBOL]
        if len(longer) > MAX_SYMBOL:
            break
        found = longer
    return found


def _leads(node: Any) -> bool:
    return "comment" in node.type or node.type in HEADS


def _holds(node: Any) -> bool:
    return node.type in HOLDERS or (node.type in WRAPPERS and len(_wrapped(node)) > 1)


def _wrapped(node: Any) -> list[Any]:
    """The definitions in a wrapper: one, but for Go's groups of types."""
    return [n for n in node.named_children if n.type in DEFINITIONS or n.type in WRAPPERS]


def _names(part: _Part) -> Iterator[str]:
    """Names of the definitions in a part that has no name of its own."""
    waiting = list(reversed(part.node.named_children))
    while waiting:
        node = waiting.pop()
        inner = _defined(node)
        if inner is not None:
            yield _joined(part.name, _name(inner))
        elif _holds(node):
            waiting += reversed(node.named_children)


def _defined(node: Any) -> Any:
    """The definition that a node is, or stands around; None if there is none."""
    for _ in range(4):
        if node.type in DEFINITIONS:
            wanted = WANTED.get(node.type)
            return node if not wanted or node.child_by_field_name(wanted) is not None else None
        if node.type not in WRAPPERS:
            return None
        inner = _wrapped(node)
        if not inner:
            holders = [node, *(n for n in node.named_children if n.type == "variable_declarator")]
            for holder in holders:
                value = holder.child_by_field_name("value")
                if value is not None and value.type in FUNCTIONS:
                    return holder
            return None
        if len(inner) > 1:
            return None
        node = inner[0]
    return None


def _name(node: Any) -> str:
    """Qualified name of a definition, with its receiver where only the head names it."""
    named = node.child_by_field_name("name")
    if named is None:
        named = node.child_by_field_name("declarator")
        for _ in range(MAX_DEPTH):
            inner = named.child_by_field_name("declarator") if named is not None else None
            if inner is None:
                break
            named = inner
    if named is None:
        named = node.child_by_field_name("type")  # impl Trait for Type
        named = named.child_by_field_name("type") or named if named is not None else None
    own = _text(named)
    receiver = _RECEIVER.search(_text(node.child_by_field_name("receiver")))
    return _joined(receiver[1], own) if receiver else own


def _text(node: Any) -> str:
    if node is None:
        return ""
    start = node.text[: 4 * MAX_SYMBOL].decode("utf-8", "ignore")
    return " ".join(start.split())[:MAX_SYMBOL]


def _joined(outer: str, name: str) -> str:
    return f"{outer}.{name}"[:MAX_SYMBOL] if outer and name else outer or name
