"""A tuning as `qembed tune --format json` prints it, with texts that try to be more than text."""

from __future__ import annotations

from typing import Any

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def tuning_body(queries: int = 24) -> dict[str, Any]:
    gain = {
        "mean": 0.031,
        "low": 0.004,
        "high": 0.06,
        "p": 0.03,
        "queries": queries,
        "components": 20,
    }
    arms = [({}, "defaults", 0.5), ({"mode": "dense"}, "mode dense", 0.47)]
    arms += [({"task": HOSTILE}, f"task {HOSTILE}", 0.53)]
    arms += [
        ({"mode": "hybrid", "n": i}, f"mode hybrid, even {i}", 0.4 + i / 1000) for i in range(20)
    ]
    return {
        "schema": 1,
        "chosen": {"task": HOSTILE},
        "description": f"task {HOSTILE}",
        "better": True,
        "applied": True,
        "gain": {"measure": "nDCG@10", "new": gain, "seen": None},
        "measures": {"before": {"nDCG@10": 0.5}, "after": {"nDCG@10": 0.53}},
        "steps": [
            {"stage": "start", "tried": 1, "settings": {}, "mean": 0.5},
            {"stage": "instruction", "tried": 9, "settings": {"task": HOSTILE}, "mean": 0.53},
        ],
        "arms": [
            {"settings": settings, "description": description, "measures": {"nDCG@10": value}}
            for settings, description, value in arms
        ],
        "folds": [[f"q{i}" for i in range(n, queries, 4)] for n in range(4)],
        "fold_choices": [{"task": HOSTILE}, {"task": HOSTILE}, {}, {"task": HOSTILE}],
        "per_query": {
            f"q{i}": {
                "query": HOSTILE if i == 0 else f"words number {i}",
                "before": 0.5,
                "after": (0.2, 0.5, 0.9)[i % 3],
            }
            for i in range(queries)
        },
        "provenance": {"date": "2026-11-30T10:20:30Z", "index": "ix", "generation": 3},
        "recipe": {"model": "minilm", "revision": "0123456789abcdef", "dim": 384},
        "warnings": ["a model without instructions"],
        "seconds": {},
    }
