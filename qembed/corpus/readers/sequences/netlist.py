"""Netlists to sequences of gates in topological order.

    a, b inputs; y = NAND(a, b); z = NOT(y)     ->     INPUT INPUT NAND -1 -2 NOT -1

A gate is followed by the distance, in gates, to the driver of each of its inputs. Names are not in it, so
that renaming wires changes nothing; nor is the order of inputs of gates that it does not matter to. A flip-
flop's or latch's output is there before its input: it divides cycles, and its distances may point ahead.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SYMMETRIC = frozenset(("AND", "NAND", "OR", "NOR", "XOR", "XNOR"))
STATEFUL = ("DF", "SDF", "EDF", "SEDF", "DL", "DHL", "LAT", "FD", "LD")
"""Beginnings of the names of cells that keep a state, behind the name of their library."""
_STATELESS = ("DLY",)
_NEEDS_INPUT = SYMMETRIC | {"NOT", "BUF"}


class NetlistError(ValueError):
    """Reason for which a netlist cannot be read. `line` is 1-based."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message if len(message) <= 200 else f"{message[:199]}…")
        self.line = line


class Gate(NamedTuple):
    """Gate: kind, wires that it drives and reads, line in the file. An input of the circuit reads none."""

    kind: str
    drives: Sequence[str]
    reads: Sequence[str]
    line: int


class Netlist(NamedTuple):
    """Circuit of a file: name, gates, names of inputs and outputs, first line."""

    name: str
    gates: Sequence[Gate]
    inputs: Sequence[str]
    outputs: Sequence[str]
    line: int


def keeps_state(kind: str) -> bool:
    """True for a flip-flop or a latch by its name: DFF_X1, $_DFF_P_, sky130_fd_sc_hd__dfxtp_1."""
    own = kind.upper().rpartition("__")[2] if "__" in kind else kind.upper()
    own = own.lstrip("$_")
    return own.startswith(STATEFUL) and not own.startswith(_STATELESS)


def gate_sequence(netlist: Netlist) -> str:
    """Gates of a circuit in topological order, of those that could be next the first in the file.

    Raises NetlistError for a wire that nothing drives, one that is driven twice, a gate without an input or
    an output, and a cycle without state.
    """
    gates = [*(Gate("INPUT", (name,), (), netlist.line) for name in netlist.inputs), *netlist.gates]
    driver: dict[str, int] = {}
    for i, gate in enumerate(gates):
        if not gate.drives or (gate.kind in _NEEDS_INPUT and not gate.reads):
            missing = "output" if not gate.drives else "input"
            raise NetlistError(f"{gate.kind} without an {missing}", gate.line)
        for wire in gate.drives:
            if wire in driver:
                raise NetlistError(f"{wire} is driven twice", gate.line)
            driver[wire] = i
    order = _order(gates, driver)
    place = {i: n for n, i in enumerate(order)}
    words: list[str] = []
    for n, i in enumerate(order):
        gate = gates[i]
        distances = [place[driver[wire]] - n for wire in gate.reads]
        if gate.kind in SYMMETRIC:
            distances.sort(reverse=True)
        words += [gate.kind, *(f"{d:+d}" for d in distances)]
    return " ".join(words)


def _order(gates: Sequence[Gate], driver: dict[str, int]) -> list[int]:
    waits: list[int] = []
    readers: dict[int, list[int]] = {}
    for i, gate in enumerate(gates):
        for wire in gate.reads:
            if wire not in driver:
                raise NetlistError(
                    f"{wire} is read by {gate.kind}, and nothing drives it", gate.line
                )
        before: Iterable[int] = () if keeps_state(gate.kind) else {driver[w] for w in gate.reads}
        for b in before:
            readers.setdefault(b, []).append(i)
        waits.append(len(list(before)))
    ready = [i for i, n in enumerate(waits) if n == 0]
    order: list[int] = []
    while ready:
        i = heapq.heappop(ready)
        order.append(i)
        for reader in readers.get(i, ()):
            waits[reader] -= 1
            if waits[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(gates):
        left = next(i for i, n in enumerate(waits) if n > 0)
        raise NetlistError(
            f"a cycle without a flip-flop: {gates[left].kind} waits for its own output",
            gates[left].line,
        )
    return order
