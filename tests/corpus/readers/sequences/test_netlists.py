"""Netlists: the order of gates, what does not change it, and what is refused by file and line."""

from __future__ import annotations

import random
import re

import pytest

from qembed.corpus.readers.sequences.bench import read_bench_text
from qembed.corpus.readers.sequences.netlist import NetlistError, gate_sequence
from qembed.corpus.readers.sequences.verilog import read_verilog_text

C17 = """INPUT(G1)
INPUT(G2)
INPUT(G3)
INPUT(G6)
INPUT(G7)
OUTPUT(G22)
OUTPUT(G23)
G10 = NAND(G1, G3)
G11 = NAND(G3, G6)
G16 = NAND(G2, G11)
G19 = NAND(G11, G7)
G22 = NAND(G10, G16)
G23 = NAND(G16, G19)
"""
C17_GATES = "INPUT INPUT INPUT INPUT INPUT NAND -3 -5 NAND -3 -4 NAND -1 -6 NAND -2 -4 NAND -2 -4 NAND -2 -3"
C17_VERILOG = """module c17 (N1, N2, N3, N6, N7, N22, N23);
input N1, N2, N3, N6, N7;
output N22, N23;
wire N10, N11, N16, N19;
nand NAND2_1 (N10, N1, N3), NAND2_2 (N11, N3, N6);
nand (N16, N2, N11);
nand NAND2_4 (N19, N11, N7);
nand NAND2_5 (N22, N10, N16);
nand NAND2_6 (N23, N16, N19);
endmodule
"""


def bench(text: str) -> str:
    (circuit,) = read_bench_text(text)
    return gate_sequence(circuit)


def test_iscas_c17_in_both_forms() -> None:
    assert bench(C17) == C17_GATES
    (circuit,) = read_verilog_text(C17_VERILOG)
    assert gate_sequence(circuit) == C17_GATES


def test_names_and_the_order_of_symmetric_inputs_change_nothing() -> None:
    renamed = re.sub(r"G(\d+)", r"wire_\1_x", C17)
    swapped = re.sub(r"NAND\((\w+), (\w+)\)", r"nand(\2,\1)", renamed)
    assert bench(swapped) == C17_GATES


def test_drivers_come_before_readers_in_whatever_order_they_are_written() -> None:
    head, gates = C17.splitlines()[:7], C17.splitlines()[7:]
    for seed in range(10):
        random.Random(seed).shuffle(gates)
        words = bench("\n".join([*head, *gates])).split()
        place = -1
        for word in words:
            if word[0] in "+-":
                assert -place <= int(word) < 0
            else:
                place += 1
        assert sorted(w for w in words if w[0] not in "+-") == ["INPUT"] * 5 + ["NAND"] * 6


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("INPUT(a)\ny = NOT(y)\n", "a cycle without a flip-flop", 2),
        ("INPUT(a)\na = NOT(a)\n", "a is driven twice", 2),
        ("INPUT(a)\n\ny = NOT(b)\n", "b is read by NOT, and nothing drives it", 3),
        ("INPUT(a)\nnot a gate\n", "no statement of .bench: not a gate", 2),
        ("# nothing\n", "no gates in it", 1),
    ],
)
def test_a_bench_file_is_refused(text: str, message: str, line: int) -> None:
    with pytest.raises(NetlistError, match=re.escape(message)) as e:
        bench(text)
    assert e.value.line == line


@pytest.mark.parametrize(
    ("body", "message", "line"),
    [
        ("assign y = a & a;", "assign with an operator (&), and no netlist", 2),
        ("\nreg r;", "reg: behaviour, and no netlist of gates", 3),
        ("FOO u (.A(a), .B(y));", "FOO: none of its pins is known as an output", 2),
        ("not #1 n (y, a);", "delays and parameters are not read", 2),
        ("not n (y, a)", ", was expected", 2),
    ],
)
def test_verilog_is_refused(body: str, message: str, line: int) -> None:
    text = f"module m (input a, output y);\n{body}\nendmodule\n"
    if message == ", was expected":
        message = "more was expected, not the module's end"
    with pytest.raises(NetlistError, match=re.escape(message)) as e:
        read_verilog_text(text)
    assert e.value.line == line
