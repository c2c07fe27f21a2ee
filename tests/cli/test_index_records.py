"""Files of records under `qembed index`: mistakes, ids, types of columns, standard input."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.cli.index_summary import summary


def test_records_and_their_mistakes(shell: Shell) -> None:
    shell.write(
        "r.jsonl",
        '{"_id": "a", "title": "T", "text": "good one", "kind": "x"}\n'
        "{broken\n"
        '{"_id": "a", "text": "twice"}\n'
        '{"_id": "b"}\n'
        '{"_id": "c", "text": "good two", "metadata": {"n": 3}}\n',
    )
    done = shell("index", "r.jsonl", "--format", "json")
    assert done.code == 4
    assert done.json["documents"]["added"] == 2
    assert len(done.json["failed"]) == 3
    for line in ("r.jsonl:2", "r.jsonl:3", "r.jsonl:4"):
        assert line in done.err
    hits = shell("query", "good", "--format", "jsonl").lines
    assert {h["document"]: h["meta"] for h in hits} == {"a": {"kind": "x"}, "c": {"n": 3}}
    again = shell("index")
    assert again.code == 4, "a mistake that is still there is said again"
    shell.write("r.jsonl", '{"_id": "a", "title": "T", "text": "good one", "kind": "x"}\n')
    assert summary(shell)["documents"]["deleted"] == 1


def test_many_lines_with_one_mistake_are_counted(shell: Shell) -> None:
    lines = ['{"text": "good"}', *['{"title": "no text"}'] * 9, "{", '{"text": "fine"}']
    shell.write("r.jsonl", "\n".join(lines) + "\n")
    done = shell("index", "r.jsonl")
    assert done.code == 4
    told = [line for line in done.err.splitlines() if "cannot read" in line]
    assert len(told) == 7
    assert "r.jsonl: 4 more lines with this error (-v shows them)" in done.err
    assert "r.jsonl:11: " in done.err
    (first, other) = [line for line in shell("status").out.splitlines() if "unreadable" in line]
    assert "r.jsonl:2: " in first
    assert first.endswith(" (and 8 more lines with this error)")
    assert "r.jsonl:11: " in other
    again = shell("index", "r.jsonl", "-v").err
    assert again.count("cannot read") == 10
    assert "more lines" not in again


def test_records_with_one_mistake_are_counted_whatever_they_are_called(shell: Shell) -> None:
    shell.write("p.fasta", "".join(f">p{i}\n{'ACGT' * (i + 1)}{'LEQ'[i % 3]}\n" for i in range(9)))
    done = shell("index", "p.fasta", "--alphabet", "dna")
    assert done.code == 4
    assert done.err.count("is no base of the alphabet dna") == 5
    assert "p.fasta: 4 more lines with this error (-v shows them)" in done.err
    (told,) = [line for line in shell("status").out.splitlines() if "unreadable" in line]
    assert told.endswith(
        "p0: 'L' at 5 is no base of the alphabet dna (and 8 more lines with this error)"
    )


def test_records_on_stdin_are_added_to_what_is_there(shell: Shell) -> None:
    assert (
        shell("index", "-", stdin='{"_id":"1","text":"red"}\n{"_id":"2","text":"blue"}\n').code == 0
    )
    done = shell("index", "-", "--format", "json", stdin='{"_id":"2","text":"green"}\n')
    assert done.json["documents"]["changed"] == 1
    hits = shell("query", "green", "--format", "jsonl").lines
    assert [(h["document"], h["text"]) for h in hits] == [("2", "green"), ("1", "red")]


class TestRecords:
    @pytest.mark.slow
    def test_ids_of_two_files(self, shell: Shell) -> None:
        shell.write("d/a.jsonl", '{"_id": "1", "text": "one"}')
        shell.write("d/b.jsonl", '{"_id": "1", "text": "two"}')
        dry, done = shell("index", "d", "--dry-run"), shell("index", "d")
        assert (dry.code, done.code) == (4, 4)
        taken = f"duplicate id '1': already in {shell.folder}/d/a.jsonl (--id-prefix file puts"
        assert taken in done.err
        assert taken in dry.err
        done = shell("index", "d", "--id-prefix", "file")
        assert done.code == 0, done.err
        found = shell("query", "x", "--format", "jsonl").lines
        assert {h["document"] for h in found} == {"a.jsonl#1", "b.jsonl#1"}
        shell.write("e/a.jsonl", '{"_id": "1", "text": "three"}\n{"_id": "1", "text": "four"}')
        done = shell("index", "e", "--id-prefix", "file")
        assert done.code == 4
        assert "already in this file" in done.err
        assert "--id-prefix" not in done.err

    @pytest.mark.slow
    def test_types_of_columns(self, shell: Shell) -> None:
        shell.write("t.csv", "name,zip,price,ok\ntea,01234,3.5,true\ncake,12345,4,FALSE\n")
        shell("index", "t.csv")

        def found(where: str) -> set[str]:
            hits = shell("query", "x", "--where", where, "--format", "jsonl").lines
            return {h["meta"]["name"] for h in hits}

        assert found("price > 3.6") == {"cake"}
        assert found("ok = true") == {"tea"}
        assert found("zip = '01234'") == {"tea"}
        shell(
            "index", "t.csv", "--column-types", "zip=number,price=text", "--column-types", "ok=text"
        )
        assert found("zip = 1234") == {"tea"}
        assert found("price = '4'") == {"cake"}
        assert found("ok = 'FALSE'") == {"cake"}
        assert shell("index", "--format", "json").json["documents"]["unchanged"] == 2
        shell("index", "t.csv", "--column-types", "*=text")
        assert found("price = '3.5'") == {"tea"}

    @pytest.mark.parametrize("said", ["zip", "zip=date", "=text"])
    def test_types_that_are_none(self, shell: Shell, said: str) -> None:
        shell.write("t.csv", "a\n1\n")
        done = shell("index", "t.csv", "--column-types", said)
        assert done.code == 2
        assert "wanted a column's name and text, number, boolean" in done.err
