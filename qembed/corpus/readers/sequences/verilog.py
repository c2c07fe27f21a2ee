"""Structural Verilog: modules of gates and cells. Behaviour (always, initial, operators) is refused.

Gates of the language (and, nand, …) drive their first wire. A cell drives the pins that are named as outputs
of standard cells are (Y, Z, ZN, Q, QN, O, OUT, S, CO, SUM, COUT), one of a module of the same file those that
the module says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from qembed.corpus.readers.sequences.netlist import Gate, Netlist, NetlistError

_PRIMITIVES = frozenset(("and", "nand", "or", "nor", "xor", "xnor", "not", "buf"))
_OUTPUT_PINS = frozenset(
    ("Y", "Z", "ZN", "Q", "QN", "QB", "O", "OUT", "S", "CO", "SUM", "COUT", "X")
)
_BEHAVIOUR = re.compile(r"always\w*|initial|if|case|for|reg|task|function|generate|parameter")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*(?!\)).*?\*\)|`[^\n]*", re.DOTALL)
_TOKEN = re.compile(r"\\\S+|[A-Za-z_][\w$]*|\d*'[bBhHdD][0-9a-fA-FxXzZ_]+|\d+|[^\s\w]")
_NAME = re.compile(r"\\\S+|[A-Za-z_][\w$]*")
_BIT = re.compile(r"1'[bB]([01])")


class _Token(NamedTuple):
    text: str
    line: int


class _Cell(NamedTuple):
    """Instance: kind, pins by name, or wires by position under the names 0, 1, …"""

    kind: str
    pins: Sequence[tuple[str, str]]
    line: int


class _Module(NamedTuple):
    name: str
    ports: list[str]
    inputs: list[str]
    outputs: list[str]
    cells: list[_Cell]
    line: int


def read_verilog_text(text: str) -> list[Netlist]:
    """Read the circuits of a file, a module each. Raises NetlistError."""
    plain = _COMMENT.sub(lambda m: " " + "\n" * m[0].count("\n"), text)
    tokens: list[_Token] = []
    line, at = 1, 0
    for m in _TOKEN.finditer(plain):
        line += plain.count("\n", at, m.start())
        at = m.start()
        tokens.append(_Token(m[0], line))
    modules = [_Parser(part).module() for part in _modules(tokens)]
    if not modules:
        raise NetlistError("no module in it", 1)
    known = {m.name: m for m in modules}
    return [_netlist(m, known) for m in modules]


def _modules(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    part: list[_Token] = []
    for token in tokens:
        if token.text == "module" and part:
            raise NetlistError("module inside of a module (endmodule is missing)", token.line)
        if not part and token.text != "module":
            raise NetlistError(f"{token.text} outside of a module", token.line)
        if token.text == "endmodule":
            yield part
            part = []
        else:
            part.append(token)
    if part:
        raise NetlistError("endmodule is missing", part[0].line)


class _Parser:
    """Parser of one module's tokens."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._widths: dict[str, list[str]] = {}

    def module(self) -> _Module:
        """Read all statements."""
        line = self._next("module").line
        found = _Module(self._name(), [], [], [], [], line)
        found.ports.extend(self._header(found))
        while self._at < len(self._tokens):
            self._statement(found)
        return found

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    @property
    def _line(self) -> int:
        return self._tokens[min(self._at, len(self._tokens) - 1)].line

    def _next(self, wanted: str = "") -> _Token:
        if self._at >= len(self._tokens) or (wanted and self._peek() != wanted):
            found = self._peek() or "the module's end"
            raise NetlistError(f"{wanted or 'more'} was expected, not {found}", self._line)
        self._at += 1
        return self._tokens[self._at - 1]

    def _name(self) -> str:
        token = self._next()
        if not _NAME.fullmatch(token.text):
            raise NetlistError(f"a name was expected, not {token.text}", token.line)
        return token.text

    def _header(self, module: _Module) -> list[str]:
        """Ports in front of the first semicolon, with or without their directions."""
        ports: list[str] = []
        if self._peek() == "(":
            self._next()
            kind, bits = "", [""]
            while self._peek() != ")":
                if self._peek() in ("input", "output", "inout"):
                    kind = self._next().text
                    bits = self._bits()
                name = self._name()
                ports.append(name)
                self._declare(module, kind, name, bits)
                if self._peek() == ",":
                    self._next()
            self._next(")")
        self._next(";")
        return ports

    def _bits(self) -> list[str]:
        """Suffixes of the wires of a declaration, [""] without a range."""
        while self._peek() in ("wire", "tri", "signed", "logic"):
            self._next()
        if self._peek() != "[":
            return [""]
        self._next("[")
        high, low = self._number(":"), self._number("]")
        step = 1 if low >= high else -1
        return [f"[{i}]" for i in range(high, low + step, step)]

    def _number(self, end: str) -> int:
        token = self._next()
        if not token.text.isdecimal():
            raise NetlistError(f"a number was expected, not {token.text}", token.line)
        self._next(end)
        return int(token.text)

    def _declare(self, module: _Module, kind: str, name: str, bits: Sequence[str]) -> None:
        if bits != [""]:
            self._widths[name] = [name + b for b in bits]
        wires = [name + b for b in bits]
        if kind == "input":
            module.inputs.extend(wires)
        elif kind in ("output", "inout"):
            module.outputs.extend(wires)

    def _statement(self, module: _Module) -> None:
        token = self._next()
        word = token.text
        if _BEHAVIOUR.fullmatch(word):
            raise NetlistError(f"{word}: behaviour, and no netlist of gates", token.line)
        if word in ("input", "output", "inout", "wire", "tri", "supply0", "supply1"):
            bits = self._bits()
            while True:
                name = self._name()
                self._declare(module, word, name, bits)
                if word.startswith("supply"):
                    module.cells.append(_Cell(f"CONST{word[-1]}", [("0", name)], token.line))
                if self._next().text == ";":
                    return
        elif word == "assign":
            left = self._wire()
            self._next("=")
            right = self._wire()
            if self._peek() != ";":
                raise NetlistError(
                    f"assign with an operator ({self._peek()}), and no netlist", token.line
                )
            self._next(";")
            module.cells.append(_Cell("buf", [("0", left), ("1", right)], token.line))
        elif _NAME.fullmatch(word):
            if self._peek() == "#":
                raise NetlistError("delays and parameters are not read", token.line)
            self._instances(module, token)
        else:
            raise NetlistError(f"{word}: no statement of a netlist", token.line)

    def _instances(self, module: _Module, kind: _Token) -> None:
        while True:
            if self._peek() != "(":
                self._name()
            self._next("(")
            pins: list[tuple[str, str]] = []
            while self._peek() != ")":
                if self._peek() == ".":
                    self._next()
                    pin = self._name()
                    self._next("(")
                    if self._peek() != ")":
                        pins.append((pin, self._wire()))
                    self._next(")")
                else:
                    pins.append((str(len(pins)), self._wire()))
                if self._peek() == ",":
                    self._next()
            self._next(")")
            module.cells.append(_Cell(kind.text, pins, kind.line))
            if self._next().text == ";":
                return

    def _wire(self) -> str:
        token = self._next()
        if bit := _BIT.fullmatch(token.text):
            return f"1'b{bit[1]}"
        if not _NAME.fullmatch(token.text):
            raise NetlistError(f"a wire was expected, not {token.text}", token.line)
        if self._peek() == "[":
            self._next()
            return f"{token.text}[{self._number(']')}]"
        if token.text in self._widths:
            raise NetlistError(f"{token.text} has several bits: name one of them", token.line)
        return token.text


def _netlist(module: _Module, known: Mapping[str, _Module]) -> Netlist:
    gates: list[Gate] = []
    for cell in module.cells:
        if cell.kind in _PRIMITIVES:
            wires = [wire for _, wire in cell.pins]
            gates.append(Gate(cell.kind.upper(), wires[:1], wires[1:], cell.line))
            continue
        drives: list[str] = []
        reads: list[str] = []
        inner = known.get(cell.kind)
        for pin, wire in cell.pins:
            name = pin
            if pin.isdecimal() and inner is not None and int(pin) < len(inner.ports):
                name = inner.ports[int(pin)]
            is_output = name in inner.outputs if inner else pin.upper() in _OUTPUT_PINS
            (drives if is_output or cell.kind.startswith("CONST") else reads).append(wire)
        if not drives:
            raise NetlistError(f"{cell.kind}: none of its pins is known as an output", cell.line)
        gates.append(Gate(cell.kind.upper().lstrip("\\"), drives, reads, cell.line))
    constants = {w for g in gates for w in g.reads if w in ("1'b0", "1'b1")}
    ones = [Gate(f"CONST{w[-1]}", (w,), (), module.line) for w in sorted(constants)]
    return Netlist(module.name, [*ones, *gates], module.inputs, module.outputs, module.line)
