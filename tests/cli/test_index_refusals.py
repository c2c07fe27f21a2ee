"""Inputs, models and recipes that `qembed index` refuses."""

from __future__ import annotations

import pytest

from tests.cli.conftest import BAG, Shell


class TestRefusals:
    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["nowhere"], "nowhere: no such file or folder"),
            ([], "no index at"),
            (["empty"], "empty: no documents there"),
            (["a.md", "--max-tokens", "100000"], "reads 200 tokens at most"),
            (["a.md", "--meta", "x"], "KEY=VALUE"),
            (["a.md", "--model", "py:nowhere:x"], "nowhere"),
            (["a.md", "--model", "nobody/nothing-7B"], "nobody/nothing-7B"),
            (["a.md", "--chunker", "odd"], "odd"),
        ],
    )
    @pytest.mark.slow
    def test_cannot_run(self, shell: Shell, args: list[str], words: str) -> None:
        (shell.folder / "empty").mkdir()
        shell.write("a.md", "alpha")
        done = shell("index", *args)
        assert done.code == 2
        assert words in done.err
        assert done.out == ""
        assert not (shell.folder / ".qembed/manifest.json").exists()

    def test_another_recipe(self, docs: Shell) -> None:
        done = docs("index", "--max-tokens", "50", "--model", "minilm")
        assert done.code == 2
        for words in ("--max-tokens 200 (asked for: 50)", f"--model {BAG}", "--rebuild"):
            assert words in done.err

    def test_another_model_under_an_index(self, docs: Shell) -> None:
        done = docs("query", "x", "--model", "py:tests.encoders:other")
        assert done.code == 2
        assert "cannot be compared" in done.err

    def test_another_model_that_has_other_dimensions(self, docs: Shell) -> None:
        done = docs("query", "x", "--model", "minilm")
        assert done.code == 2
        assert "minilm is all-MiniLM-L6-v2" in done.err
        assert "their vectors cannot be compared" in done.err
        assert "--dim" not in done.err

    def test_vectors_that_are_none(self, shell: Shell) -> None:
        shell.write("a.md", "this is poison to it")
        done = shell("index", "a.md", "--model", "py:tests.encoders:nan")
        assert done.code == 4
        assert "poison" in done.err

    def test_strict(self, shell: Shell) -> None:
        shell.write("a.md", bytes(range(1, 256)))
        done = shell("index", "a.md", "--strict")
        assert done.code == 2
        assert "a.md" in done.err

    def test_a_source_that_is_gone(self, docs: Shell) -> None:
        (docs.folder / "docs").rename(docs.folder / "elsewhere")
        done = docs("index")
        assert done.code == 2
        assert "docs" in done.err
        assert len(docs("query", "money", "--format", "paths").out.splitlines()) == 3


def test_an_empty_path_is_refused(shell: Shell) -> None:
    """The value of a variable that is not set; it would stand for the current folder."""
    done = shell("index", "")
    assert (done.code, done.out) == (2, "")
    assert "cannot read '': no such file or folder" in done.err
