"""add and forget: records that only the index has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qembed
from qembed.errors import IndexLocked, InputError, UsageError
from qembed.store import Writer
from tests.cli.conftest import BAG, Filled, Shell


def found(shell: Shell, words: str, *more: str) -> list[str]:
    return [h["text"] for h in shell("query", words, "--format", "jsonl", *more).lines]


@pytest.fixture
def memories(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        assert shell("add", "--meta", "user_id=alice", "Alice drinks her coffee black").code == 0
        assert shell("add", "--meta", "user_id=bob", "Bob takes milk in his coffee").code == 0

    return filled(index)


def test_what_was_added_is_found_when_add_returns(memories: Shell) -> None:
    assert found(memories, "coffee", "-k", "1", "--where", "user_id = 'bob'") == [
        "Bob takes milk in his coffee"
    ]
    (only,) = memories("query", "milk", "--format", "jsonl", "--where", "user_id = 'alice'").lines
    assert only["meta"] == {"user_id": "alice"}
    assert only["path"] is None


def test_the_same_thing_twice_is_there_once(memories: Shell) -> None:
    again = memories(
        "add", "--meta", "user_id=alice", "Alice drinks her coffee black", "--format", "json"
    )
    assert again.json["documents"]["added"] == 0
    passages = again.json["passages"]
    assert (passages["total"], passages["encoded"], passages["reused"]) == (2, 0, 0)


def test_an_id_names_a_record(shell: Shell) -> None:
    assert shell("add", "--id", "home", "She lives in Leeds").code == 0
    changed = shell(
        "add", "--id", "home", "--title", "Home", "She lives in York", "--format", "json"
    )
    assert changed.json["documents"]["changed"] == 1
    assert found(shell, "lives") == ["She lives in York"]


@pytest.mark.slow
def test_lines_and_records_on_stdin(shell: Shell) -> None:
    assert shell("add", "-", "--meta", "n=1", stdin="one line\n\nanother line\n").code == 0
    records = (
        '{"_id": "r", "text": "a record", "kind": "x"}\n{"text": ""\n{"text": "named by itself"}\n'
    )
    done = shell("add", "-", "--meta", "n=2", stdin=records)
    assert done.code == 4
    assert "-:2" in done.err
    assert sorted(found(shell, "line record", "-k", "9")) == [
        "a record", "another line", "named by itself", "one line"
    ]  # fmt: skip
    assert found(shell, "record", "--where", "kind = 'x' and n = 2") == ["a record"]


def test_records_without_ids_do_not_replace_each_other(shell: Shell) -> None:
    for text in ("first", "second"):
        assert shell("index", "-", stdin=json.dumps({"text": text})).code == 0
    assert sorted(found(shell, "first")) == ["first", "second"]


def test_nothing_to_add(shell: Shell) -> None:
    assert shell("add", " ").code == 2
    assert shell("add").code == 2
    assert shell("add", "-", "--id", "x", stdin="text").code == 2
    assert not (shell.folder / ".qembed").exists()


def test_adding_looks_at_no_source(docs: Shell) -> None:
    docs.write("docs/new.md", "not yet\n")
    done = docs("add", "beside the documents", "--format", "json")
    assert done.json["documents"]["added"] == 1
    assert "not yet" not in " ".join(found(docs, "not yet", "-k", "20"))
    refreshed = docs("index", "--format", "json")
    assert refreshed.json["documents"]["added"] == 1
    assert refreshed.json["documents"]["deleted"] == 0
    assert "beside the documents" in found(docs, "beside the documents")


@pytest.mark.slow
def test_a_rebuild_keeps_them(memories: Shell) -> None:
    long = "A long memory. " + " ".join(f"Sentence number {i} of it." for i in range(150))
    memories("add", "--id", "long", "--title", "Long", "--meta", "user_id=alice", long)
    done = memories(
        "index", "--rebuild", "--max-tokens", "60", "--overlap", "10", "--format", "json"
    )
    assert done.code == 0, done.err
    assert done.json["documents"]["added"] == 3
    assert memories("verify").code == 0
    hits = memories("query", "long memory", "--format", "jsonl", "-k", "90",
                    "--where", "id = 'long'").lines  # fmt: skip
    assert len(hits) > 5
    assert hits[0]["title"] == "Long"
    for h in hits:
        assert long[h["passage"]["start"] : h["passage"]["end"]] == h["text"]
    # with other sources too
    memories.write("docs/a.md", "a document\n")
    assert memories("index", "--rebuild", "docs").code == 0
    assert "Bob takes milk in his coffee" in found(memories, "milk")


def test_forget(memories: Shell) -> None:
    dry = memories("forget", "--where", "user_id = 'alice'", "--dry-run")
    assert dry.out.endswith("would forget 1 record · generation 2\n")
    assert len(found(memories, "coffee")) == 2
    done = memories("forget", "--where", "user_id = 'alice'", "--format", "json")
    assert len(done.json["forgotten"]) == 1
    assert found(memories, "coffee") == ["Bob takes milk in his coffee"]
    assert found(memories, "Alice", "--mode", "lexical") == []
    assert memories("verify").code == 0
    nothing = memories("forget", "--where", "user_id = 'alice'")
    assert nothing.code == 0
    assert "forgot 0 records" in nothing.out


@pytest.mark.slow
def test_purge_leaves_no_word_of_it(memories: Shell) -> None:
    folder = memories.folder / ".qembed"
    memories("add", "--meta", "user_id=eve", "xylophonequartz")
    assert found(memories, "xylophonequartz", "-k", "1") == ["xylophonequartz"]
    assert memories("forget", "--where", "user_id = 'eve'", "--purge").code == 0
    import pyarrow.parquet as pq

    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as parquet:
                assert "xylophonequartz" not in str(parquet.read().to_pydict())
        elif file.is_file():
            assert b"xylophonequartz" not in file.read_bytes()
    assert memories("verify").code == 0
    assert len(found(memories, "coffee")) == 2


def test_what_has_a_source_is_not_forgotten(docs: Shell) -> None:
    docs("add", "--id", "m", "a memory")
    done = docs("forget", "--where", "id exists")
    assert "forgot 1 record" in done.out
    assert "3 matching documents have a source: delete them there" in done.err
    assert len(found(docs, "account parcel money")) == 3


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--where", "user_id = "), "column"),
        (("--where", "nobody = 1"), "user_id"),
        (("--where", "user_id < 3"), "user_id"),
    ],
)
def test_filters_that_cannot_be(memories: Shell, args: tuple[str, ...], said: str) -> None:
    done = memories("forget", *args)
    assert done.code == 2
    assert said in done.err
    assert len(found(memories, "coffee")) == 2


def test_no_index(shell: Shell) -> None:
    assert shell("forget", "--where", "a = 1").code == 2


class TestFromPython:
    @pytest.mark.slow
    def test_the_round(self, tmp_path: Path) -> None:
        with qembed.open(tmp_path / "m", model=BAG) as index:
            index.add("Alice drinks her coffee black", meta={"user_id": "alice"})
            index.add(["Bob has a dog", {"_id": "t", "text": "Bob likes tea", "hot": True}],
                      meta={"user_id": "bob"})  # fmt: skip
            hits = index.query("coffee", where="user_id = 'alice'")
            assert [h.passage.text for h in hits] == ["Alice drinks her coffee black"]
            assert (
                index.query("tea", k=1, where=["user_id = 'bob'", "hot = true"])[0].document == "t"
            )
            encoder = index._newest().loaded.encoder
            index.add("Carol grows roses")
            assert index.query("roses", k=1)[0].passage.text == "Carol grows roses"
            assert index._newest().loaded.encoder is encoder
            assert index.forget("user_id exists").documents
            assert [h.passage.text for h in index.query("coffee")] == ["Carol grows roses"]
            both = index.queries(["roses", "grows"], k=1, mode="lexical")
            assert [len(hits) for hits in both] == [1, 1]

    def test_errors_are_ours(self, tmp_path: Path) -> None:
        with qembed.open(tmp_path / "m", model=BAG) as index:
            with pytest.raises(InputError, match="nothing to add"):
                index.add([])
            with pytest.raises(InputError, match="could not be taken"):
                index.add([{"title": "no text"}, "but this"])
            assert [h.passage.text for h in index.query("this")] == ["but this"]
            with pytest.raises(UsageError, match="column"):
                index.query("x", where="a ==== 1")
            with Writer(index.path), pytest.raises(IndexLocked):
                index.add("more", wait=0)


def test_lines_in_another_encoding_are_doubted(shell: Shell) -> None:
    done = shell("add", "-", stdin=b"caf\xe9\nplain\r\n\nagain\n")
    assert done.code == 0
    assert "warning: -:1: not UTF-8 (byte 0xe9): read as cp1252, the likeliest" in done.err
    assert sorted(found(shell, "plain", "-k", "9")) == ["again", "café", "plain"]


def test_lines_that_cannot_be_read_are_named(shell: Shell) -> None:
    done = shell("add", "-", stdin=b'{"text": "plain"}\n{"text": \n{"text": "again"}\n')
    assert done.code == 4
    assert "-:2: not JSON: Expecting value at column" in done.err
    assert sorted(found(shell, "plain", "-k", "9")) == ["again", "plain"]


def test_records_of_values_that_json_has_not(tmp_path: Path) -> None:
    given = [{"text": "good", "tags": ("a", "b")}, {"text": "x", "n": float("nan")},
             {"text": "x", "n": object()}]  # fmt: skip
    told = r"-:2: Out of range float.*\n.*-:3: .*not JSON serializable"
    with qembed.open(tmp_path / ".qembed", model=BAG) as index:
        with pytest.raises(InputError, match=told):
            index.add(given)
        (hit,) = index.query("good", k=3)
    assert hit.meta == {"tags": ["a", "b"]}


@pytest.mark.slow
def test_a_check_of_records_says_that_they_are_nowhere_else(shell: Shell) -> None:
    assert shell("add", "a note on zebras").code == 0
    done = shell("eval", "init")
    assert done.code == 0, done.err
    assert "records that no file holds" in done.err
    assert "be added before check.sh runs" in done.err
    assert shell("index").out.startswith("nothing to read · 1 passage, ")


@pytest.mark.parametrize("field", ["_id", "id", "title", "text"])
def test_a_record_s_own_fields_are_no_metadata(shell: Shell, field: str) -> None:
    done = shell("add", "a note", "--meta", f"{field}=x")
    assert done.code == 2
    assert f"--meta {field}: a record has its {field} already" in done.err


def test_a_record_without_words_is_refused(shell: Shell) -> None:
    done = shell("add", "-", stdin='{"text": " "}\n{"text": "a note"}\n')
    assert done.code == 4
    assert "an empty text says nothing" in done.err
    assert shell("status", "--format", "json").json["documents"] == 1
