"""The .bench form of ISCAS circuits: INPUT(a), OUTPUT(y), y = NAND(a, b), a statement a line."""

from __future__ import annotations

import re

from qembed.corpus.readers.sequences.netlist import Gate, Netlist, NetlistError

_PORT = re.compile(r"(INPUT|OUTPUT)\s*\(\s*([^\s(),=]+)\s*\)", re.IGNORECASE)
_GATE = re.compile(r"([^\s(),=]+)\s*=\s*([A-Za-z]\w*)\s*\(([^()]*)\)")
_NAMES = {"BUFF": "BUF", "INV": "NOT"}


def read_bench_text(text: str) -> list[Netlist]:
    """Read the circuit of a file, none of one without a statement. Raises NetlistError."""
    inputs: list[str] = []
    outputs: dict[str, int] = {}
    gates: list[Gate] = []
    for number, line in enumerate(text.splitlines(), 1):
        statement = line.partition("#")[0].strip()
        if not statement:
            continue
        if port := _PORT.fullmatch(statement):
            if port[1].upper() == "INPUT":
                inputs.append(port[2])
            else:
                outputs.setdefault(port[2], number)
        elif gate := _GATE.fullmatch(statement):
            kind = gate[2].upper()
            reads = [name.strip() for name in gate[3].split(",") if name.strip()]
            gates.append(Gate(_NAMES.get(kind, kind), (gate[1],), reads, number))
        else:
            raise NetlistError(f"no statement of .bench: {statement[:60]}", number)
    if not (inputs or outputs or gates):
        return []
    if not gates:
        raise NetlistError("no gates in it", 1)
    driven = {*inputs, *(wire for gate in gates for wire in gate.drives)}
    for name, number in outputs.items():
        if name not in driven:
            raise NetlistError(f"{name} is an output, and nothing drives it", number)
    return [Netlist("", gates, inputs, list(outputs), 1)]
