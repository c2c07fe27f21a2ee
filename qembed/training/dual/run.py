"""`qembed train dual`: from pictures and captions to a model of both, written if it has learned something."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation.formats.source_file import counted
from qembed.models import open_model
from qembed.models.environment import version
from qembed.pipeline.progress import Progress
from qembed.training.checkpoints import make_key, weights_digest
from qembed.training.dual.fit import FitOptions, fit
from qembed.training.dual.pairs import Pictures, load_pictures, read_pairs
from qembed.training.dual.split import split_pairs
from qembed.training.dual.towers import COMPACT, ImageSide, TextSide, TrainedPair
from qembed.training.dual.verdict import judged, make_verdict, nothing_learned
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.model_folders import check_new, trainable_folder
from qembed.training.trained_folder import Ended, checkpoints_folder, conclude
from qembed.training.training_loop import TrainingOptions


@dataclass(frozen=True, slots=True)
class DualJob:
    """Files and choices of a training.

    `model`: of texts. `tower`: of pictures, `compact`, `torchvision:NAME` or a folder. `train_text`: the
    model of texts learns too. `size`: pixels of a side, for a tower without a size of its own.
    """

    pairs: Path
    out: Path
    model: str = "minilm"
    tower: str = COMPACT
    train_text: bool = False
    size: int = 48
    held_out: float = 0.2
    anyway: bool = False
    fit: FitOptions = field(default_factory=FitOptions)

    @property
    def options(self) -> TrainingOptions:
        """Options that all trainings have."""
        return TrainingOptions(
            loss="contrastive",
            epochs=self.fit.epochs,
            batch=self.fit.batch,
            learning_rate=self.fit.learning_rate,
            patience=self.fit.patience,
            seed=self.fit.seed,
        )

    def check(self) -> None:
        """Raise UsageError for choices out of range."""
        self.options.check()
        if self.fit.patience < 1:
            raise UsageError(f"--patience {self.fit.patience}: at least 1")
        if not 16 <= self.size <= 512:
            raise UsageError(f"--size {self.size}: 16 to 512")
        if version("pillow") is None:
            raise UsageError("pictures need Pillow (pip install 'qembed-search[images]')")
        check_new(self.out)


def train_dual(job: DualJob, progress: Progress | None = None) -> dict[str, Any]:
    """Train, judge and write a pair of towers; returns the command's JSON.

    Raises UsageError, InputError, ModelUnavailable, StorageError, TrainingFailed, KeyboardInterrupt.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    job.check()
    pairs = read_pairs(job.pairs)
    import torch  # ends the process where the current folder was removed

    folder = trainable_folder(job.model)
    opened = open_model(job.model)
    images = ImageSide(job.tower, job.size, opened.dim, job.fit.seed)
    pictures = load_pictures(job.pairs, pairs, images.steps, progress)
    split = split_pairs(job.pairs, pairs, pictures, job.held_out, job.fit.seed)
    seconds = {"read": round(time.perf_counter() - began, 3)}
    trained = load_trainable(job.model)[0] if job.train_text else None
    progress.phase(f"encode the texts by {opened.name}", "", None)
    texts = TextSide([p.text for p in pairs], opened, folder, trained)
    threads = torch.get_num_threads()
    if job.tower == COMPACT and not job.train_text:
        torch.set_num_threads(1)  # convolutions so small that a second thread waits, at full load
    try:
        before = judged(images, texts, pictures, split)
        mark = time.perf_counter()
        key = _key(job, pairs, pictures, images)
        work = checkpoints_folder(job.out)
        done = fit(images, texts, pictures, split, job.fit, key, work, progress)
        seconds["train"] = round(time.perf_counter() - mark, 3)
        progress.phase("judge", "", None)
        after = judged(images, texts, pictures, split)
    finally:
        torch.set_num_threads(threads)
    verdict = make_verdict(before, after, images, pictures, split, texts)
    ended = Ended(
        command="dual",
        base=job.model,
        revision=folder.revision(),
        trained=f"{counted(len(split.train), 'pair')}, {len(split.dev)} to stop by",
        settings={
            "image_tower": job.tower,
            "size": job.size,
            "image_recipe": images.steps.recipe,
            "train_text": job.train_text,
            "pairs": {part: len(getattr(split, part)) for part in ("train", "dev", "test")},
        },
        done=done,
        verdict=verdict,
        worse=nothing_learned(verdict["new"]),
        files=[job.pairs],
    )
    return conclude(TrainedPair(images, texts), job.out, job, ended, seconds, began, progress)


def _key(job: DualJob, pairs: Any, pictures: Pictures, images: ImageSide) -> dict[str, Any]:
    """Identity of a training: what is trained on, and the weights that it begins with."""
    data = hashlib.blake2b(digest_size=16)
    for pair, row in zip(pairs, pictures.rows.tolist(), strict=True):
        data.update(repr((pair.text, pair.group, pair.part, pictures.digests[row])).encode())
    chosen = {"model": job.model, "held_out": job.held_out, "train_text": job.train_text}
    chosen |= {"steps": images.steps.recipe, **asdict(job.fit)}
    return make_key(chosen, data.hexdigest(), weights_digest(images.tower.state_dict()))
