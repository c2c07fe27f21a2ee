"""One bad text never stops the rest: documents that the model refuses are named, all others are indexed."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.models import tiny

FAULTY = "py:tests.encoders:faulty"
FAULTS = ("nan", "inf", "zeros", "none", "ragged", "short", "nothing", "raise", "exit", "halt")


@pytest.fixture
def three(shell: Shell) -> Shell:
    """Two good files and one that is poison to the model."""
    shell.write("d/a.md", "money comes back\n")
    shell.write("d/b.md", "first line\n\npoison here\n")
    shell.write("d/r.jsonl", '{"_id": "r1", "text": "one"}\n{"_id": "r2", "text": "poison two"}\n')
    shell.old()
    return shell


def ids(shell: Shell) -> set[str]:
    done = shell("query", "money", "--mode", "dense", "--format", "jsonl")
    assert done.code == 0, done.err
    return {hit["document"] for hit in done.lines}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.slow
def test_a_refused_text_costs_its_document_only(
    three: Shell, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_MODEL", FAULTY)
    done = three("index", "d", "--model", FAULTY, "--format", "json", BAG_FAULT=fault)
    assert done.code == 4, done.err
    assert done.json["documents"]["added"] == 2
    assert done.json["documents"]["failed"] == 2
    places = {(f["path"].rsplit("/", 1)[-1], f["line"]) for f in done.json["failed"]}
    assert places == {("b.md", 1), ("r.jsonl", 2)}
    assert all("the model does not encode it" in f["error"] for f in done.json["failed"])
    assert ids(three) == {"a.md", "r1"}
    again = three("index", BAG_FAULT=fault)
    assert again.code == 4, "and they are tried again"
    assert "b.md" in three("status").out
    mended = three("index", "--format", "json")
    assert mended.code == 0, mended.err
    assert mended.json["documents"]["added"] == 2
    assert ids(three) == {"a.md", "b.md", "r1", "r2"}
    assert three("verify").code == 0


def test_an_earlier_version_stays_until_the_new_one_is_encoded(three: Shell) -> None:
    assert three("index", "d", "--model", FAULTY).code == 0
    three.write("d/a.md", "poison in new words\n")
    three.old("d/a.md")
    done = three("index", BAG_FAULT="raise")
    assert done.code == 4
    assert "a.md:1: the model does not encode it: " in done.err
    assert "raised RuntimeError: cannot take poison in new words at all" in done.err
    assert "(its earlier version stays in the index)" in done.err
    assert "a.md" in three("status").out
    hits = three("query", "money comes back", "--format", "jsonl").lines
    assert hits[0]["text"].strip() == "money comes back"
    assert three("index").code == 0
    texts = [h["text"].strip() for h in three("query", "money", "--format", "jsonl").lines]
    assert "poison in new words" in texts
    assert "money comes back" not in texts


def test_strict_and_rebuild(three: Shell) -> None:
    strict = three("index", "d", "--model", FAULTY, "--strict", BAG_FAULT="nan")
    assert strict.code == 2
    assert "b.md:1: the model does not encode it" in strict.err
    assert three("index", "d", "--model", FAULTY, BAG_FAULT="nan").code == 4
    rebuilt = three("index", "--rebuild", "--max-tokens", "90", "--format", "json", BAG_FAULT="inf")
    assert rebuilt.code == 4, rebuilt.err
    assert rebuilt.json["recipe"]["max_tokens"] == 90
    assert rebuilt.json["documents"]["failed"] == 2
    assert ids(three) == {"a.md", "r1"}


def test_a_model_that_fails_for_every_text_ends_the_run(three: Shell) -> None:
    assert three("index", "d", "--model", FAULTY).code == 0
    three.write("d/new.md", "new words\n")
    done = three("index", BAG_FAULT="dead")
    assert done.code == 2
    assert "raised RuntimeError" in done.err
    assert ids(three) == {"a.md", "b.md", "r1", "r2"}


@pytest.mark.slow
def test_a_record_added_is_named(three: Shell) -> None:
    assert three("index", "d", "--model", FAULTY).code == 0
    done = three("add", "-", stdin="poison\ngood words\n", BAG_FAULT="zeros")
    assert done.code == 4
    assert "the model does not encode it" in done.err
    assert len(ids(three)) == 5


def test_a_refused_query_does_not_stop_the_others(three: Shell) -> None:
    assert three("index", "d", "--model", FAULTY).code == 0
    args = ("query", "-", "--format", "trec", "--mode", "dense")
    done = three(*args, stdin="money\npoison\ncomes\n", BAG_FAULT="nan")
    assert done.code == 4
    assert {line.split()[0] for line in done.out.splitlines()} == {"1", "3"}
    assert "query 2 is not answered: " in done.err
    alone = three("query", "poison", BAG_FAULT="nan")
    assert (alone.code, alone.out) == (2, "")


@pytest.mark.parametrize("fault", ["nan", "raise"])
@pytest.mark.slow
def test_an_evaluation_with_refused_pairs(three: Shell, fault: str) -> None:
    three.write("d/c.md", "money is short\n")
    assert three("index", "d", "--model", "py:tests.encoders:bag").code == 0
    three.write("q.jsonl", '{"_id": "1", "text": "money"}\n{"_id": "2", "text": "one poison"}\n')
    three.write("qrels.tsv", "query-id\tcorpus-id\tscore\n1\ta.md\t1\n2\tr1\t1\n")
    args = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--format", "json"]
    args += ["--rerank", "py:tests.encoders:faulty_scorer"]
    for more in ([], ["--ablate", "mode,rerank"]):
        done = three(*args, *more, BAG_FAULT=fault)
        assert done.code == 0, done.err
        (warning,) = [w for w in done.json["warnings"] if "refused" in w]
        # the second query's five pairs, and the first one's with b.md and r2
        assert "faulty_scorer refused 7 of 10 pairs, which keep their order behind" in warning
        # the second query keeps the order of the search, in which r1 is second
        assert done.json["measures"]["RR@10"] == 0.75
    dead = three(*args, BAG_FAULT="dead")
    assert dead.code == 2
    assert "raised RuntimeError: cannot score that" in dead.err


def test_an_evaluation_with_a_refused_query_passes_no_gate(three: Shell) -> None:
    assert three("index", "d", "--model", FAULTY).code == 0
    three.write("q.jsonl", '{"_id": "1", "text": "money"}\n{"_id": "2", "text": "poison"}\n')
    three.write("qrels.tsv", "query-id\tcorpus-id\tscore\n1\ta.md\t1\n2\tb.md\t1\n")
    args = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--fail-under", "nDCG@10=0")
    done = three(*args, BAG_FAULT="nan")
    assert done.code == 2
    assert "'poison'" in done.err


@pytest.mark.slow
def test_a_local_model_with_a_broken_token(three: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A static embedding in whose table one token is NaN; exported, as any model in a folder is."""
    import numpy as np
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer

    from qembed.models.onnx import prepare
    from tests.models.exports import run_here

    monkeypatch.setattr(prepare, "run_exporter", run_here)
    folder = three.folder / "model"
    folder.mkdir()
    size = tiny.wordpiece(folder)
    (poison,) = (
        Tokenizer.from_file(str(folder / "tokenizer.json"))
        .encode("poison", add_special_tokens=False)
        .ids
    )
    table = np.random.default_rng(0).standard_normal((size, 16), dtype=np.float32)
    table[poison] = np.nan
    save_file({"embedding.weight": table}, str(folder / "model.safetensors"))
    kind = "sentence_transformers.models.StaticEmbedding"
    (folder / "modules.json").write_text(
        f'[{{"idx": 0, "name": "0", "path": "", "type": "{kind}"}}]'
    )
    done = three("index", "d", "--model", str(folder), "--format", "json")
    assert done.code == 4, done.err
    assert done.json["documents"]["added"] == 2
    errors = [f["error"] for f in done.json["failed"]]
    assert len(errors) == 2
    assert all("the model gave NaN, infinity or zeros only for the text" in e for e in errors)
    again = three("index", "--format", "json")
    assert again.code == 4
    assert again.json["documents"]["failed"] == 2
    three.write("d/b.md", "first line\n")
    three.old("d/b.md")
    three.write("d/r.jsonl", '{"_id": "r1", "text": "one"}\n{"_id": "r2", "text": "two"}\n')
    mended = three("index", "--format", "json")
    assert (mended.code, mended.json["documents"]["added"]) == (0, 2), mended.err
