"""An index of sequences, from files to hits, as a user meets it."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Filled, Shell

INSULIN = (
    "MALWMRLLPLLALLALWGPDPAAAFVNQHLCGSHLVEALYLVCGERGFFYTPKTRREAEDLQVG"
    "QVELGGGPGAGSLQPLALEGSLQKRGIVEQCCTSICSLYQLENYCN"
)
HEMOGLOBIN = "MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHFDLSHGSAQVKGHGKKVADALTNAVAH"
FASTA = (
    f">P01308 Insulin, human\n{INSULIN[:64]}\n{INSULIN[64:]}\n>P69905 Hemoglobin\n{HEMOGLOBIN}\n"
)


@pytest.fixture
def proteins(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        shell.write("data/a.fasta", FASTA)
        shell.write("data/README.md", "# About these files\n")
        shell.write("data/b.jsonl", json.dumps({"_id": "r1", "text": "MKTAYIAKQRQISFVK"}) + "\n")
        done = shell("index", "data", "--alphabet", "protein", "--max-tokens", "50")
        assert done.code == 0, done.err
        assert "does not read protein sequences" in done.err
        assert "no sequence of the alphabet protein" in done.err

    return filled(index)


def test_a_sequence_finds_what_it_has_kmers_in_common_with(proteins: Shell) -> None:
    part = INSULIN[30:60].lower()
    proteins.write("q.fasta", f">q1\n{part[:10]}\n{part[10:]}\n>q2\n{HEMOGLOBIN[10:40]}\n")
    done = proteins("query", "--sequence", "q.fasta", "-k", "1", "--format", "jsonl")
    assert done.code == 0, done.err
    first, second = done.lines
    assert (first["query_id"], first["query"], first["document"]) == ("q1", part, "P01308")
    assert (second["query_id"], second["document"]) == ("q2", "P69905")
    assert first["scores"]["lexical"] > 0
    p = first["passage"]
    assert INSULIN[p["start"] : p["end"]] == first["text"]
    meta = first["meta"]
    assert (meta["length"], meta["record"], meta["kind"]) == (110, 1, "sequence")
    at = (proteins.folder / "data/a.fasta").read_bytes()[meta["start"] : meta["end"]]
    assert at.decode() == FASTA[: FASTA.index(">P6")]


def test_a_sequence_on_stdin_and_as_text(proteins: Shell) -> None:
    part = HEMOGLOBIN[20:60]
    for args, stdin in (
        (["--sequence", "-"], f">x y\n{part}\n"),
        (["--sequence", "-"], f"{part}\n"),
        ([part], ""),
    ):
        done = proteins("query", *args, "-k", "1", "--format", "paths", stdin=stdin)
        assert (done.code, done.out) == (0, "data/a.fasta\n"), done.err
    shown = proteins("query", part, "-k", "1").out
    assert part[:20] in shown


def test_words_find_names_and_descriptions(proteins: Shell) -> None:
    done = proteins("query", "human insulin", "--mode", "lexical", "--format", "jsonl")
    assert [h["document"] for h in done.lines][:1] == ["P01308"]
    refused = proteins("query", "human insulin")
    assert refused.code == 2
    assert "index of protein sequences" in refused.err
    assert "--mode lexical" in refused.err


def test_a_picture_is_no_query(proteins: Shell) -> None:
    images = pytest.importorskip("PIL.Image")
    images.new("RGB", (20, 20), "#c22").save(proteins.folder / "a.png")
    refused = proteins("query", "--image", "a.png")
    assert (refused.code, "--image: " in refused.err) == (2, True)
    assert "reads no pictures" in refused.err


def test_what_is_no_sequence_is_named(proteins: Shell) -> None:
    proteins.write("data/bad.fasta", ">x\nMK-T\n>y\n")
    done = proteins("index")
    assert done.code == 4
    assert "bad.fasta:1: x: '-' at 3 is no residue" in done.err
    assert "bad.fasta:3: no residues under >y" in done.err
    assert proteins("verify").code == 0
    done = proteins("query", "--sequence", "data/bad.fasta")
    assert done.code == 2
    assert "bad.fasta:3: no residues under >y" in done.err
    assert proteins("query", "MKT", "--sequence", "x").code == 2


def test_a_refresh_keeps_alphabet_and_vectors(proteins: Shell) -> None:
    done = proteins("index", "--format", "json")
    assert done.json["passages"]["encoded"] == 0
    assert done.json["recipe"]["chunker"] == "sequence:protein:3"
    proteins.write("data/a.fasta", f">new one\nMKKLLP\n{FASTA}")
    done = proteins("index", "--format", "json")
    assert done.json["passages"]["encoded"] == 1
    other = proteins("index", "--alphabet", "dna")
    assert other.code == 2
    assert "sequence:protein:3" in other.err
    rebuilt = proteins("index", "--rebuild", "--format", "json")
    assert rebuilt.json["recipe"]["chunker"] == "sequence:protein:3"
    assert "protein" in proteins("status").out


def test_an_index_of_texts_leaves_sequences_out(shell: Shell) -> None:
    shell.write("d/a.fasta", FASTA)
    shell.write("d/a.txt", "plain words")
    done = shell("index", "d", "--format", "json")
    assert done.code == 0
    assert done.json["documents"]["added"] == 1
    assert sum(n for why, n in done.json["skipped"].items() if "sequences" in why) == 1
    refused = shell("query", "--sequence", "d/a.fasta")
    assert refused.code == 2
    assert "this is an index of texts" in refused.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--kmer", "3"], "--kmer 3 wants --alphabet"),
        (["--alphabet", "protein", "--chunker", "none"], "sequences are cut into windows"),
        (["--alphabet", "protien"], "--alphabet protien: one of protein, dna"),
    ],
)
def test_options_that_do_not_go(shell: Shell, args: list[str], words: str) -> None:
    shell.write("a.fasta", FASTA)
    done = shell("index", "a.fasta", *args)
    assert done.code == 2
    assert words in done.err
