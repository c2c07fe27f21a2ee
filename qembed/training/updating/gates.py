"""Gates of an update: what a step must show for the next one to begin. Pure functions of its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qembed.evaluation.formats.source_file import counted

LEVELS = ("nothing", "watch", "confirm", "update")
LEAST_QUERIES = 20
"""Made queries of new documents, to train on and to judge by together, below which nothing is trained."""
LARGEST_LOSS = 0.05
"""Loss of a measure on old queries, or on judged ones, that stops an update, whatever its p."""
SURE = 0.05
UNREADABLE = ("medium", "large")
"""Strengths of the signal on unread words that call for another model."""


class Gate(NamedTuple):
    """Outcome of a step: its name, whether the next one may begin, and why, in words."""

    step: str
    passed: bool
    said: str

    def to_json(self) -> dict[str, Any]:
        """Fields as JSON values."""
        return self._asdict()


def verdict_gate(body: Mapping[str, Any], level: str) -> Gate:
    """Pass a verdict of drift that is `level` or stronger, if training can help."""
    said = f"{body['verdict']}: {body['reason']}"
    if LEVELS.index(body["verdict"]) < LEVELS.index(level):
        return Gate("verdict", False, said)
    if any(s["name"] == "unread" and s["strength"] in UNREADABLE for s in body["signals"]):
        return Gate("verdict", False, f"{said}; training gives it no new letters: {body['next']}")
    return Gate("verdict", True, said)


def material_gate(trained: int, replayed: int, new: int, old: int) -> Gate:
    """Pass if there is enough to train on and to judge by."""
    said = (
        f"{counted(trained, 'made query', 'made queries')} to train on, "
        f"{replayed:,} of them of old documents; "
        f"{new:,} new and {counted(old, 'old one')} to judge by"
    )
    return Gate("material", trained - replayed + new >= LEAST_QUERIES and new > 1 and old > 1, said)


def training_gate(body: Mapping[str, Any]) -> Gate:
    """Pass a training that wrote its model."""
    said = body["worse"] or f"wrote {body['out']}"
    return Gate("training", bool(body["written"]), said)


def judgment_gate(sides: Mapping[str, Mapping[str, Any]]) -> Gate:
    """Pass a model that is not worse on queries of new documents and has not forgotten the others.

    `sides`: differences by name: "new", "old", and "golden" where there are judged queries.
    """
    lost = [name for name, side in sides.items() if _is_lost(name, side)]
    said = "; ".join(
        f"{name}: {s['measure']} {s['before']:.3f} to {s['after']:.3f} (p {s['p']:.3f})"
        for name, s in sides.items()
    )
    if lost:
        said += f"; worse on {' and '.join(lost)}"
    return Gate("judgment", not lost, said)


def switch_refusal(
    lost: Sequence[str], failed: Sequence[object], golden: Mapping[str, Any] | None
) -> str | None:
    """Reason for which a new index does not take the place of the present one; None if it may.

    `lost`: documents that only the present one has; `failed`: inputs that could not be read, which may be
    why. `golden`: difference of both on judged queries.
    """
    if lost and failed:
        return (
            f"{len(lost):,} document{'s' * (len(lost) > 1)} of the present index would be lost, "
            f"such as {lost[0]}: inputs could not be read ({failed[0]})"
        )
    if golden is not None and _is_lost("golden", golden):
        return (
            f"judged queries on the whole new index: {golden['measure']} {golden['before']:.3f} to "
            f"{golden['after']:.3f} (p {golden['p']:.3f})"
        )
    return None


def _is_lost(name: str, side: Mapping[str, Any]) -> bool:
    if name == "new":
        return bool(side["gain"] < 0)
    return bool(side["gain"] <= -LARGEST_LOSS or (side["gain"] < 0 and side["p"] <= SURE))
