"""Encodings of text files under `qembed index`: guessed, given, none."""

from __future__ import annotations

from tests.cli.conftest import Shell
from tests.cli.index_summary import summary


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
