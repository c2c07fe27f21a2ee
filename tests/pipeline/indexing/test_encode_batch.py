"""How many passages are gathered before they are encoded."""

from __future__ import annotations

from qembed.pipeline.indexing.encode_batch import (
    MAX_PASSAGES,
    MAX_TEXT_CHARS,
    MIN_PASSAGES,
    SAMPLE_TEXTS,
    SECONDS,
    EncodeBatch,
    PendingDocument,
)
from qembed.store import CatalogEntry
from qembed.types import Passage


def item(n: int, text: str = "some words") -> PendingDocument:
    line = CatalogEntry("d", "s", "f", b"", 0, 0, 0, 0, "", {})
    passages = [Passage("d", i, 0, len(text), text, 1, 1) for i in range(n)]
    return PendingDocument(("s", "f"), "added", line, passages, [text] * n, None)


class Pace:
    """An encoder that takes so long for a text."""

    def __init__(self, each: float) -> None:
        self.each = each
        self.made = 0

    def __call__(self) -> tuple[int, float]:
        return self.made, self.made * self.each


def gathered(each: float) -> int:
    """Passages in a window, once it is known how long one takes."""
    pace = Pace(each)
    window = EncodeBatch(pace)
    while not window.full:
        window.add(item(1))
    assert len(window.items) == MIN_PASSAGES
    assert len(window.sample()) == SAMPLE_TEXTS
    pace.made = SAMPLE_TEXTS
    assert window.sample() == []
    window.resize()
    while not window.full:
        window.add(item(1))
    return len(window.items)


def test_a_window_is_as_many_as_are_encoded_in_half_a_minute() -> None:
    assert gathered(SECONDS / 2000) == 2000
    assert gathered(SECONDS / 5) == MIN_PASSAGES
    assert gathered(1e-9) == MAX_PASSAGES


def test_much_text_fills_a_window_and_so_do_documents_without_any() -> None:
    window = EncodeBatch(Pace(1.0))
    window.add(item(2, "x" * (MAX_TEXT_CHARS // 2)))
    assert window.full
    assert len(window.take()) == 1
    assert not window.full
    for _ in range(MAX_PASSAGES):
        window.add(item(0))
    assert window.full
    assert window.texts() == []


def test_the_sample_is_from_all_over_the_window() -> None:
    window = EncodeBatch(Pace(1.0))
    for i in range(MIN_PASSAGES):
        window.add(item(1, str(i)))
    some = [int(t) for t in window.sample()]
    assert len(some) == SAMPLE_TEXTS
    assert some[0] < MIN_PASSAGES // SAMPLE_TEXTS
    assert some[-1] >= MIN_PASSAGES - MIN_PASSAGES // SAMPLE_TEXTS


def test_where_all_is_known_windows_grow() -> None:
    window = EncodeBatch(Pace(1.0))
    window.resize(took=0.1)
    for _ in range(2 * MIN_PASSAGES):
        assert not window.full
        window.add(item(1))
    assert window.full
