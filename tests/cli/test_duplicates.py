"""`qembed duplicates` as a shell sees it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def copies(docs: Shell) -> Shell:
    docs.write("docs/zcopy.md", (docs.folder / "docs/refunds.md").read_bytes())
    docs.write("docs/znear.md", "# Refunds\n\nMoney comes back within six days.\n")
    assert docs("index").code == 0
    return docs


def test_clusters_in_every_format(copies: Shell) -> None:
    args = ("duplicates", "--above", ".8")
    text = copies(*args)
    assert text.code == 0
    assert text.out.splitlines()[0].split() == ["docs/refunds.md", "Refunds"]
    assert text.out.splitlines()[1].split() == ["=", "docs/zcopy.md", "Refunds"]
    near = text.out.splitlines()[2].split()
    assert near[1] == "docs/znear.md"
    assert 0.8 < float(near[0]) < 1
    assert text.err == "qembed: 2 duplicate documents of 5 documents, in 1 cluster\n"
    tsv = [line.split("\t") for line in copies(*args, "--format", "tsv").out.splitlines()]
    assert [row[2:4] for row in tsv] == [
        ["first", "refunds.md"],
        ["copy", "zcopy.md"],
        ["near", "znear.md"],
    ]
    body = copies(*args, "--format", "json").json
    assert (body["schema"], body["total"], body["surplus"]) == (1, 5, 2)
    line = copies(*args, "--format", "jsonl").lines[0]
    assert line == {"schema": 1, **body["clusters"][0]}
    assert [m["copy"] for m in line["members"]] == [False, True, False]


def test_passages_are_shown_with_their_text(copies: Shell) -> None:
    done = copies("duplicates", "--by", "passage", "--above", "1")
    assert done.out.splitlines()[0].split()[0] == "docs/refunds.md:1"
    assert "Money comes back" in done.out
    assert copies("duplicates", "--by", "passage", "-q").err == ""


def test_none_is_no_error(docs: Shell) -> None:
    done = docs("duplicates")
    assert (done.code, done.out) == (0, "")
    assert done.err == "qembed: no duplicates among 3 documents\n"


def test_one_document_is_one_document(shell: Shell) -> None:
    shell.write("a.md", "Money comes back.")
    assert shell("index", "a.md").code == 0
    assert shell("duplicates").err == "qembed: no duplicates among 1 document\n"
    found = shell("duplicates", "--format", "json").json["search"]
    assert found == "exact (all pairs of 1 distinct passage)"


def test_what_cannot_be(docs: Shell) -> None:
    for args, message in (
        (("--above", "2"), "--above 2: a cosine above 0, at most 1, is wanted"),
        (("--share", "0"), "--share 0: above 0 and at most 1"),
        (("--index", "none"), "no index"),
    ):
        done = docs("duplicates", *args)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    told = docs(
        "duplicates", "--by", "passage", "--share", ".5", "--above", "1", "--search", "exact"
    )
    assert "--share: no effect with --by passage" in told.err
    assert "--search: no effect with --above 1" in told.err


def test_records_have_their_lines_and_files_have_none(shell: Shell) -> None:
    same = '{"_id": "%s", "text": "money comes back in five days"}\n'
    shell.write("d/rec.jsonl", same % "r1" + same % "r2")
    shell.write("d/a.txt", "money comes back in five days")
    assert shell("index", "d").code == 0
    for by in ("document", "passage"):
        body = shell("duplicates", "--by", by, "--format", "json").json
        lines = {m["document"]: m["line"] for m in body["clusters"][0]["members"]}
        assert lines == {"r1": 1, "r2": 2, "a.txt": None if by == "document" else 1}
        out = shell("duplicates", "--by", by).out
        assert "d/rec.jsonl#r1:1" in out
        assert "d/rec.jsonl#r2:2" in out
