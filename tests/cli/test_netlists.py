"""Netlists on stdin, in pipes and in files whose suffix is of no format, as a user gives them."""

from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path

import pytest

from qembed.errors import InputError, UsageError
from qembed.pipeline.sequences.given import refuse_sequences
from qembed.pipeline.sequences.queries import read_sequences
from tests.cli.conftest import Filled, Shell

BENCH = "INPUT(a)\nINPUT(b)\nOUTPUT(z)\ny = NAND(a, b)\nz = NOT(y)\n"
GATES = "INPUT INPUT NAND -1 -2 NOT -1"
VERILOG = (
    "// half\nmodule half(input a, input b, output s);\n XOR g(.Y(s), .A(a), .B(b));\nendmodule\n"
)


@pytest.fixture
def chips(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        shell.write("data/nand.bench", BENCH)
        shell.write("data/half.v", VERILOG)
        shell.write("data/README.txt", "These are the circuits of a chip\n")
        done = shell("index", "data", "--alphabet", "gate", "--format", "json")
        assert done.code == 0, done.err
        assert done.json["documents"]["added"] == 2  # words are no gates
        assert done.json["skipped"]["no sequence of the alphabet gate"] == 1

    return filled(index)


def test_a_netlist_is_read_whatever_tells_its_format(chips: Shell) -> None:
    for name in ("data/nand.bench", "nand.txt", "nand"):
        chips.write(name, BENCH)
    packed = gzip.compress(BENCH.encode())
    for given, stdin, found in (
        ("data/nand.bench", b"", "data/nand.bench"),
        ("nand.txt", b"", "data/nand.bench"),
        ("nand", b"", "data/nand.bench"),
        ("-", BENCH.encode(), "data/nand.bench"),
        ("-", packed, "data/nand.bench"),
        ("-", VERILOG.encode(), "data/half.v"),
        ("-", GATES.replace(" NOT", "\nNOT").encode(), "data/nand.bench"),
    ):
        args = ["query", "--sequence", given, "--mode", "lexical", "-k", "1"]
        done = chips(*args, "--format", "paths", stdin=stdin)
        assert (done.code, done.out) == (0, f"{found}\n"), (given, done.err)
    broken = chips("query", "--sequence", "-", stdin="INPUT(a)\ny = NOT(b)\n")
    assert broken.code == 2
    assert "-:2: b is read by NOT, and nothing drives it" in broken.err
    stub = chips("query", "--sequence", "-", stdin="\nmodule stub; endmodule\n")
    assert (stub.code, "-:2: no gates in stub" in stub.err) == (2, True)


def test_similar_compares_gates_not_the_text_of_a_netlist(chips: Shell) -> None:
    chips.write("more/nand.txt", BENCH)
    for given, stdin in (("-", BENCH), ("more/nand.txt", "")):
        done = chips("similar", given, "--format", "paths", stdin=stdin)
        assert (done.code, done.out) == (0, "data/half.v\n"), done.err  # its exact copy is left out
        assert "left out as an exact copy: nand.bench#1" in done.err
    for given, stdin in (("-", "These are words"), ("data/README.txt", "")):
        done = chips("similar", given, stdin=stdin)
        assert done.code == 2
        assert "gate" in done.err
    refused = chips("query", "Full adder")
    assert (refused.code, "'Full' is no gate" in refused.err) == (2, True)


def test_a_pipe_is_read_as_stdin_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_text, args=(BENCH,), daemon=True).start()
    assert [(q.id, q.text) for q in read_sequences(str(tmp_path / "pipe"))] == [("1", GATES)]
    with pytest.raises(InputError, match="/dev/null: no sequences there"):
        read_sequences("/dev/null")


def test_what_stdin_holds(tmp_path: Path) -> None:
    for data, wanted in (
        (b"MKT\nAYI\n", [("1", "MKTAYI")]),
        (b">\nMK\n>b\nTA\n", [("1", "MK"), ("b", "TA")]),
        (b"@r\nAC\n+\nII\n", [("r", "AC")]),
        (b"CC=O a\nCCO\n", [("a", "CC=O"), ("2", "CCO")]),
    ):
        assert [(q.id, q.text) for q in read_sequences("-", data)] == wanted
    with pytest.raises(InputError, match="cannot be unpacked"):
        read_sequences("-", gzip.compress(b">a\nMK\n")[:-9])
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(BENCH)
    assert [q.id for q in read_sequences(str(tmp_path))] == ["a.txt#1", "b.txt#1"]


@pytest.mark.slow
def test_stdin_of_index_is_no_netlist(shell: Shell) -> None:
    with pytest.raises(UsageError, match=r"stdin is FASTA, .* a file that ends in \.fasta"):
        refuse_sequences(io.BufferedReader(io.BytesIO(b">x\nMKT\n")))
    refuse_sequences(io.BufferedReader(io.BytesIO(b'{"text": ">x"}\n')))
    done = shell.process("index", "-", "--alphabet", "gate", stdin=BENCH)
    assert done.code == 2
    assert "stdin is a netlist in .bench form, and - stands for JSON lines" in done.err
    assert not (shell.folder / ".qembed").exists()
