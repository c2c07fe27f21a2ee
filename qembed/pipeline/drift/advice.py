"""Command that a verdict's next step stands for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ENGLISH_ONLY = ("minilm", "bge-small")
"""Built-in models that read Latin script alone."""
MULTILINGUAL = "multilingual"


@dataclass(frozen=True, slots=True)
class Advice:
    """Parts of commands. `again`: this comparison's own options; `golden`: judged queries, if any."""

    index: Path
    spec: str
    again: Sequence[str]
    golden: tuple[Path, Path] | None = None


def next_command(step: str, advice: Advice, scripts: Sequence[str] = ()) -> str:
    """Command for a step of `qembed.drift.verdict.NEXT`. `scripts`: that the model cannot read."""
    index = ["--index", str(advice.index)]
    judged: list[str] = []
    if advice.golden is not None:
        judged = ["--queries", str(advice.golden[0]), "--qrels", str(advice.golden[1])]
    commands = {
        "nothing": ["drift", *index, *advice.again],
        "wait": ["drift", *index, *advice.again],
        "eval": ["eval", *index, *judged],
        "make-judgments": ["eval", "init", *index],
        "adapt": _adapt(index, advice),
        "train": ["train", "encoder", *index, *judged, "--out", "trained"],
        "other-model": ["index", *index, "--rebuild", "--model", _other(advice.spec, scripts)],
        "retrain": ["train", "adapt", *index, "--objective", "tsdae", "--out", "adapted"],
    }
    return shlex.join(["qembed", *commands[step]])


def _adapt(index: Sequence[str], advice: Advice) -> list[str]:
    """Update of the model with replay where what is new is in the index, else training on the corpus."""
    if "--new" in advice.again or "--against" in advice.again:
        return ["train", "adapt", *index, "--generate", "corpus", "--out", "adapted"]
    again = [w for w in advice.again if w not in ("--history", "--made-queries")]
    return ["update-model", *index, *again, "--out", "adapted"]


def _other(spec: str, scripts: Sequence[str]) -> str:
    """Model to try instead of one: one that reads the scripts, else the other one for English."""
    if scripts or spec not in ENGLISH_ONLY:
        return MULTILINGUAL
    return next(s for s in ENGLISH_ONLY if s != spec)
