"""End of a training: the command's JSON, and the model's folder with export and card, if it is written."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from qembed.models import prepare_spec
from qembed.models.profiles import Profile
from qembed.pipeline.progress import Progress
from qembed.training.card import write_card
from qembed.training.model_folders import (
    keep_bases,
    keep_profile,
    new_model_folder,
    record_profile,
)
from qembed.training.training_loop import TrainingOptions


class Job(Protocol):
    """Choices that all trainings have. `anyway`: write the model also if it is worse."""

    @property
    def held_out(self) -> float:
        """Share of the queries that the verdict is about."""
        ...

    @property
    def anyway(self) -> bool:
        """True if a worse model is written too."""
        ...

    @property
    def options(self) -> TrainingOptions:
        """Options of the training."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """A training that came to its end.

    `command`: of `qembed train`. `base`, `revision`: the model that it began with. `trained`: on what, in
    words. `settings`: those that other commands do not have. `done`: see run_training. `worse`: reason for
    which the model is not written, None if it is not worse. `files`: data named in the card. `profile`: of
    the model, where no other model's is taken over.
    """

    command: str
    base: str
    revision: str
    trained: str
    settings: Mapping[str, Any]
    done: Mapping[str, Any]
    verdict: Mapping[str, Any]
    worse: str | None
    files: Sequence[Path | None]
    profile: Profile | None = None


def checkpoints_folder(out: Path) -> Path:
    """Folder of the checkpoints of a training whose model goes to `out`."""
    return out.with_name(f"{out.name}.training")


def conclude(
    model: Any,
    out: Path,
    job: Job,
    ended: Ended,
    seconds: dict[str, float],
    began: float,
    progress: Progress,
) -> dict[str, Any]:
    """Write and export a model if it is not worse, or is to be written anyway; returns the command's JSON.

    The folder of checkpoints is removed. `seconds`: of the parts so far, completed here; `began`: the
    command's start, of `time.perf_counter`. Raises StorageError.
    """
    body: dict[str, Any] = {
        "schema": 1,
        "out": str(out),
        "written": not ended.worse or job.anyway,
        "worse": ended.worse,
        "settings": {
            "model": ended.base,
            "revision": ended.revision,
            "held_out": job.held_out,
            "trained": ended.trained,
            **asdict(job.options),
            **ended.settings,
            **ended.done,
        },
        "verdict": dict(ended.verdict),
        "seconds": seconds,
    }
    if body["written"]:
        with new_model_folder(out) as made:
            model.save_pretrained(str(made), create_model_card=False)
            if ended.command == "reranker":
                keep_bases([ended.base], made)
            elif ended.profile is not None:
                record_profile(ended.profile, [ended.base], made)
            else:
                keep_profile([ended.base], made, job.options.dims)
            write_card(made, out.name, body, [p for p in ended.files if p], ended.command)
        mark = time.perf_counter()
        progress.phase("export", "", None)
        _, said = prepare_spec(str(out), progress.say)
        progress.say(said)
        seconds["export"] = round(time.perf_counter() - mark, 3)
    shutil.rmtree(checkpoints_folder(out), ignore_errors=True)
    seconds["total"] = round(time.perf_counter() - began, 3)
    return body
