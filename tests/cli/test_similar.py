"""`qembed similar` as a shell sees it."""

from __future__ import annotations

import pytest

import qembed
from qembed.cli import streams
from tests.cli.conftest import Shell
from tests.cli.imports import imported


def test_a_document_by_id_by_path_and_a_text(docs: Shell) -> None:
    by_id = docs("similar", "refunds.md", "--format", "jsonl")
    assert by_id.code == 0
    assert {line["document"] for line in by_id.lines} == {"parcels.md", "deep/locks.txt"}
    first = by_id.lines[0]
    assert (first["query"], first["rank"]) == ("refunds.md", 1)
    assert first["scores"] == {"dense": first["score"], "lexical": None, "rerank": None}
    by_path = docs("similar", "docs/refunds.md", "--format", "paths")
    assert by_path.out.splitlines() == [f"docs/{line['document']}" for line in by_id.lines]
    text = docs("similar", "-", "-k", "1", "--format", "tsv", stdin="Money comes back in days")
    assert text.out.split("\t")[3] == "refunds.md"


def test_python_finds_the_same(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = docs("similar", "refunds.md", "--format", "jsonl").lines
    monkeypatch.chdir(docs.folder)
    with qembed.open(".qembed") as index:
        hits = index.similar("refunds.md")
        assert [(h.document, round(h.score, 6)) for h in hits] == [
            (line["document"], line["score"]) for line in listed
        ]
        assert (
            index.similar(text="parcel", k=1, where="path = 'parcels.md'")[0].document
            == "parcels.md"
        )
        found = index.document("refunds.md", first_line=3)
        assert (found.text, found.line) == ("Money comes back within five days.", 3)


def test_text_shows_the_sentence_that_shares_most(docs: Shell) -> None:
    docs.write("new.txt", "An account that was locked.\n")
    done = docs("similar", "new.txt", "-k", "1")
    assert done.out.splitlines()[0].endswith("docs/deep/locks.txt:1")
    assert done.out.splitlines()[1].strip() == "A locked account opens again after an hour."
    assert done.err == ""


def test_copies_are_told_on_stderr(docs: Shell) -> None:
    docs.write("docs/copy.md", (docs.folder / "docs/refunds.md").read_bytes())
    assert docs("index").code == 0
    done = docs("similar", "refunds.md", "--format", "paths")
    assert "docs/copy.md" not in done.out.splitlines()
    assert done.err == "qembed: warning: left out as an exact copy: copy.md\n"


def test_what_cannot_be(docs: Shell) -> None:
    for args, message in (
        ((), "give a document's id or a FILE, or - to read a text from stdin"),
        (("refund.md",), "no document 'refund.md' in the index (did you mean refunds.md?)"),
        (("docs",), "docs is a folder: a file or a document's id is wanted"),
        (("refunds.md", "--passage", "7"), "refunds.md has no passage 7 (the last one is 0)"),
        (("refunds.md", "-k", "0"), "-k 0: at least 1"),
        (("refunds.md", "-0"), "-0 goes with --format paths, not with text"),
    ):
        done = docs("similar", *args)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    bad = docs("similar", "-", stdin=b"caf\xe9")
    assert bad.code == 2
    assert "stdin is not UTF-8" in bad.err


def test_a_stdin_without_an_end_is_not_read_for_ever(
    docs: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_INPUT_BYTES", 1 << 20)
    assert docs("similar", "-", stdin=b"money" + b" " * ((1 << 20) - 5)).code == 0
    for args in (("similar", "-"), ("query", "--sequence", "-")):
        done = docs(*args, stdin=b"money" + b" " * ((1 << 20) - 4))
        assert (done.code, done.out) == (2, "")
        assert "stdin does not end within 1 MiB" in done.err


def test_an_option_without_effect_is_told(docs: Shell) -> None:
    done = docs("similar", "refunds.md", "--by", "passage", "--score", "best")
    assert done.code == 0
    assert done.err == "qembed: warning: --score: no effect with --by passage\n"
    for options, said in (
        (
            ("--passage", "0", "--score", "best"),
            "--score: no effect with --passage: one is compared",
        ),
        (
            ("--model", "nonsense"),
            "--model: no effect on a document of the index, whose vectors are stored",
        ),
    ):
        done = docs("similar", "refunds.md", *options)
        assert done.code == 0
        assert done.err == f"qembed: warning: {said}\n"


@pytest.mark.slow
def test_a_document_of_the_index_loads_no_model(docs: Shell) -> None:
    found = imported(docs, "similar", "refunds.md")
    assert not found & {"torch", "transformers", "onnxruntime", "tokenizers"}
