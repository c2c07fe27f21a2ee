"""Training of an encoder against a plain sentence-transformers script of the same rows and as many steps.

    python -m tests.bench.train [ROWS]

Wanted: 1.3 times as fast, at most .8 of its peak memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from qembed.models.builtin.source import builtin_folder
from tests.bench.cold import WORDS
from tests.bench.processes import in_turn, mib
from tests.bench.table import fact, row

ROWS = 96
ROUNDS = 3
BATCH = 16

OURS = """
import json, sys, tempfile, time
from pathlib import Path
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.examples import Row
from qembed.training.encoder.losses import LOSSES
from qembed.training.encoder.trainer import TrainingOptions, train
model, _ = load_trainable("minilm")
rows = [
    Row(tuple(t), frozenset([f"p{i}", f"n{i}"]), frozenset([f"p{i}"]))
    for i, t in enumerate(json.loads(Path(sys.argv[1]).read_text()))
]
began = time.perf_counter()
work = Path(tempfile.mkdtemp(dir=sys.argv[2]))
train(model, LOSSES["mnr"], rows, (), TrainingOptions(epochs=1, batch=int(sys.argv[3])), work)
print(time.perf_counter() - began)
"""
PLAIN = """
import json, sys, tempfile, time
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
model = SentenceTransformer(sys.argv[4], device="cpu", local_files_only=True)
rows = json.load(open(sys.argv[1]))
data = Dataset.from_dict({name: [r[i] for r in rows] for i, name in enumerate("abc")})
began = time.perf_counter()
SentenceTransformerTrainer(
    model=model,
    args=SentenceTransformerTrainingArguments(
        output_dir=tempfile.mkdtemp(dir=sys.argv[2]), num_train_epochs=1,
        per_device_train_batch_size=int(sys.argv[3]),
        batch_sampler="no_duplicates", warmup_steps=.1, learning_rate=2e-5, report_to="none",
        disable_tqdm=True, dataloader_pin_memory=False,
    ),
    train_dataset=data,
    loss=MultipleNegativesRankingLoss(model),
).train()
sys.stdout = sys.__stdout__
print(time.perf_counter() - began)
"""


def texts(rows: int, seed: int = 0) -> list[tuple[str, str, str]]:
    """Rows of a query of a dozen words and two passages as long as abstracts are: 40 to 400 words."""
    rng = np.random.default_rng(seed)

    def words(n: int) -> str:
        return " ".join(rng.choice(WORDS, n).tolist())

    lengths = np.clip(rng.lognormal(4.9, 0.5, size=(rows, 2)), 40, 400).astype(int)
    return [(words(12), words(a), words(b)) for a, b in lengths.tolist()]


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "rows.json"
        data.write_text(json.dumps(texts(rows)))
        common = [str(data), work, str(BATCH)]
        plain = [sys.executable, "-c", PLAIN, *common, str(builtin_folder("minilm"))]
        ours, other = in_turn([[sys.executable, "-c", OURS, *common], plain], env, ROUNDS)
    took = [[float(r.out.split()[-1]) for r in runs] for runs in (ours, other)]
    ratios = sorted(a / b for a, b in zip(*took, strict=True))
    cpu = sorted(a.cpu / b.cpu for a, b in zip(ours, other, strict=True))
    row(
        f"training of {rows} rows of three texts",
        sorted(took[0])[ROUNDS // 2],
        sorted(took[1])[ROUNDS // 2],
        ratios[ROUNDS // 2],
        "a plain script",
    )
    fact("CPU of the whole processes", f"ratio {cpu[ROUNDS // 2]:.3f}")
    fact("peak memory", f"{mib(ours):,.0f} MiB, {mib(other):,.0f}: {mib(ours) / mib(other):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
