"""`export milvus` of what is no text: sequences are searched as in their index, pictures are refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


@pytest.mark.slow
def test_sequences_are_searched_as_in_their_index(shell: Shell, milvus: str) -> None:
    rng = random.Random(5)
    sequences = ["".join(rng.choices("ACDEFGHIKLMNPQRSTVWY", k=400)) for _ in range(40)]
    records = "".join(f">p{i} protein {i}\n{s}\n" for i, s in enumerate(sequences))
    shell.write("data/a.fasta", records)
    shell.write("q.fasta", f">q1\n{sequences[7][20:90]}\n>q2\n{sequences[3][:40].lower()}\n")
    done = shell("index", "data", "--alphabet", "protein", "--max-tokens", "16")
    assert done.code == 0, done.err
    args = ("export", "milvus", milvus, "--collection", "proteins", "--vector-index", "flat")
    done = shell(*args)
    assert done.code == 0, done.err
    for asked in (
        ("--sequence", "q.fasta"),
        (sequences[9][10:60], "--mode", "lexical"),
        ("protein 7", "--mode", "lexical"),
    ):
        query = ("query", *asked, "-k", "3", "--format", "jsonl")
        here, there = shell(*query), shell(*query, "--index", f"milvus+{milvus}/proteins")
        assert (here.code, there.code) == (0, 0), there.err
        assert [h["document"] for h in there.lines] == [h["document"] for h in here.lines]
        found = [(h["score"], h["passage"], h["meta"], h["text"]) for h in there.lines]
        wanted = [(h["score"], h["passage"], h["meta"], h["text"]) for h in here.lines]
        assert found == [(pytest.approx(score, abs=1e-4), *rest) for score, *rest in wanted]
    refused = shell("query", "two words", "--index", f"milvus+{milvus}/proteins")
    assert (refused.code, "index of protein sequences" in refused.err) == (2, True)


def test_pictures_are_refused_before_the_server_is_asked(shell: Shell) -> None:
    image = pytest.importorskip("PIL.Image")
    folder = Path(shell.folder) / "pictures"
    folder.mkdir()
    (folder / "a.txt").write_text("some words")
    image.new("RGB", (8, 8), "red").save(folder / "red.png")
    done = shell("index", "pictures", "--model", "py:tests.seeing:encoder")
    assert done.code == 0, done.err
    for more in ((), ("--dry-run",)):
        done = shell("export", "milvus", "http://127.0.0.1:9", "--collection", "c", *more)
        assert done.code == 2
        assert "the index has 1 picture: a collection holds texts" in done.err
