"""How many passages are gathered before they are encoded."""

from __future__ import annotations

from qembed.pipeline.indexing.encoding.batch import EncodeBatch, PendingDocument
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy
from qembed.store import CatalogEntry
from qembed.types import Passage

POLICY = BatchPolicy()


def item(n: int, text: str = "some words") -> PendingDocument:
    line = CatalogEntry("d", "s", "f", b"", 0, 0, 0, 0, "", {})
    passages = [Passage("d", i, 0, len(text), text, 1, 1) for i in range(n)]
    return PendingDocument(("s", "f"), "f", "added", line, passages, [text] * n, None)


class Pace:
    """An encoder that takes so long for a text."""

    def __init__(self, each: float) -> None:
        self.each = each
        self.made = 0

    def __call__(self) -> tuple[int, float]:
        return self.made, self.made * self.each


def gathered(each: float) -> int:
    """Passages in a batch, once it is known how long one takes."""
    pace = Pace(each)
    batch = EncodeBatch(pace, POLICY)
    while not batch.full:
        batch.add(item(1))
    assert len(batch.items) == POLICY.min_passages
    assert len(batch.sample()) == POLICY.sample
    pace.made = POLICY.sample
    assert batch.sample() == []
    batch.resize()
    while not batch.full:
        batch.add(item(1))
    return len(batch.items)


def test_a_batch_is_as_many_as_are_encoded_in_some_seconds() -> None:
    assert gathered(POLICY.first_seconds / 2000) == 2000
    assert gathered(POLICY.first_seconds / 5) == POLICY.min_passages
    assert gathered(1e-9) == POLICY.max_passages


def test_much_text_fills_a_batch_and_so_do_documents_without_any() -> None:
    batch = EncodeBatch(Pace(1.0), POLICY)
    batch.add(item(2, "x" * (POLICY.max_chars // 2)))
    assert batch.full
    assert len(batch.take()) == 1
    assert not batch.full
    for _ in range(POLICY.max_passages):
        batch.add(item(0))
    assert batch.full
    assert batch.contents() == []


def test_the_sample_is_from_all_over_the_batch() -> None:
    batch = EncodeBatch(Pace(1.0), POLICY)
    for i in range(POLICY.min_passages):
        batch.add(item(1, str(i)))
    some = [int(t) for t in batch.sample()]
    assert len(some) == POLICY.sample
    assert some[0] < POLICY.min_passages // POLICY.sample
    assert some[-1] >= POLICY.min_passages - POLICY.min_passages // POLICY.sample


def test_where_all_is_known_batchs_grow() -> None:
    batch = EncodeBatch(Pace(1.0), POLICY)
    batch.resize(seconds=0.1)
    for _ in range(2 * POLICY.min_passages):
        assert not batch.full
        batch.add(item(1))
    assert batch.full


def test_a_run_risks_less_than_twenty_seconds_at_first() -> None:
    commits = CommitPolicy()
    batch = POLICY.seconds_after(0.0)
    assert commits.first_seconds + batch < 20
    assert commits.is_due(1, commits.first_seconds + 1, 0.0, 60.0)
    assert not commits.is_due(1, commits.first_seconds + 1, 0.0, 240.0)
    assert POLICY.seconds_after(1e6) == POLICY.seconds
