"""Files that say what their sequences are of, and files without any, in indexes of one alphabet."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.corpus.sequence_samples import CIF, GENBANK

pytest.importorskip("Bio")

COMPLEX = CIF.rstrip(b"#\n") + (
    b"\nB 2 1 DA B\nB 2 2 DC B\nB 2 3 DG B\n#\nloop_\n_entity_poly.entity_id\n_entity_poly.type\n"
    b"1 polypeptide(L)\n2 polydeoxyribonucleotide\n#\n"
)
EMPTY = {
    "e.fasta": b"",
    "e.fq": b"\n",
    "e.smi": b"# none\n",
    "e.bench": b"# none\n",
    "e.v": b"// none\n",
    "e.gb": b"\n\n",
    "e.cif": b"# none\n",
    "c.fasta": b"; none\n",
    "c.fq": b"",
    "c.bench": b"",
}


@pytest.mark.parametrize(
    ("alphabet", "found", "other", "whole"),
    [
        ("protein", "#1ABC:A", "dna", "a.gb"),
        ("dna", "#1ABC:B", "protein", None),
    ],
)
def test_sequences_of_another_stated_type_are_left_out_and_counted(
    shell: Shell, alphabet: str, found: str, other: str, whole: str | None
) -> None:
    shell.write("d/a.cif", COMPLEX)
    shell.write("d/a.gb", GENBANK)
    shell.write("d/m.smi", b"CCO a\nCCN b\n")
    done = shell("index", "d", "--alphabet", alphabet, "--format", "json", "-v")
    assert done.code == 0, done.err
    body = done.json
    assert body["documents"]["added"] == (1 if whole else 2)
    assert body["left_out"] == {
        "files": 1,
        "parts": 1,
        "listed": [
            {"path": str(shell.folder / "d/a.cif"), "what": f"{other} sequence", "count": 1}
        ],
    }
    behind = f"and this is an index of {alphabet}"
    skipped = {f"of the alphabet smiles, {behind}": 1}
    assert body["skipped"] == (
        skipped | {f"of the alphabet dna, {behind}": 1} if whole else skipped
    )
    assert "m.smi" in done.err
    hits = shell("query", "MKT" if alphabet == "protein" else "ACG", "--format", "jsonl").lines
    assert f"a.cif{found}" in {h["document"] for h in hits}
    again = shell("index", "--format", "json")
    assert (again.code, again.json["documents"]["failed"]) == (0, 0)


def test_empty_files_are_counted_whatever_their_format(shell: Shell) -> None:
    for name, data in EMPTY.items():
        shell.write(f"d/{name}", data)
    shell.write("d/p.fasta", ">p\nMKTAYIAKQR\n")
    done = shell("index", "d", "--alphabet", "protein", "--format", "json", "-v")
    assert done.code == 0, done.err
    assert done.json["skipped"] == {"empty file": len(EMPTY)}
    assert all(name in done.err for name in EMPTY)
    assert f"{len(EMPTY)} empty files" in shell("status").out


def test_a_picture_is_no_query_of_sequences(shell: Shell) -> None:
    made = pytest.importorskip("tests.corpus.pictures")
    shell.write("p.fasta", ">p\nMKTAYIAKQR\n")
    shell.write("sea.png", made.plain())
    assert shell("index", "p.fasta", "--alphabet", "protein").code == 0
    done = shell("query", "--image", "sea.png")
    assert done.code == 2
    assert "the index's model, reads no pictures" in done.err
    assert "residue" not in done.err


def test_kmers_change_with_a_rebuild_alone(shell: Shell) -> None:
    shell.write("p.fasta", ">p\nMKTAYIAKQR\n")
    assert shell("index", "p.fasta", "--alphabet", "protein", "--max-tokens", "50").code == 0
    refused = shell("index", "--kmer", "4")
    assert refused.code == 2
    assert "sequence:protein:3 (asked for: sequence:protein:4)" in refused.err
    rebuilt = shell("index", "--kmer", "4", "--rebuild", "--format", "json")
    assert rebuilt.code == 0, rebuilt.err
    recipe = rebuilt.json["recipe"]
    assert (recipe["chunker"], recipe["max_tokens"]) == ("sequence:protein:4", 50)
    assert shell("index", "--kmer", "4").code == 0
    shell.write("a.txt", "words")
    texts = shell("index", "a.txt", "--kmer", "4", "--index", "texts")
    assert (texts.code, "--kmer 4 wants --alphabet" in texts.err) == (2, True)
