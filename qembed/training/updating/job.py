"""Choices of an update of an index's model, and the judged queries that come with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qembed.errors import InputError, QembedError, UsageError
from qembed.inputs import is_there
from qembed.outputs import check_outputs
from qembed.pipeline.drift.sides import DEFAULT_SINCE, DriftOptions
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.training.model_folders import check_new
from qembed.training.training_loop import TrainingOptions
from qembed.types import Qrels, Query

Warn = Callable[[str], None]
Judged = tuple[Sequence[Query], Qrels]
"""Queries that have judgments, and these."""


@dataclass(frozen=True, slots=True)
class UpdateJob:
    """Choices of an update.

    `out`: folder of the new model. `level`: verdict from which on it begins; None: whatever the verdict.
    `golden`: files of judged queries that must not get worse; `judged`: files of those to train on, instead
    of queries made of new documents. `replay`: share of queries of old documents in the training. `merge`:
    share of the trained model in what is taken; 1 for all of it. `rebuild` False: stop before the index is
    made anew; `wait`: seconds to wait for another writer then.
    """

    root: Path
    out: Path
    since: str | None = None
    time_field: str | None = None
    golden: tuple[Path, Path] | None = None
    judged: tuple[Path, Path] | None = None
    level: str | None = "confirm"
    replay: float = 0.5
    merge: float = 1.0
    most: int = 2_000
    rebuild: bool = True
    wait: float = 600.0
    options: TrainingOptions = field(default_factory=TrainingOptions)

    def check(self, warn: Warn) -> Judged | None:
        """The golden queries, None without any. Raises UsageError for choices that make no sense,
        StorageError for files that cannot be written, InputError for judged queries that cannot be read.
        """
        self.options.check()
        if not 0 <= self.replay < 1:
            raise UsageError(f"--replay {self.replay:g}: at least 0 and below 1")
        if not 0 < self.merge <= 1:
            raise UsageError(f"--merge {self.merge:g}: above 0, at most 1")
        if self.most < 1:
            raise UsageError(f"--most {self.most}: at least 1")
        if not (self.state.is_file() and self.out.is_dir()):
            for folder in dict.fromkeys((self.out, self.trained)):
                check_new(folder)
        if self.golden and self.judged and self.golden[1].absolute() == self.judged[1].absolute():
            raise UsageError(
                "--golden and --judged are one file: a model is not judged by what it learned"
            )
        golden = _read("--golden", self.golden, warn)
        _read("--judged", self.judged, lambda _: None)
        self.out.absolute().parent.mkdir(parents=True, exist_ok=True)
        check_outputs([self.made, self.replayed, self.state])
        return golden

    @property
    def made(self) -> Path:
        """File of the made queries that were trained on."""
        return self.out.with_name(f"{self.out.name}.made.jsonl")

    @property
    def state(self) -> Path:
        """File by which the same command finds the model that a stopped one has trained."""
        return self.out.with_name(f"{self.out.name}.update.json")

    @property
    def replayed(self) -> Path:
        """File of the lists of made queries that are replayed beside judged ones."""
        return self.out.with_name(f"{self.out.name}.replay.jsonl")

    @property
    def trained(self) -> Path:
        """Folder of the trained model, before it is merged."""
        return self.out if self.merge == 1 else self.out.with_name(f"{self.out.name}.trained")

    @property
    def drift(self) -> DriftOptions:
        """Options of the check that begins it."""
        return DriftOptions(
            since=self.since or DEFAULT_SINCE, time_field=self.time_field, golden=self.golden
        )


def _read(option: str, files: tuple[Path, Path] | None, warn: Warn) -> Judged | None:
    if files is None:
        return None
    gone = [f"{path}: no such file" for path in files if not is_there(path)]
    if gone:
        raise InputError(f"{option}:", gone)
    try:
        given = read_inputs(*files, None, "test", needs_words=True, warn=warn)
    except QembedError as e:
        raise InputError(f"{option}: {e}") from e
    judged = [q for q in given.queries if given.qrels.get(q.id)]
    if not judged:
        raise InputError(f"{option}: no query has judgments")
    return judged, given.qrels
