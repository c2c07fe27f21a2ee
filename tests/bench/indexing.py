"""`qembed index`, whole process with a prepared model, against a plain sentence-transformers script (load,
encode, numpy save) and against the bare encoder on the same passages in the same batching.

Wanted: 1.0 of the script and 1.05 of the encoder on 2,000 passages of mixed length, .6 of the script on
200; at most 600 MiB, and no more on 20,000 passages than on 2,000. It takes 13 minutes.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from pathlib import Path

from qembed.models.builtin.source import builtin_folder
from tests.bench.cold import WORDS
from tests.bench.processes import in_turn, mib, ratio, run, seconds
from tests.bench.table import fact, row

ROUNDS = 5
PLAIN = f"""
import json, sys
import numpy as np
from sentence_transformers import SentenceTransformer
with open(sys.argv[1]) as f:
    texts = [json.loads(line)["text"] for line in f]
model = SentenceTransformer({str(builtin_folder("minilm"))!r}, device="cpu", local_files_only=True)
np.save(sys.argv[2], model.encode(texts, normalize_embeddings=True))
"""
BARE = """
import json, sys
from qembed.models import open_model
from qembed.pipeline.indexing.encoding.vectorizer import TEXTS_PER_CALL
with open(sys.argv[1]) as f:
    texts = [json.loads(line)["text"] for line in f]
encoder = open_model("minilm", device="cpu").encoder()
texts.sort(key=len, reverse=True)
for at in range(0, len(texts), TEXTS_PER_CALL):
    encoder.encode(texts[at:at + TEXTS_PER_CALL])
"""


def corpus(path: Path, n: int, longest: int) -> None:
    """n distinct texts, most of them short, some up to `longest` words."""
    draw = random.Random(n)
    with path.open("w") as f:
        for i in range(n):
            words = 3 + int((longest - 3) * draw.random() ** 2)
            f.write(
                json.dumps(
                    {"_id": str(i), "text": f"{i} " + " ".join(draw.choices(WORDS, k=words))}
                )
            )
            f.write("\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        os.environ["QEMBED_CACHE"] = str(top / "cache")
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
        qembed = [sys.executable, "-m", "qembed"]
        run([*qembed, "models", "prepare", "minilm"], env)

        def ours(path: Path) -> list[str]:
            script = (
                "import shutil, sys; shutil.rmtree(sys.argv[2], ignore_errors=True); "
                "sys.argv = ['qembed', 'index', sys.argv[1], '--index', sys.argv[2], '-v', '--chunker', "
                "'none']; from qembed.__main__ import main; main()"
            )
            return [sys.executable, "-c", script, str(path), str(top / ".qembed")]

        for n in (200, 2000):
            path = top / f"{n}.jsonl"
            corpus(path, n, 160)
            plain = [sys.executable, "-c", PLAIN, str(path), str(top / "vectors.npy")]
            bare = [sys.executable, "-c", BARE, str(path)]
            a, b, c = in_turn([ours(path), plain, bare], env, ROUNDS)
            name = f"index of {n:,} passages ({ROUNDS} rounds)"
            row(name, seconds(a), seconds(b), ratio(a, b), "plain sentence-transformers")
            row(name, seconds(a), seconds(c), ratio(a, c), "the bare encoder, same batching")
            fact("peak memory", f"{mib(a):.0f} MiB, plain {mib(b):.0f} MiB, bare {mib(c):.0f} MiB")
            fact(
                "where the time goes (-v)",
                a[-1].err.strip().splitlines()[-1].removeprefix("qembed: "),
            )
        for n in (2000, 20000):  # short texts: what grows is the number of passages
            path = top / f"short-{n}.jsonl"
            corpus(path, n, 20)
            once = run(ours(path), env)
            fact(
                f"index of {n:,} short passages (once)", f"{once.seconds:.1f} s, {once.mib:.0f} MiB"
            )


if __name__ == "__main__":
    main()
