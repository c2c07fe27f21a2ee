"""Simulated agents: what their tasks came to teaches an order for tasks that none of them had."""

from __future__ import annotations

import json
import random
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.cli.planted import TOPICS, index_planted, query_of, top

pytestmark = pytest.mark.slow

TRAINED = 42
RUNS = 10
SUCCESS = {"near": 0.9, "far": 0.15}
"""Chance that a task succeeds whose answer rests on the right and on the wrong document."""


def traces(false: float, seed: int) -> list[dict[str, Any]]:
    """Tasks of agents that read one hit or both. `false`: share that is said to have ended otherwise."""
    rng = random.Random(seed)
    found = []
    for task in range(RUNS * TRAINED):
        n = task % TRAINED
        read = ["far", "near"][: 1 + (rng.random() < 0.5)]
        cited = "near" if "near" in read and rng.random() < 0.9 else "far"
        success = (rng.random() < SUCCESS[cited]) is not (rng.random() < false)
        steps: list[dict[str, Any]] = [{"search": query_of(n), "hits": [f"far{n}", f"near{n}"]}]
        steps += [{"read": f"{kind}{n}"} for kind in read]
        steps += [] if success else [{"tool": "run_tests", "failed": True}]
        found.append(
            {
                "trace": f"t{task}",
                "client": f"agent{task % 9}",
                "time": 1_700_000_000 + 60 * task,
                "outcome": "success" if success else "failure",
                "steps": [*steps, {"cite": [f"{cited}{n}"]}],
            }
        )
    return found


def expected_success(shell: Shell, *args: str) -> float:
    """Mean chance of success of agents that use the first hit, over topics that no agent had."""
    first = [top(shell, query_of(n), *args)[0] for n in range(TRAINED, TOPICS)]
    return mean(SUCCESS["near" if d.startswith("near") else "far"] for d in first)


def learn(folder: Path, false: float, seed: int) -> tuple[int, float]:
    """(exit code of learning from the agents of a seed, expected success with what is then stored)."""
    folder.mkdir()
    shell = Shell(folder)
    index_planted(shell)
    shell.write("traces.jsonl", "\n".join(map(json.dumps, traces(false, seed))))
    assert shell("feedback", "agent", "traces.jsonl").code == 0
    assert expected_success(shell) == pytest.approx(SUCCESS["far"])
    done = shell("feedback", "learn", "--client-kind", "agent", "--format", "json")
    assert done.code in (0, 3), done.err
    assert done.json["written"] is (done.code == 0)
    order = ("--rerank", "learned") if done.code == 0 else ()
    return done.code, expected_success(shell, *order)


def test_success_on_other_tasks_rises(tmp_path: Path) -> None:
    code, success = learn(tmp_path / "work", 0.0, 1)
    assert code == 0
    assert success > SUCCESS["near"] - 0.2


def test_a_fifth_of_false_labels_does_not_turn_it_round(tmp_path: Path) -> None:
    found = [learn(tmp_path / str(seed), 0.2, seed) for seed in range(1, 6)]
    stored = [success for code, success in found if code == 0]
    assert len(stored) >= 3, "a refusal is no harm, but most logs tell enough"
    assert min(stored) > SUCCESS["far"] + 0.5
