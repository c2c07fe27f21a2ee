"""What `train dual` learns of pictures with captions, by the amount of data: the table of docs/images.md.

    python -m tests.bench.images FOLDER [--shares 0.25,0.5,1] [--epochs N] [--work FOLDER]

FOLDER holds pairs.jsonl with a split. Shares are of the training groups; all are judged by the same held-out
pairs. `--work` keeps checkpoints, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from qembed.models import open_model
from qembed.pipeline.progress import Progress
from qembed.training.dual.fit import FitOptions, fit
from qembed.training.dual.pairs import load_pictures, read_pairs
from qembed.training.dual.split import split_pairs
from qembed.training.dual.towers import COMPACT, ImageSide, TextSide
from qembed.training.dual.verdict import judged, make_verdict
from qembed.training.model_folders import trainable_folder

HEAD = "| share of the groups | pairs | text to image R@10 | by chance | times chance | best epoch | CPU s |"


class Notes(Progress):
    """Progress that prints the end of each epoch."""

    def note(self, text: str) -> None:
        print(f"  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shares", default="0.25,0.5,1")
    parser.add_argument("--epochs", type=int, default=FitOptions().epochs)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    path = given.folder / "pairs.jsonl"
    pairs = read_pairs(path)
    model = open_model(given.model)
    first = ImageSide(COMPACT, given.size, model.dim, 0)
    pictures = load_pictures(path, pairs, first.steps, Progress())
    split = split_pairs(path, pairs, pictures, 0.2, 0)
    texts = TextSide([p.text for p in pairs], model, trainable_folder(given.model), None)
    groups = np.array(split.component)
    order = np.random.default_rng(0).permutation(np.unique(groups[split.train]))
    options = FitOptions(epochs=given.epochs)
    before = judged(first, texts, pictures, split)
    with tempfile.TemporaryDirectory() as made:
        work = given.work or Path(made)
        print(f"{HEAD}\n| --- | --- | --- | --- | --- | --- | --- |", flush=True)
        for share in map(float, given.shares.split(",")):
            kept = set(order[: round(share * len(order))].tolist())
            part = split._replace(train=[i for i in split.train if groups[i] in kept])
            images = ImageSide(COMPACT, given.size, model.dim, 0)
            began = time.process_time()
            digest = hashlib.sha256(repr((part.train, given.model, given.size)).encode())
            key = {"digest": digest.hexdigest(), **asdict(options)}
            place = work / f"share-{share:g}"
            done = fit(images, texts, pictures, part, options, key, place, Notes())
            spent = time.process_time() - began
            after = judged(images, texts, pictures, part)
            verdict = make_verdict(before, after, images, pictures, part, texts)
            new = verdict["new"]
            times, best = new["after"] / new["chance"], f"{done['best_epoch']} of {done['epochs']}"
            print(
                f"| {share:g} | {len(part.train)} | {new['after']:.3f} | {new['chance']:.4f} | "
                f"{times:.1f} | {best} | {spent:.0f} |",
                flush=True,
            )
    alike = verdict["images"]
    print(
        f"\n{new['queries']} texts, {new['pictures']} pictures. Before training R@10 {new['before']:.4f}; "
        f"gain {new['low']:+.3f} to {new['high']:+.3f}, p {new['p']:.5f}.\n"
        f"Nearest picture of the same group: {alike['nearest']:.3f}, by pixels {alike['pixels']:.3f}; gain "
        f"{alike['low']:+.3f} to {alike['high']:+.3f}, p {alike['p']:.5f}."
    )


if __name__ == "__main__":
    main()
