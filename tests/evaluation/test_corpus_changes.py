"""Files that changed between two reports, by name."""

from __future__ import annotations

import pytest

from qembed.errors import InputError
from qembed.evaluation import comparable_queries, contents_json
from qembed.evaluation.corpus_changes import (
    FILES_NAMED,
    MAX_CONTENTS,
    CorpusChanges,
    corpus_changes,
    file_of,
    record_files_json,
)
from tests.evaluation.reports import as_json


def test_contents_are_short_digests_in_order_of_name() -> None:
    found = contents_json({"b.md": b"\x01" * 16, "a.md": b"\xab" * 16})
    assert found == {"a.md": "abababab", "b.md": "01010101"}
    assert list(found) == ["a.md", "b.md"]
    assert contents_json(None) is None
    assert contents_json({}) == {}
    assert contents_json({str(i): b"" for i in range(MAX_CONTENTS + 1)}) is None


@pytest.mark.parametrize(
    ("document", "file"),
    [
        ("a/b.md", "a/b.md"),
        ("m.pdf#page=3", "m.pdf"),
        ("s.xlsx#sheet=Q#1 2", "s.xlsx"),
        ("b.epub#chapter=12", "b.epub"),
        ("r.csv#7", "r.csv"),
        ("notes.md#310-720", "notes.md"),
        ("c#sharp.md", "c#sharp.md"),
        ("#12", ""),
        ("record-12", "record-12"),
    ],
)
def test_parts_belong_to_their_file(document: str, file: str) -> None:
    assert file_of(document) == file


def test_a_file_of_many_documents_is_named_once() -> None:
    then = {"a.md": "1", "gone.pdf#page=1": "1", "gone.pdf#page=2": "2", "m.pdf#page=1": "1"}
    now = {
        "a.md": "1",
        "new.csv#1": "1",
        "new.csv#2": "1",
        "m.pdf#page=1": "1",
        "m.pdf#page=2": "9",
    }
    found = corpus_changes(then, now)
    assert found == CorpusChanges(["new.csv"], ["m.pdf"], ["gone.pdf"])
    assert found is not None
    assert found.describe() == "1 added: new.csv; 1 changed: m.pdf; 1 deleted: gone.pdf"
    assert CorpusChanges.from_json(found.to_json()) == found
    assert [found.kind_of(d) for d in ("new.csv#2", "m.pdf#page=1", "gone.pdf", "a.md")] == [
        "added", "changed", "deleted", "",
    ]  # fmt: skip
    assert not corpus_changes(then, dict(reversed(then.items())))
    assert corpus_changes(then, None) is None


def test_a_renamed_file_is_neither_added_nor_deleted() -> None:
    then = {"a.md": "1", "b.pdf#page=1": "2", "b.pdf#page=2": "3", "copy.md": "4", "twin.md": "4"}
    now = {"x/a.md": "1", "c.pdf#page=1": "2", "c.pdf#page=2": "3", "one.md": "4", "new.md": "5"}
    found = corpus_changes(then, now)
    assert found == CorpusChanges(
        # of two copies nobody knows which one it was
        ["new.md", "one.md"],
        [],
        ["copy.md", "twin.md"],
        {"a.md": "x/a.md", "b.pdf": "c.pdf"},
    )
    assert found is not None
    assert "; 2 renamed: a.md -> x/a.md, b.pdf -> c.pdf; " in found.describe()
    assert found.kind_of("b.pdf#page=2") == "renamed to c.pdf"
    assert found.kind_of("c.pdf#page=2") == ""
    body = found.to_json()
    assert body["counts"] == {"added": 2, "changed": 0, "renamed": 2, "deleted": 2}
    assert CorpusChanges.from_json(body) == found
    del body["renamed"]  # a report of an older version
    assert CorpusChanges.from_json(body).renamed == {}


def test_records_with_ids_of_their_own_count_as_their_file() -> None:
    places = [("a.md", "d", "a.md"), ("t.csv#2", "d", "t.csv"), ("e/a.md", "e", "a.md")]
    places += [(f"{n}{i}", "d", f"{n}.jsonl") for n in ("gone", "part") for i in range(20)]
    places += [("m.jsonl#x", "d", "m.jsonl"), ("x1", "d", "x.jsonl"), ("x2", "e", "x.jsonl")]
    files = record_files_json(places)
    assert set(files) == {"gone.jsonl", "part.jsonl", "m.jsonl", "d/x.jsonl", "e/x.jsonl"}
    assert len(files["gone.jsonl"]) == 20
    then = {name: "1" for name, _, _ in places}
    now = {name: "1" for name in then if not name.startswith("gone") and name != "part3"}
    now |= {"part4": "2", "part99": "1", "new1": "7"}
    files = {**files, "part.jsonl": [*files["part.jsonl"], "part99"], "new.jsonl": ["new1"]}
    found = corpus_changes(then, now, files)
    assert found is not None
    assert found.describe() == "1 added: new.jsonl; 1 changed: part.jsonl; 1 deleted: gone.jsonl"
    kinds = [found.kind_of(name) for name in ("part3", "part4", "part99", "part5", "gone7")]
    assert kinds == ["deleted", "changed", "added", "", "deleted"]
    assert CorpusChanges.from_json(found.to_json()) == found
    old = corpus_changes(then, {name: "1" for name in then if name != "gone1"}, {})
    assert old is not None, "reports of an older version"
    assert old.describe() == "1 deleted: gone1"


def test_long_lists_are_cut_and_counted() -> None:
    now = {f"f{i:04}.md": "1" for i in range(1_000)}
    found = corpus_changes({}, now)
    assert found is not None
    assert found.describe().startswith("1,000 added: f0000.md, ")
    assert found.describe().endswith(f"f{FILES_NAMED - 1:04}.md and 992 more")
    assert found.to_json()["counts"] == {"added": 1000, "changed": 0, "renamed": 0, "deleted": 0}
    assert len(found.to_json()["added"]) == 200


def test_the_refusal_of_a_baseline_names_the_files() -> None:
    def inputs(corpus: str) -> dict[str, object]:
        return {"queries": "x", "judgments": "x", "corpus": corpus, "documents": 2}

    then = as_json(inputs=inputs("1"), contents={"a.md": "1", "b.md": "1"})
    now = as_json(inputs=inputs("2"), contents={"a.md": "2", "b.md": "1"})
    with pytest.raises(InputError) as e:
        comparable_queries(then, now)
    assert e.value.problems[0] == ("the corpus differs: 1 changed: a.md (2 documents then as now)")
    del then["contents"]  # a baseline of an older version
    with pytest.raises(InputError, match=r"with other contents \(the baseline does not tell"):
        comparable_queries(then, now)
