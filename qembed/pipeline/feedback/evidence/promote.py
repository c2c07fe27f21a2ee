"""A setting that won an experiment as the defaults of an index, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import InputError
from qembed.feedback.experiments import Experiment
from qembed.feedback.learning.model import read_model
from qembed.feedback.preferences import PreferenceOptions
from qembed.pipeline.feedback.evidence.log_experiments import log_experiments
from qembed.pipeline.feedback.whole_log import WholeLog, read_log
from qembed.pipeline.retrieval.interleaving.attempt import try_setting
from qembed.pipeline.retrieval.interleaving.setting import Setting, parse_setting
from qembed.pipeline.retrieval.options import QueryOptions, with_tuned
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.tuned_setting import (
    LOCK_WAIT,
    apply_choice,
    changed_options,
    take_back,
)

SIDES = ("A", "B")


@dataclass(frozen=True, slots=True)
class Evidence:
    """An experiment and the side that a setting had in it: "a" or "b"."""

    experiment: Experiment
    side: str

    def wins(self) -> tuple[int, int]:
        """Sessions that the setting won and lost."""
        c = self.experiment.comparison
        return (c.a, c.b) if self.side == "a" else (c.b, c.a)

    def refusal(self, alpha: float) -> str | None:
        """Reason for which it shows nothing in favour of the setting, None if it does."""
        won, lost = self.wins()
        names = self.experiment.a, self.experiment.b
        other = names[1] if self.side == "a" else names[0]
        p = self.experiment.comparison.anytime_p
        told = (
            f"against {other} it won {won:,} sessions and lost {lost:,} (p {p:.3f} for many looks)"
        )
        if won <= lost or p > alpha:
            return told
        return None


def promote(
    root: Path, what: str, options: PreferenceOptions, anyway: bool = False, wait: float = LOCK_WAIT
) -> dict[str, Any]:
    """Make a setting the defaults of the index at `root`, if the latest experiment with it shows a win.

    `rerank=learned` needs no experiment if `learn_order` found it better beyond chance. `what`: "A" or "B" of
    the latest experiment, or a setting as text. `anyway`: also without evidence. Returns the command's JSON.
    Raises UsageError, InputError, NoIndex, IndexDamaged, IndexLocked, StorageError, and ModelUnavailable for
    a reranker that is not there.
    """
    log = read_log(root, empty=True)
    setting, evidence = _evidence(log, what, options)
    learned = _learned(root) if setting.values == {"rerank": "learned"} else None
    if evidence is not None:
        why = evidence.refusal(options.alpha)
    elif learned is not None:
        why = None if learned.get("better") else "what was learned is no better beyond chance"
    else:
        why = f"no experiment of the log has {setting.name} (qembed serve --ab)"
    body: dict[str, Any] = {
        "schema": 1,
        "setting": setting.name,
        "promoted": False,
        "why": why,
        "experiment": None if evidence is None else evidence.experiment.to_json(),
        "learned": learned,
    }
    if why is not None and not anyway:
        return body
    with Session(root) as session:
        manifest = session.snapshot.manifest
        chosen = try_setting(session, setting)
    present = with_tuned(QueryOptions(given=()), manifest.tuned)[0]
    changed = changed_options(chosen)
    if changed == changed_options(present):
        return {**body, "why": "the index answers by it already", "options": changed}
    applied = apply_choice(
        root,
        (manifest.uid, manifest.generation),
        changed,
        {"experiment": body["experiment"], "learned": learned},
        {"log": {"queries": len(log.queries), "events": len(log.events)}},
        wait,
        earlier=manifest.tuned or {},
    )
    if not applied:
        return {**body, "why": "the index was rebuilt meanwhile"}
    return {**body, "promoted": True, "options": changed}


def _learned(root: Path) -> Mapping[str, Any] | None:
    """Origin and gain of the learned order of an index, None without one."""
    try:
        model = read_model(root)
    except OSError:
        return None
    return None if model is None else model.learned


def undo(root: Path, wait: float = LOCK_WAIT) -> Mapping[str, Any] | None:
    """Take the last promotion back, to what `tune` or an earlier promotion had chosen.

    Returns what was taken back, None if there is none. Raises NoIndex, IndexLocked, StorageError.
    """
    return take_back(root, wait, promoted=True)


def _evidence(
    log: WholeLog, what: str, options: PreferenceOptions
) -> tuple[Setting, Evidence | None]:
    """A setting, and the latest experiment that has it. Raises UsageError, InputError."""
    experiments = log_experiments(log, options)
    if what in SIDES:
        if not experiments:
            raise InputError(
                "the log has no experiment: qembed serve --ab begins one, or give a setting"
            )
        experiment = experiments[0]
        side = what.lower()
        name = experiment.a if side == "a" else experiment.b
        return parse_setting(name, f"{what} of the latest experiment"), Evidence(experiment, side)
    setting = parse_setting(what)
    for experiment in experiments:
        for side, name in (("a", experiment.a), ("b", experiment.b)):
            if name == setting.name:
                return setting, Evidence(experiment, side)
    return setting, None
