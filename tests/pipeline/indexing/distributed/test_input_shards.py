"""Shards of input: of every document once, and alike around a change."""

from __future__ import annotations

import pytest

from qembed.pipeline.indexing.distributed.input_shards import (
    CHARACTERS,
    DOCUMENTS,
    input_shards,
    pack_documents,
    unpack_documents,
)
from qembed.types import Document


def corpus(n: int, skip: int = -1) -> list[Document]:
    return [Document(f"d{i}.md", f"text {i}", line=i) for i in range(n) if i != skip]


def test_every_document_is_in_one_shard_and_in_order() -> None:
    shards = list(input_shards(corpus(5000)))
    assert [d for s in shards for d in s.documents] == corpus(5000)
    assert all(len(s.documents) <= DOCUMENTS for s in shards)
    assert len(shards) < 5000 / (DOCUMENTS / 2) + 1


@pytest.mark.slow
def test_a_change_leaves_nearly_all_shards_as_they_were() -> None:
    before = {s.digest for s in input_shards(corpus(20_000))}
    after = {s.digest for s in input_shards(corpus(20_000, skip=100))}
    assert len(after - before) <= 4, "the ends meet again soon"
    assert len(before) > 40


def test_equal_documents_come_once_unless_they_are_cut_otherwise() -> None:
    text = "same text"
    documents = [Document("a.md", text), Document("b.md", text), Document("c.py", text)]
    (shard,) = input_shards(documents)
    assert [d.id for d in shard.documents] == ["a.md", "c.py"]


def test_long_documents_end_a_shard() -> None:
    documents = [Document(f"{i}", f"{i}" + "x" * CHARACTERS) for i in range(3)]
    assert [len(s.documents) for s in input_shards(documents)] == [1, 1, 1]


def test_documents_travel_whole() -> None:
    documents = [
        Document("a.md", "one\ntwo é \udcff", "title", line=3, start=17),
        Document("b", ""),
    ]
    found = unpack_documents(pack_documents(documents, ["markdown", "text"]))
    assert found == [(documents[0], "markdown"), (documents[1], "text")]
