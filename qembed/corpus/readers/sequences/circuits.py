"""Files of netlists to documents: a circuit each, its gates in topological order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from qembed.corpus import file_contents
from qembed.corpus.decode import EMPTY
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.sequences.bench import read_bench_text
from qembed.corpus.readers.sequences.netlist import Netlist, NetlistError, gate_sequence
from qembed.corpus.readers.sequences.records import sequence_document
from qembed.corpus.readers.sequences.verilog import read_verilog_text
from qembed.types import ReadItem, Skipped, SourceFile, Unreadable

_Parse: TypeAlias = Callable[[str], list[Netlist]]


def read_bench(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read the circuit of a .bench file."""
    yield from _documents(file, options, read_bench_text)


def read_verilog(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a module of structural Verilog: `chip.v#adder`."""
    yield from _documents(file, options, read_verilog_text)


def _documents(file: SourceFile, options: ReadOptions, parse: _Parse) -> Iterator[ReadItem]:
    where = os.fspath(file.location)
    found = file_contents.text(file, options.encoding)
    if isinstance(found, Unreadable):
        yield found
        return
    try:
        circuits = parse(found.text)
    except NetlistError as e:
        yield Unreadable(where, str(e), e.line)
        return
    if not circuits:
        yield Skipped(where, EMPTY)
    for number, circuit in enumerate(circuits, 1):
        options.at(number, len(circuits))
        try:
            text = gate_sequence(circuit)
            if not text:
                raise NetlistError(f"no gates in {circuit.name}", circuit.line)
        except NetlistError as e:
            yield Unreadable(where, str(e), e.line)
            continue
        meta = {
            "record": number,
            "gates": len(circuit.gates),
            "inputs": len(circuit.inputs),
            "outputs": len(circuit.outputs),
        }
        own = options._replace(id_prefix="file") if circuit.name else options
        yield sequence_document(file, own, circuit.name, "", text, circuit.line, meta, "gate")
