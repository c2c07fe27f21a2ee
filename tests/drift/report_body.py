"""A drift report as JSON values, with hostile texts, for the tests of pages and Markdown."""

from __future__ import annotations

from typing import Any

HOSTILE = "<script>document.title='owned'</script>|`x`"


def drift_body() -> dict[str, Any]:
    """Report with every kind of signal, a map and a time line of three checks."""

    def signal(name: str, strength: str, evidence: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "name": name,
            "kind": "words",
            "effect": 0.2,
            "p": 0.001,
            "adjusted_p": 0.007 if strength != "none" else 0.4,
            "alarm": strength != "none",
            "strength": strength,
            "said": f"{name} said {HOSTILE}",
            "evidence": evidence,
        }

    subject = {
        "kind": "new",
        "share": 0.2,
        "before": 0.0,
        "documents": 30,
        "sampled": 30,
        "since": "2026-03-01",
        "words": ["quantum", HOSTILE],
        "passages": [{"document": "a.md", "text": HOSTILE}],
    }
    check = {
        "time": 1_790_000_000.0,
        "generation": 3,
        "what": "since 30d",
        "verdict": "confirm",
        "reason": "a subject",
        "enough": True,
        "new": {"documents": 150, "passages": 180},
        "signals": {"subjects": {"effect": 0.2, "p": 0.007, "strength": "medium"}},
    }
    side = {
        "documents": 1000,
        "passages": 1200,
        "sampled_documents": 900,
        "from": "2025-01-01",
        "until": "2026-01-01",
    }
    script = {"script": "Han", "share": 0.2, "before": 0.0, "unread": 0.6}
    return {
        "schema": 1,
        "verdict": "confirm",
        "reason": f"because of {HOSTILE}",
        "next": "qembed eval init",
        "enough": True,
        "step": "make-judgments",
        "index": "/index",
        "provenance": {
            "date": "2026-11-30T10:20:30Z",
            "commit": "ab12" * 10,
            "dirty": True,
            "index": "ix",
            "generation": 3,
            "version": "0",
        },
        "generation": 3,
        "model": "minilm",
        "recipe": "00",
        "what": "since 30d",
        "time": 1_790_000_000.0,
        "old": side,
        "new": {**side, "documents": 150},
        "signals": [
            signal("unread", "large", [script, {"word": HOSTILE, "count": 4}]),
            signal("terms", "none", [{"term": "x", "share": 0.1, "before": 0.0, "g2": 3.0}]),
            signal("subjects", "medium", [subject]),
            signal(
                "golden", "small", [{"query": "q1", "text": HOSTILE, "before": 1.0, "now": 0.2}]
            ),
        ],
        "golden": {"measure": "nDCG@10", "queries": 50, "mean": 0.6, "before": 0.65},
        "map": {"old": [[0.1, -0.2]], "new": [[0.5, 0.5], [1.0, 1.0]], "subject": [-1, 0]},
        "history": [
            {**check, "verdict": "nothing", "enough": False, "signals": {}},
            {**check, "verdict": "watch"},
            check,
        ],
        "warnings": [f"doubt about {HOSTILE}"],
        "seconds": {"total": 1.0},
    }
