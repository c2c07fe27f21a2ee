"""`qembed indexes`, and several `--index` of a query, as a shell sees them."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def two(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """An index here, named docs, and one of notes elsewhere."""
    monkeypatch.setenv("QEMBED_CONFIG", str(docs.folder.parent / "config"))
    docs.write("other/notes/refunds.md", "# Notes\n\nMoney came back on Monday.\n")
    assert docs("index", "other/notes", "--index", "other/.qembed").code == 0
    assert docs("indexes", "add", "docs").err.startswith("qembed: docs is ")
    assert docs("indexes", "add", "notes", "other").code == 0
    return docs


def test_names_are_listed_and_removed(two: Shell) -> None:
    listed = two("indexes").out.splitlines()
    assert [line.split()[0] for line in listed] == ["docs", "notes"]
    assert listed[1].endswith("1 document, 1 passage, py:tests.encoders:bag")
    body = two("indexes", "--format", "json").json
    assert [i["documents"] for i in body["indexes"]] == [3, 1]
    assert two("indexes", "remove", "docs").code == 0
    (two.folder / "other/.qembed/manifest.json").unlink()
    assert "/manifest.json is missing, and documents" in two("indexes").out
    shutil.rmtree(two.folder / "other/.qembed")
    assert "no index at" in two("indexes").out
    assert two("indexes", "remove", "notes").code == 0
    assert two("indexes").out == "no index has a name (qembed indexes add NAME DIR)\n"


def test_a_name_keeps_links_and_no_parents(two: Shell) -> None:
    (two.folder / "link").symlink_to("other")
    (two.folder / "deep").symlink_to("docs/a/b")
    (two.folder / "docs/a/b").mkdir(parents=True)
    root = two.folder / "other/.qembed"
    for given, kept in (
        ("docs/../other/.qembed", root),
        ("nowhere/../other", root),
        ("link/.qembed/../.qembed", two.folder / "link/.qembed"),
        ("deep/../../../other/.qembed", root),  # of what the link leads to, as the system reads it
    ):
        assert two("indexes", "add", "third", given).err == f"qembed: third is {kept}\n"
        assert two("indexes", "remove", "third").code == 0


def test_every_command_takes_a_name(two: Shell) -> None:
    for args in (("query", "money"), ("status",), ("verify",), ("duplicates",)):
        assert two(*args, "--index", "notes").code == 0
    found = two("query", "money", "--index", "notes", "--format", "paths")
    assert found.out == "other/notes/refunds.md\n"
    assert two("query", "money", "--format", "paths", QEMBED_INDEX="notes").out == found.out
    assert two("index", "--index", "notes").code == 0


def test_several_are_searched_as_one(two: Shell) -> None:
    both = ("query", "money comes back", "-k", "2", "--index", "docs", "--index", "notes")
    lines = two(*both, "--format", "jsonl").lines
    assert [(x["index"], x["document"]) for x in lines] == [
        ("docs", "docs:refunds.md"),
        ("notes", "notes:refunds.md"),
    ]
    assert two(*both, "--format", "paths").out.splitlines() == [
        "docs/refunds.md",
        "other/notes/refunds.md",
    ]
    assert "[notes]" in two(*both).out
    trec = two(*both, "--format", "trec").out.splitlines()
    assert [line.split()[2] for line in trec] == ["docs:refunds.md", "notes:refunds.md"]
    explained = two(*both, "--explain")
    assert "merged by score" in explained.err
    assert two(*both, "--format", "json").json["indexes"][1]["name"] == "notes"


def test_what_cannot_be(two: Shell) -> None:
    for args, message in (
        (("indexes", "add", "x", "nowhere"), "no index at"),
        (("indexes", "add", "a/b", "other"), "a name has letters"),
        (("indexes", "add", "docs", "other"), "docs is the name of"),
        (("indexes", "remove", "x"), "no index is named x (known: docs, notes)"),
        (("query", "x", "--index", "notes", "--index", "notes"), "given twice"),
        (("query", "x", "--index", "notes", "--index", "docs", "--log"), "go with one index"),
        (("query", "x", "--index", "notes", "--index", "nix"), "no index at"),
    ):
        done = two(*args)
        assert (done.code, done.out) == (2, ""), args
        assert message in done.err
