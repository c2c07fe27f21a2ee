"""Verdict on a pair: what is no gain, and what may be chance."""

from __future__ import annotations

import pytest

from qembed.training.dual.verdict import nothing_learned


@pytest.mark.parametrize(
    ("gain", "p", "said"),
    [
        (0.0, 1.0, "no better than before the training"),
        (-0.1, 0.01, "no better than before the training"),
        (0.04, 0.2, "better may be chance (p 0.200)"),
    ],
)
def test_what_is_not_written(gain: float, p: float, said: str) -> None:
    assert said in (nothing_learned({"gain": gain, "p": p}) or "")


def test_what_was_learned() -> None:
    assert nothing_learned({"gain": 0.04, "p": 0.05}) is None
