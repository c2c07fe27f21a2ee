"""Batches: every row once an epoch, none beside a row whose query its texts would answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.training.batches import EpochBatches, epoch_batches, plan_epoch
from qembed.training.rows import Row

names = st.frozensets(st.sampled_from("abcdefghij"), max_size=3)
rows = st.lists(
    st.tuples(names, names, st.integers(1, 100)).map(
        lambda t: (Row(("q", "p"), t[0] | t[1], t[1]), t[2])
    ),
    min_size=1,
    max_size=60,
)


@given(rows, st.integers(2, 9), st.integers(0, 5))
def test_every_row_once_and_no_false_negative(
    given_rows: list[tuple[Row, int]], size: int, seed: int
) -> None:
    made = [r for r, _ in given_rows]
    batches = plan_epoch(
        [n for _, n in given_rows],
        [r.documents for r in made],
        [r.relevant for r in made],
        size,
        np.random.default_rng(seed),
    )
    assert sorted(i for b in batches for i in b) == list(range(len(made)))
    for batch in batches:
        assert 1 <= len(batch) <= size
        for i in batch:
            for j in batch:
                assert i == j or not made[i].relevant & made[j].documents


def padded(plan: EpochBatches, lengths: list[int]) -> int:
    return sum(len(b) * max(lengths[i] for i in b) for b in plan)


def test_rows_of_a_batch_are_of_like_length() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 250, 640).tolist()
    made = [Row(("q", "p"), frozenset([str(i)]), frozenset([str(i)])) for i in range(640)]
    plan = epoch_batches(made, lengths, 16, 2, 0)
    by_chance = sum(16 * max(lengths[i : i + 16]) for i in range(0, 640, 16))
    assert padded(plan, lengths) < 1.1 * sum(lengths) < by_chance
    first = list(plan)
    plan.set_epoch(1)
    assert first != list(plan)
    assert len(first) == len(plan)
    again = epoch_batches(made, lengths, 16, 2, 0)
    assert first == list(again)


def test_each_epoch_has_rows_of_its_own() -> None:
    made = [Row((f"damaged {i}", "t"), frozenset(), frozenset()) for i in range(30)]
    plan = epoch_batches(made, list(range(30)), 4, 3, 0, in_batch=False, fresh=True)
    for epoch in range(3):
        plan.set_epoch(epoch)
        rows = [i for batch in plan for i in batch]
        assert sorted(rows) == list(range(10 * epoch, 10 * epoch + 10))


@pytest.mark.slow
def test_another_data_set_is_read_in_its_order() -> None:
    from datasets import Dataset

    made = [Row((f"q{i}", "p"), frozenset([str(i)]), frozenset([str(i)])) for i in range(10)]
    plan = epoch_batches(made, [1] * 10, 4, 1, 0)
    own = Dataset.from_dict({"a": [r.texts[0] for r in made], "b": ["p"] * 10})
    assert plan(own) is plan
    other = Dataset.from_dict({"a": [f"x{i}" for i in range(10)], "b": ["p"] * 10})
    assert list(plan(other)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.integers(0, 4), st.data())
def test_epochs_with_as_many_batches(sizes: list[int], seed: int, data: st.DataObject) -> None:
    """An epoch of fewer batches has some of them halved: each row once all the same."""
    total = sum(sizes)
    order = iter(np.random.default_rng(seed).permutation(total).tolist())
    few = [[next(order) for _ in range(n)] for n in sizes]
    many = [[i] for i in range(data.draw(st.integers(len(sizes), total)) - 1)]
    many.append(list(range(len(many), total)))
    plan = EpochBatches([many, few], 5, total, "")
    plan.set_epoch(1)
    batches = list(plan)
    assert len(batches) == len(plan) == len(many)
    assert all(batches)
    assert sorted(i for batch in batches for i in batch) == list(range(total))
