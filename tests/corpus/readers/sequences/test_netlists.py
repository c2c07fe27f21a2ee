"""Netlists: the order of gates, what does not change it, and what is refused by file and line."""

from __future__ import annotations

import random
import re

import pytest

from qembed.corpus.readers.sequences import verilog_tokens
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
        ("INPUT(a)\n", "no gates in it", 1),
        ("INPUT(a)\ny = NAND()\n", "NAND without an input", 2),
        ("INPUT(a)\nOUTPUT(z)\ny = NOT(a)\n", "z is an output, and nothing drives it", 2),
    ],
)
def test_a_bench_file_is_refused(text: str, message: str, line: int) -> None:
    with pytest.raises(NetlistError, match=re.escape(message)) as e:
        bench(text)
    assert e.value.line == line


BUS = "module m (input [1:0] a, input b, output [1:0] y);\n{}\nendmodule\n"


@pytest.mark.parametrize(
    ("body", "gates"),
    [
        ("assign y = a;", "BUF -3 BUF -3"),
        ("assign y = {b, a[1]};", "BUF -1 BUF -4"),
        ("wire [0:1] n = a;\nassign y = n[0:1];", "BUF -3 BUF -3 BUF -2 BUF -2"),
        ("assign {y[0], y[1]} = a[1:0];", "BUF -3 BUF -3"),
        ("CELL u (.A({a, 2'h2, {2{b}}}), .Y(y));", "CELL -5 -4 -1 -2 -3 -3"),
        ("not n (y[0], y[1], b);", "NOT -1"),
        (r"wire \n+1 ; nand \g/1 (\n+1 , b, \b ); not (y[0], \n+1 );", "NAND -1 -1 NOT -1"),
        ("sky130_fd_sc_hd__dfxtp_1 r (.D(y[0]), .Q(y[0]));", "SKY130_FD_SC_HD__DFXTP_1 +0"),
        ('/* \n */ `include "x"\n (* keep *) buf (y[0], b); // (*', None),
        ('`include "x"\n (* keep *) buf (y[0], b); // (*', "BUF -1"),
    ],
)
def test_buses_escapes_and_directives(body: str, gates: str | None) -> None:
    if gates is None:
        with pytest.raises(NetlistError, match="`: no statement"):
            read_verilog_text(BUS.format(body))
        return
    (circuit,) = read_verilog_text(BUS.replace("{}", "%s") % body)
    inputs = "INPUT INPUT INPUT CONST0 CONST1" if "2'h2" in body else "INPUT INPUT INPUT"
    assert gate_sequence(circuit) == f"{inputs} {gates}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("wire [999999999:0] w;", "a bus of more than 65,536 bits"),
        ("wire [65535:0] " + ", ".join(f"w{i}" for i in range(99)) + ";", "in all"),
        ("CELL u (.A({65536{{2{b}}}}), .Y(y));", "a bus of more than 65,536 bits"),
        ("CELL u (.A(" + "{" * 10**4 + "b", "more than 50 braces in one another"),
        ("assign y = b;", "assign of 1 bits to 2"),
        ("buf (y, b);", "a pin of buf with 2 bits"),
        ("wire w [3:0];", "arrays of wires are not read"),
        ("not g[1:0] (y, a);", "arrays of gates are not read"),
        ("assign y = 2'd99ff;", "is no number of base 10"),
        ("/* " * 10**5, "endmodule is missing"),
        ("(* " * 10**5, "endmodule is missing"),
    ],
    ids=range(11),
)
def test_hostile_verilog_is_refused_at_once(
    body: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verilog_tokens, "MOST_BITS_IN_ALL", 1 << 18)
    with pytest.raises(NetlistError, match=re.escape(message)) as e:
        read_verilog_text(BUS.replace("{}", "%s") % body)
    assert e.value.line in (1, 2)


@pytest.mark.parametrize(
    ("body", "message", "line"),
    [
        ("assign y = a & a;", "assign with an operator (&), and no netlist", 2),
        ("\nreg r;", "reg: behaviour, and no netlist of gates", 3),
        ("FOO u (.A(a), .B(y));", "FOO: none of its pins is known as an output", 2),
        ("not #1 n (y, a);", "delays and parameters are not read", 2),
        ("not n (y, a)", "; was expected, not the module's end", 2),
    ],
)
def test_verilog_is_refused(body: str, message: str, line: int) -> None:
    text = f"module m (input a, output y);\n{body}\nendmodule\n"
    with pytest.raises(NetlistError, match=re.escape(message)) as e:
        read_verilog_text(text)
    assert e.value.line == line
