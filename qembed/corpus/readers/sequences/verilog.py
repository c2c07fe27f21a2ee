"""Structural Verilog: modules of gates and cells. Behaviour (always, initial, operators) is refused.

Gates of the language (and, nand, …) drive their first wire, not and buf all but the last. A cell drives the
pins that are named as outputs of standard cells are (Y, Z, ZN, Q, QN, O, OUT, S, CO, …), one of a module of
the same file those that the module says. A bus is its bits, the first one first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from qembed.corpus.readers.sequences.netlist import Gate, Netlist, NetlistError
from qembed.corpus.readers.sequences.verilog_tokens import (
    NAME,
    NUMBER,
    BusLimit,
    Token,
    bits_of,
    split_modules,
    tokens_of,
)

_PRIMITIVES = frozenset(("and", "nand", "or", "nor", "xor", "xnor", "not", "buf"))
_OUTPUT_PINS = frozenset(
    (
        "Y",
        "Z",
        "ZN",
        "Q",
        "QN",
        "QB",
        "Q_N",
        "O",
        "OUT",
        "S",
        "CO",
        "SUM",
        "COUT",
        "X",
        "HI",
        "LO",
        "GCLK",
    )
)
_PARAMETERS = "delays and parameters are not read"
_MOST_BRACES = 50
"""Braces in one another."""
_BEHAVIOUR = re.compile(r"always\w*|initial|if|case|for|reg|task|function|generate|parameter")


class _Cell(NamedTuple):
    """Instance: kind, bits by the name of the pin, or of the position: 0, 1, …"""

    kind: str
    pins: Sequence[tuple[str, Sequence[str]]]
    line: int


class _Module(NamedTuple):
    name: str
    ports: list[str]
    inputs: list[str]
    outputs: list[str]
    cells: list[_Cell]
    line: int


def read_verilog_text(text: str) -> list[Netlist]:
    """Read the circuits of a file, a module each, none of one without a word. Raises NetlistError."""
    limit, tokens = BusLimit(), tokens_of(text)
    modules = [_Parser(part, limit).module() for part in split_modules(tokens)]
    if not modules and tokens:
        raise NetlistError("no module in it", 1)
    known = {m.name: m for m in modules}
    return [_netlist(m, known) for m in modules]


class _Parser:
    """Parser of one module's tokens."""

    def __init__(self, tokens: Sequence[Token], limit: BusLimit) -> None:
        self._tokens = tokens
        self._limit = limit
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

    def _next(self, wanted: str = "") -> Token:
        if self._at >= len(self._tokens) or (wanted and self._peek() != wanted):
            found = self._peek() or "the module's end"
            raise NetlistError(f"{wanted or 'more'} was expected, not {found}", self._line)
        self._at += 1
        return self._tokens[self._at - 1]

    def _name(self) -> str:
        token = self._next()
        if not NAME.fullmatch(token.text):
            raise NetlistError(f"a name was expected, not {token.text}", token.line)
        return token.text

    def _header(self, module: _Module) -> list[str]:
        """Ports in front of the first semicolon, with or without their directions."""
        ports: list[str] = []
        if self._peek() == "#":
            raise NetlistError(_PARAMETERS, self._line)
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
        return self._range(self._number(":"), self._number("]"))

    def _range(self, high: int, low: int) -> list[str]:
        self._limit.add(abs(high - low) + 1, self._line)
        step = 1 if low >= high else -1
        return [f"[{i}]" for i in range(high, low + step, step)]

    def _number(self, end: str) -> int:
        token = self._next()
        found = self._integer(token)
        self._next(end)
        return found

    @staticmethod
    def _integer(token: Token) -> int:
        if not token.text.isdecimal() or len(token.text) > 9:
            raise NetlistError(f"a number was expected, not {token.text[:40]}", token.line)
        return int(token.text)

    def _declare(self, module: _Module, kind: str, name: str, bits: Sequence[str]) -> None:
        if bits != [""]:
            self._limit.add(len(bits), self._line)
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
                wires = [name + b for b in bits]
                if word.startswith("supply"):
                    kind = f"CONST{word[-1]}"
                    module.cells.extend(_Cell(kind, [("0", [w])], token.line) for w in wires)
                if self._peek() == "=":
                    self._assign(module, wires, token.line)
                if self._peek() == "[":
                    raise NetlistError("arrays of wires are not read", self._line)
                if self._comma_or(";"):
                    return
        elif word == "assign":
            self._assign(module, self._wires(), token.line)
            self._next(";")
        elif NAME.fullmatch(word):
            if self._peek() == "#":
                raise NetlistError(_PARAMETERS, token.line)
            self._instances(module, token)
        else:
            raise NetlistError(f"{word}: no statement of a netlist", token.line)

    def _comma_or(self, end: str) -> bool:
        """Read a comma, or the end: True."""
        if self._peek() == ",":
            self._next()
            return False
        self._next(end)
        return True

    def _assign(self, module: _Module, left: Sequence[str], line: int) -> None:
        self._next("=")
        right = self._wires()
        if self._peek() not in (";", ","):
            raise NetlistError(f"assign with an operator ({self._peek()}), and no netlist", line)
        if len(left) != len(right):
            raise NetlistError(f"assign of {len(right)} bits to {len(left)}", line)
        pairs = zip(left, right, strict=True)
        module.cells.extend(_Cell("buf", [("0", [a]), ("1", [b])], line) for a, b in pairs)

    def _instances(self, module: _Module, kind: Token) -> None:
        while True:
            if self._peek() != "(":
                self._name()
            if self._peek() == "[":
                raise NetlistError("arrays of gates are not read", self._line)
            self._next("(")
            pins: list[tuple[str, Sequence[str]]] = []
            while self._peek() != ")":
                if self._peek() == ".":
                    self._next()
                    pin = self._name()
                    self._next("(")
                    if self._peek() != ")":
                        pins.append((pin, self._wires()))
                    self._next(")")
                else:
                    pins.append((str(len(pins)), self._wires()))
                if self._peek() == ",":
                    self._next()
            self._next(")")
            if kind.text in _PRIMITIVES and (wide := [w for _, w in pins if len(w) != 1]):
                raise NetlistError(f"a pin of {kind.text} with {len(wide[0])} bits", kind.line)
            module.cells.append(_Cell(kind.text, pins, kind.line))
            if self._comma_or(";"):
                return

    def _wires(self, depth: int = 0) -> list[str]:
        """Bits of an expression: a wire, a bus, bits of one, a number, or several of these in braces."""
        token = self._next()
        if token.text == "{":
            if depth == _MOST_BRACES:
                raise NetlistError(f"more than {_MOST_BRACES} braces in one another", token.line)
            return self._joined(depth + 1)
        if number := NUMBER.fullmatch(token.text):
            bits = bits_of(number, token.line)
            self._limit.add(len(bits), token.line)
            return bits
        if not NAME.fullmatch(token.text):
            raise NetlistError(f"a wire was expected, not {token.text}", token.line)
        if self._peek() != "[":
            wires = self._widths.get(token.text, [token.text])
            self._limit.add(len(wires), token.line)
            return wires
        self._next()
        high = self._integer(self._next())
        if self._peek() == ":":
            self._next()
            return [token.text + bit for bit in self._range(high, self._number("]"))]
        self._next("]")
        return [f"{token.text}[{high}]"]

    def _joined(self, depth: int) -> list[str]:
        """Bits between braces; a number in front of inner braces repeats what is in them."""
        found: list[str] = []
        while True:
            if self._peek().isdecimal():
                times = self._integer(self._next())
                self._next("{")
                part = self._joined(depth)
                self._limit.add(times * len(part), self._line)
                found += part * times
            else:
                found += self._wires(depth)
            if self._comma_or("}"):
                self._limit.add(len(found), self._line)
                return found


def _netlist(module: _Module, known: Mapping[str, _Module]) -> Netlist:
    gates: list[Gate] = []
    for cell in module.cells:
        if cell.kind in _PRIMITIVES:
            wires = [wire for _, bits in cell.pins for wire in bits]
            driven = len(wires) - 1 if cell.kind in ("not", "buf") else 1
            gates.append(Gate(cell.kind.upper(), wires[:driven], wires[driven:], cell.line))
            continue
        drives: list[str] = []
        reads: list[str] = []
        inner = known.get(cell.kind)
        outputs = set() if inner is None else {w.partition("[")[0] for w in inner.outputs}
        for pin, bits in cell.pins:
            name = pin
            if pin.isdecimal() and inner is not None and int(pin) < len(inner.ports):
                name = inner.ports[int(pin)]
            is_output = name in outputs if inner else pin.upper() in _OUTPUT_PINS
            (drives if is_output or cell.kind.startswith("CONST") else reads).extend(bits)
        if not drives:
            raise NetlistError(f"{cell.kind}: none of its pins is known as an output", cell.line)
        gates.append(Gate(cell.kind.upper().lstrip("\\"), drives, reads, cell.line))
    constants = {w for g in gates for w in g.reads if w in ("1'b0", "1'b1")}
    ones = [Gate(f"CONST{w[-1]}", (w,), (), module.line) for w in sorted(constants)]
    name = module.name.removeprefix("\\")
    return Netlist(name, [*ones, *gates], module.inputs, module.outputs, module.line)
