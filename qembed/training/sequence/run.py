"""`qembed train sequence`: from bare sequences to a model of them, if it learned anything."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.models import open_model
from qembed.models.profiles import Profile
from qembed.pipeline.progress import Progress
from qembed.sequences.alphabet import Alphabet
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.judging import compare_sides
from qembed.training.libraries import require_trainer
from qembed.training.model_folders import check_new
from qembed.training.sequence.augment import Augmentation, Viewer
from qembed.training.sequence.corpus import read_corpus
from qembed.training.sequence.judged import ViewJudge, held_out, not_better
from qembed.training.sequence.new_model import ModelSize, new_model
from qembed.training.sequence.stages import (
    Stages,
    train_stage,
    view_rows,
    window_rows,
)
from qembed.training.sequence.units import Units, check_units, make_tokenizer, parse_units
from qembed.training.trained_folder import Ended, checkpoints_folder, conclude
from qembed.training.training_loop import TrainingOptions


@dataclass(frozen=True, slots=True)
class SequenceJob:
    """Files and choices of a training.

    `units`: as of parse_units, None for those of `model`. `alphabet` None: that of the sequences. `model`: a
    trained model of sequences to begin with, None for a new one of `size`. `anyway`: write it also if it is
    no better than before.
    """

    corpus: Sequence[Path]
    out: Path
    units: str | None = None
    alphabet: str | None = None
    model: str | None = None
    size: ModelSize = field(default_factory=ModelSize)
    stages: Stages = field(default_factory=Stages)
    views: Augmentation = field(default_factory=Augmentation)
    held_out: float = 0.05
    anyway: bool = False

    @property
    def options(self) -> TrainingOptions:
        """Options of the last stage."""
        return self.stages.options([*self.stages.chosen().values()][-1])

    def check(self) -> Units | None:
        """Units of a new model. Raises UsageError for choices that exclude one another."""
        self.stages.check()
        self.size.check()
        self.views.check()
        if not 0 < self.held_out < 1:
            raise UsageError(f"--held-out {self.held_out}: above 0 and below 1")
        if (self.units is None) == (self.model is None):
            raise UsageError(
                "--units NAME makes a new model, --model SPEC goes on with one: one of them"
            )
        check_new(self.out)
        return None if self.units is None else parse_units(self.units)


def train_sequence(
    job: SequenceJob,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train, judge and write a model; returns the command's JSON.

    Raises UsageError, InputError, ModelUnavailable, StorageError, TrainingFailed, KeyboardInterrupt.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    require_trainer()
    units = job.check()
    progress.phase("read", "sequences", None)
    alphabet, texts = read_corpus(job.corpus, job.alphabet, warn)
    seed = job.stages.seed
    training, held = held_out(texts, job.held_out, seed)
    model, profile, base, revision = begin_model(job, units, alphabet, training)
    viewer = Viewer(alphabet, training, job.views)
    judge = ViewJudge(held, training, viewer, profile, seed)
    before = judge.side(model, "judge before", progress)
    work = checkpoints_folder(job.out)
    mark = time.perf_counter()
    done: dict[str, Any] = {}
    losses: dict[str, list[float]] = {}
    resumed = False
    for name, epochs in job.stages.chosen().items():
        if name == "views":
            rows = view_rows(training, viewer, epochs, seed)
        else:
            rows = window_rows(training, alphabet, job.views.longest)
        done = train_stage(model, name, rows, job.stages, work, progress)
        losses[name] = done["losses"]
        resumed = resumed or done["resumed"]
    seconds = {"train": round(time.perf_counter() - mark, 3)}
    after = judge.side(model, "judge after", progress)
    verdict = {
        "of": "sequences",
        "new": compare_sides(before, after, judge.queries),
        "seen": None,
        "kept": None,
        "proxy": True,
    }
    ended = Ended(
        command="sequence",
        base=base,
        revision=revision,
        trained=f"{len(training)} {alphabet.name} sequences",
        settings={
            "units": str(units) if units is not None else None,
            "alphabet": alphabet.name,
            "width": model.get_embedding_dimension(),
            "layers": model[0].auto_model.config.num_hidden_layers,
            "max_tokens": model.max_seq_length,
            "stages": {**asdict(job.stages), "losses": losses},
            "augmentation": asdict(job.views),
            "sequences": {
                "trained": len(training),
                "held_out": len(held),
                "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
            },
        },
        done={**done, "resumed": resumed},
        verdict=verdict,
        worse=not_better(verdict, before, after),
        files=[path for path in job.corpus if path.is_file()],
        profile=profile,
    )
    return conclude(model, job.out, job, ended, seconds, began, progress)


def begin_model(
    job: SequenceJob, units: Units | None, alphabet: Alphabet, texts: Sequence[str]
) -> tuple[Any, Profile, str, str]:
    """Model to train, its profile, and the name and revision of the one that it is made from."""
    if units is not None:
        check_units(units, alphabet)
        model = new_model(make_tokenizer(units, alphabet, texts), job.size, job.stages.seed)
        profile = Profile(
            f"{alphabet.name} sequences by {units}",
            pooling="mean",
            max_tokens=job.size.max_tokens,
            languages=(),
            alphabet=alphabet.name,
        )
        return model, profile, "random weights", "none"
    assert job.model is not None
    opened = open_model(job.model)
    if opened.profile.alphabet != alphabet.name:
        reads = f"{opened.profile.alphabet} sequences" if opened.profile.alphabet else "language"
        raise UsageError(f"--model {job.model} reads {reads}, the corpus is of {alphabet.name}")
    model, folder = load_trainable(job.model)
    model.max_seq_length = min(model.max_seq_length or job.size.max_tokens, job.size.max_tokens)
    return model, replace(opened.profile), job.model, folder.revision()
