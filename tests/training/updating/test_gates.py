"""Gates of an update, as pure functions; queries are divided by document."""

from __future__ import annotations

from typing import Any

import pytest

from qembed.training.adapting.made_queries import MadeQuery
from qembed.training.updating.gates import (
    judgment_gate,
    material_gate,
    switch_refusal,
    training_gate,
    verdict_gate,
)
from qembed.training.updating.material import divide


def side(gain: float, p: float = 0.001) -> dict[str, Any]:
    return {"measure": "nDCG@10", "before": 0.5, "after": 0.5 + gain, "gain": gain, "p": p}


@pytest.mark.parametrize(
    ("sides", "passed"),
    [
        ({"new": side(0.1), "old": side(0.0)}, True),
        ({"new": side(-0.001, 0.9), "old": side(0.0)}, False),
        ({"new": side(0.1), "old": side(-0.02, 0.4)}, True),
        ({"new": side(0.1), "old": side(-0.02, 0.03)}, False),
        ({"new": side(0.1), "old": side(-0.06, 0.4)}, False),
        ({"new": side(0.1), "old": side(0.0), "golden": side(-0.02, 0.01)}, False),
    ],
)
def test_what_is_forgotten_stops(sides: dict[str, Any], passed: bool) -> None:
    assert judgment_gate(sides).passed is passed


def test_the_other_gates() -> None:
    body: dict[str, Any] = {"verdict": "confirm", "reason": "a subject", "signals": []}
    assert verdict_gate(body, "confirm").passed
    assert verdict_gate(body, "watch").passed
    assert not verdict_gate(body, "update").passed
    unread = {"name": "unread", "strength": "medium"}
    stopped = verdict_gate({**body, "signals": [unread], "next": "index --model m"}, "watch")
    assert not stopped.passed
    assert stopped.said.endswith("training gives it no new letters: index --model m")
    assert material_gate(100, 50, 30, 30).passed
    assert not material_gate(12, 0, 5, 30).passed
    assert not material_gate(100, 50, 30, 0).passed
    assert training_gate({"worse": None, "written": True, "out": "m"}).said == "wrote m"
    assert not training_gate({"worse": "it fell", "written": False, "out": "m"}).passed


def test_what_a_new_index_must_not_lose() -> None:
    assert switch_refusal([], ["a.pdf: damaged"], side(0.0)) is None
    assert switch_refusal(["d"], [], None) is None, "deleted, as by any run"
    said = switch_refusal(["d", "e"], ["a.pdf: damaged"], None)
    assert said is not None
    assert said.startswith("2 documents of the present index would be lost, such as d")
    assert "0.500 to 0.440" in (switch_refusal([], [], side(-0.06, 0.4)) or "")


def test_queries_to_judge_by_share_no_document_with_those_to_train_on() -> None:
    made = [MadeQuery(f"q{i}", f"t{i}", f"d{i % 20}", "p", "title") for i in range(60)]
    train, test = divide(made, 1)
    assert not {q.document for q in train} & {q.document for q in test}
    assert len(test) == 6
    assert len(train) == 42
    assert divide(made, 1) == (train, test)
