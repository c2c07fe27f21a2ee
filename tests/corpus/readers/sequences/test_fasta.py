"""FASTA and FASTQ: Biopython's parsers as the oracle, and the bytes that a record's places name."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from qembed.corpus import ReadOptions, read
from qembed.types import Document, SourceFile, Unreadable

SeqIO = pytest.importorskip("Bio.SeqIO")


def reading(path: Path, data: bytes, options: ReadOptions | None = None) -> list[object]:
    path.write_bytes(data)
    file = SourceFile("s", path.name, str(path), len(data), 1)
    return list(read(file, options or ReadOptions()))


def made(form: str, seed: int, end: str) -> str:
    """Records with lines of any length; in FASTQ no quality line begins with what it could be taken for."""
    rng = random.Random(seed)
    parts = []
    for n in range(30):
        residues = "".join(rng.choices("ACGTNacgt", k=rng.randint(1, 200)))
        width = rng.randint(10, 80)
        lines = [residues[i : i + width] for i in range(0, len(residues), width)]
        if form == "fasta":
            parts += [f">r{n} d {n}", *lines, *[""] * rng.randint(0, 1)]
        else:
            quality = "".join(chr(rng.randint(33, 73)) for _ in residues)
            parts += [f"@r{n} d {n}", residues, "+", quality]
    return end.join(parts) + end * rng.randint(0, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", ["fasta", "fastq"])
def test_records_are_biopython_s(tmp_path: Path, form: str, end: str) -> None:
    for seed in range(5):
        text = made(form, seed, end)
        wanted = list(SeqIO.parse(io.StringIO(text.replace("\r\n", "\n")), form))
        found = reading(tmp_path / f"a.{form}", text.encode())
        assert len(found) == len(wanted) == 30
        for number, (d, record) in enumerate(zip(found, wanted, strict=True), 1):
            assert isinstance(d, Document)
            assert (d.id, d.title, d.text) == (record.id, record.description, str(record.seq))
            assert d.meta["record"] == number
            part = text.encode()[d.meta["start"] : d.meta["end"]].decode()
            assert part[1:].startswith(record.description)
            assert text.split(end)[(d.line or 0) - 1][1:] == record.description
            again = SeqIO.read(io.StringIO(part.replace("\r\n", "\n")), form)
            assert str(again.seq) == d.text
            if form == "fastq":
                qualities = record.letter_annotations["phred_quality"]
                assert d.meta["quality"] == pytest.approx(sum(qualities) / len(qualities), abs=0.01)


def test_failures_have_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.fasta"
    found = reading(path, b"lost\nagain\n>a\n>b x\nMKT\n")
    assert [str(u) for u in found if isinstance(u, Unreadable)] == [
        f"{path}:1: no FASTA: text before the first line that begins with >",
        f"{path}:3: no residues under >a",
    ]
    assert [d.id for d in found if isinstance(d, Document)] == ["b"]
    path = tmp_path / "a.fq"
    found = reading(path, b"@a\nACG\n+\nII\n@b\nAC\n+\nII\n@c\nAC\n")
    assert [str(u) for u in found if isinstance(u, Unreadable)] == [
        f"{path}:1: @a: 3 residues, 2 qualities",
        f"{path}:9: @c ends without its line of + and its qualities",
    ]
    assert [d.id for d in found if isinstance(d, Document)] == ["b"]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("@a\nACGTAC\n+\nIII\n", "@a: 6 residues, 3 qualities"),
        ("@a\nACGTAC\n+\n@III\n", "@a: 6 residues, 4 qualities"),
        ("@a\nACGTAC\n+\n@IIIIIIII\n", "@a: 6 residues, 9 qualities"),
        ("@a\nACGTACGT\n+\n", "@a: 8 residues, 9 qualities"),
        ("@a\nACGTAC\nIIIIII\n", "@a ends without its line of + and its qualities"),
        ("@a\nACG\nTAC\n+\nIII\nII\n", "@a: 6 residues, 5 qualities"),
    ],
    ids=["short", "short with @", "long", "no qualities", "no plus", "of two lines"],
)
def test_a_bad_record_of_fastq_costs_itself_alone(tmp_path: Path, bad: str, problem: str) -> None:
    path = tmp_path / "a.fq"
    good = "@{0} d\nACGTA\n+\n@II!I\n"
    data = good.format("z") + bad + good.format("b") + good.format("c")
    found = reading(path, data.encode())
    assert [str(u) for u in found if isinstance(u, Unreadable)] == [f"{path}:5: {problem}"]
    documents = [d for d in found if isinstance(d, Document)]
    assert [(d.id, d.text) for d in documents] == [("z", "ACGTA"), ("b", "ACGTA"), ("c", "ACGTA")]
    begin, end = documents[1].meta["start"], documents[1].meta["end"]
    assert data[begin:end] == good.format("b")


def test_ids(tmp_path: Path) -> None:
    data = b">\nMKT\n>x one\nMK\n"
    assert [d.id for d in reading(tmp_path / "a.fa", data) if isinstance(d, Document)] == [
        "a.fa#1",
        "x",
    ]
    own = reading(tmp_path / "a.fa", data, ReadOptions(id_prefix="file"))
    assert [d.id for d in own if isinstance(d, Document)] == ["a.fa#1", "a.fa#x"]


def test_genbank_is_what_biopython_writes(tmp_path: Path) -> None:
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

    records = [
        SeqRecord(
            Seq("ACGT" * 40),
            id=f"X{n}.1",
            description=f"number {n}",
            annotations={"molecule_type": "DNA"},
        )
        for n in range(3)
    ]
    text = io.StringIO()
    SeqIO.write(records, text, "genbank")
    found = reading(tmp_path / "a.gbk", text.getvalue().encode())
    assert [(d.id, d.text, d.title) for d in found if isinstance(d, Document)] == [
        (f"a.gbk#X{n}.1", "ACGT" * 40, f"X{n}.1 number {n}") for n in range(3)
    ]
