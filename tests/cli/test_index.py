"""qembed index, as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import BAG, Shell


def summary(shell: Shell, *args: str, code: int = 0, **kwargs: str):  # type: ignore[no-untyped-def]
    done = shell("index", *args, "--format", "json", **kwargs)
    assert done.code == code, done.err
    return done.json


def test_the_summary_has_the_promised_fields(docs: Shell) -> None:
    body = summary(docs, "docs")
    assert body["schema"] == 1
    assert body["generation"] == 1
    assert body["index"] == str(docs.folder / ".qembed")
    assert set(body["documents"]) == {"added", "changed", "moved", "unchanged", "deleted", "failed"}
    assert body["documents"]["unchanged"] == 3
    assert body["passages"]["total"] == 3
    assert body["failed"] == []
    assert body["recipe"]["title_rule"] == "title text"
    assert "total" in body["seconds"]


def test_a_refresh_with_nothing_changed_encodes_nothing_and_loads_no_model(docs: Shell) -> None:
    body = summary(docs)
    assert body["passages"]["encoded"] == 0
    assert body["generation"] == 1
    assert "load" not in body["seconds"]


def test_a_refresh_encodes_only_what_changed(docs: Shell) -> None:
    docs.write("docs/refunds.md", "# Refunds\n\nMoney comes back within two days.\n")
    docs.write("docs/new.md", "# New\n\nSomething new.\n")
    (docs.folder / "docs/parcels.md").unlink()
    docs.old("docs/refunds.md", "docs/new.md")
    body = summary(docs)
    assert body["documents"] == {
        "added": 1, "changed": 1, "moved": 0, "unchanged": 1, "deleted": 1, "failed": 0,
    }  # fmt: skip
    assert body["passages"]["encoded"] == 2
    hits = docs("query", "parcel tracking", "--format", "paths").out.splitlines()
    assert "docs/parcels.md" not in hits
    assert len(hits) == 3


def test_touching_encodes_nothing(docs: Shell) -> None:
    for p in (docs.folder / "docs").rglob("*.*"):
        p.touch()
    passages = summary(docs)["passages"]
    assert (passages["total"], passages["encoded"], passages["reused"]) == (3, 0, 0)


def test_moving_encodes_nothing(docs: Shell) -> None:
    (docs.folder / "docs/refunds.md").rename(docs.folder / "docs/money.md")
    body = summary(docs)
    assert body["documents"]["moved"] == 1
    assert body["documents"]["deleted"] == 0
    assert body["passages"]["encoded"] == 0
    hit = docs("query", "money back", "-k", "1", "--format", "jsonl").lines[0]
    assert hit["document"] == "money.md"


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


def test_two_folders_may_have_files_of_one_name(shell: Shell) -> None:
    shell.write("a/README.md", "alpha")
    shell.write("b/README.md", "beta")
    assert shell("index", "a", "b").code == 0
    hits = shell("query", "beta", "--format", "jsonl").lines
    assert [h["document"] for h in hits] == ["b/README.md", "README.md"]
    assert summary(shell)["documents"]["deleted"] == 0


def test_meta_and_include(shell: Shell) -> None:
    shell.write("d/a.md", "alpha")
    shell.write("d/b.txt", "beta")
    body = summary(shell, "d", "--include", "*.md", "--meta", "team=red", "--meta", "year=2026")
    assert body["documents"]["added"] == 1
    assert shell("query", "x", "--format", "jsonl").lines[0]["meta"] == {
        "team": "red",
        "year": 2026,
    }


def test_dry_run_writes_nothing(shell: Shell) -> None:
    shell.write("d/a.md", "alpha")
    done = shell("index", "d", "--dry-run")
    assert done.code == 0
    assert "add\ta.md" in done.out
    assert not (shell.folder / ".qembed").exists()


def test_dry_run_after_a_run_finds_nothing_changed(shell: Shell) -> None:
    """Files written just before a run are read again by the next one: their time says nothing."""
    shell.write("d/a.md", "alpha")
    shell.write("d/r.jsonl", '{"text": "one"}\n{"text": "two"}\n')
    summary(shell, "d", "--meta", "team=red")
    body = summary(shell, "--dry-run")
    assert body["documents"] == {**dict.fromkeys(body["documents"], 0), "unchanged": 3}
    assert body["would"] == {"add": [], "read": [], "fail": [], "delete": []}
    shell.write("d/a.md", "gamma")
    shell.write("d/b.md", "beta")
    body = summary(shell, "--dry-run")
    assert body["would"] == {"add": ["b.md"], "read": ["a.md"], "fail": [], "delete": []}
    assert (body["documents"]["changed"], body["documents"]["unchanged"]) == (1, 2)
    assert summary(shell, "--dry-run", "--meta", "team=blue", "d")["would"]["read"] == [
        "a.md",
        "r.jsonl",
    ]


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


def test_what_is_not_text_is_reported_and_the_rest_indexed(shell: Shell) -> None:
    shell.write("d/good.md", "fine")
    shell.write("d/noise.txt", bytes(range(1, 256)))
    done = shell("index", "d")
    assert done.code == 4
    assert "noise.txt" in done.err
    assert "0x80" in done.err
    assert "1 added" in done.out


class TestEncodings:
    def test_a_guess_is_a_warning_with_the_files_name(self, shell: Shell) -> None:
        shell.write("d/latin.txt", "café crème, the menu of today".encode("latin-1"))
        done = shell("index", "d", "--format", "json")
        assert done.code == 0
        (warning,) = done.json["warnings"]
        assert warning["path"].endswith("d/latin.txt")
        assert (warning["line"], "cp1252" in warning["message"]) == (1, True)
        assert f"warning: {warning['path']}:1: {warning['message']}" in done.err
        (hit,) = shell("query", "crème", "--format", "jsonl").lines
        assert hit["text"] == "café crème, the menu of today"
        assert hit["meta"] == {"encoding": "cp1252"}
        shell.old()
        shell("index")
        assert summary(shell)["warnings"] == []  # nothing was read

    def test_an_encoding_that_is_said_is_remembered(self, shell: Shell) -> None:
        shell.write("d/a.txt", "привет".encode("cp866"))
        shell.write("d/r.jsonl", '{"_id": "r", "text": "мир"}'.encode("cp866"))
        shell.write("d/marked.txt", "ﬁne".encode("utf-8-sig"))
        done = shell("index", "d", "--encoding", "IBM866", "--format", "json")
        assert (done.code, done.json["warnings"]) == (0, [])
        shell.write("d/b.txt", "снова".encode("cp866"))
        assert summary(shell)["documents"]["added"] == 1
        found = {h["document"]: h["text"] for h in shell("query", "x", "--format", "jsonl").lines}
        assert found == {"a.txt": "привет", "r": "мир", "marked.txt": "ﬁne", "b.txt": "снова"}

    def test_no_such_encoding(self, shell: Shell) -> None:
        shell.write("a.txt", "x")
        done = shell("index", "a.txt", "--encoding", "klingon")
        assert (done.code, "--encoding klingon: no such encoding" in done.err) == (2, True)

    def test_many_warnings_are_counted(self, shell: Shell) -> None:
        for n in range(25):
            shell.write(f"d/{n:02}.txt", f"caf\xe9 {n}".encode("latin-1"))
        done = shell("index", "d")
        assert done.err.count("warning: ") == 20
        assert "… and 5 more warnings (-v shows them)" in done.err
        assert shell("index", "d", "--rebuild", "-v").err.count("warning: ") == 25


class TestRecords:
    @pytest.mark.slow
    def test_ids_of_two_files(self, shell: Shell) -> None:
        shell.write("d/a.jsonl", '{"_id": "1", "text": "one"}')
        shell.write("d/b.jsonl", '{"_id": "1", "text": "two"}')
        done = shell("index", "d")
        assert done.code == 4
        assert "duplicate id '1': already in a.jsonl (--id-prefix file puts" in done.err
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


def test_rebuild_with_other_passages(docs: Shell) -> None:
    body = summary(docs, "--rebuild", "--chunker", "none")
    assert body["recipe"]["chunker"] == "none"
    assert body["documents"]["added"] == 3
    assert len(docs("query", "money", "--format", "paths").out.splitlines()) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_a_signal_keeps_what_is_done_and_a_rerun_does_the_rest(
    shell: Shell, number: int, code: int
) -> None:
    records = [{"_id": str(i), "text": f"record number {i}"} for i in range(1500)]
    shell.write("r.jsonl", "\n".join(json.dumps(r) for r in records))
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index", "r.jsonl", "--format", "json"],
        cwd=shell.folder,
        env=shell.env(BAG_DELAY="0.004"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert b"loading" in process.stderr.readline()
    time.sleep(1.5)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    done = json.loads(out)
    assert done["interrupted"] is True
    assert 0 < done["passages"]["encoded"] < 1500
    rest = summary(shell)
    assert done["passages"]["encoded"] + rest["passages"]["encoded"] == 1500
    assert rest["passages"]["total"] == 1500


def test_what_was_cut_short_is_counted_and_listed(shell: Shell) -> None:
    shell.write("docs/long.md", "word " * 900)
    shell.write("docs/short.md", "word")
    done = shell("index", "docs", "--chunker", "none", "-v")
    assert "1 truncated to 200 tokens" in done.out
    assert "cut short: long.md:1" in done.err
    asked = shell("query", "word " * 400, "-v", "--format", "paths")
    assert "1 of 1 query was longer than the model reads" in asked.err
    assert "cut short: 'word word" in asked.err


def test_an_empty_path_is_refused(shell: Shell) -> None:
    """The value of a variable that is not set; it would stand for the current folder."""
    done = shell("index", "")
    assert (done.code, done.out) == (2, "")
    assert "cannot read '': no such file or folder" in done.err
