"""Reading and cutting beside encoding, on one core; and real trees, with what was left out and why.

    python -m tests.bench.reading [FOLDER ...]       default: the standard library's sources, /usr/share/doc

Encoding is the built-in model's on a sample of the same passages, its rate taken for all of them.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

from tests.bench.table import fact

SAMPLE = 200
SECONDS = 60.0
"""Of a folder; then it is enough."""


def main(folders: list[str]) -> None:
    """Prints rates and a ratio for each folder."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from qembed.corpus import Chunker, ReadOptions, read, walk
    from qembed.models import open_model, prepare_model
    from qembed.types import Skipped, Unreadable

    model = open_model("minilm")
    prepare_model(model, lambda _: None, lambda: False)
    encoder = model.encoder()
    for folder in folders:
        chunker = Chunker(
            kind="auto", max_tokens=model.max_tokens, overlap=0, tokenizer=model.tokenizer()
        )
        left: Counter[str] = Counter()
        texts: list[str] = []
        files = failed = size = 0
        began = time.process_time()
        for file in walk(Path(folder), on_skip=lambda _, why, left=left: left.update([why])):
            if isinstance(file, Unreadable):
                failed += 1
                continue
            files += 1
            for item in read(file, ReadOptions()):
                if isinstance(item, Skipped):
                    left[item.error] += 1
                elif isinstance(item, Unreadable):
                    failed += 1
                else:
                    size += len(item.text)
                    texts += [p.text for p in chunker.split(item)]
            if time.process_time() - began > SECONDS:
                break
        took = time.process_time() - began
        some = texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE]
        began = time.process_time()
        encoder.encode(some)
        encoding = (time.process_time() - began) / len(some) * len(texts)
        fact(folder, f"{files:,} files, {failed} failed, {size / 1e6:.1f} million characters")
        fact("  left out", ", ".join(f"{n:,} × {why}" for why, n in left.most_common(6)) or "none")
        fact("  read and cut", f"{took:.1f} s, {len(texts) / took:,.0f} passages/s of one core")
        fact("  encoding", f"{encoding:.0f} s of one core: ratio {encoding / took:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:] or [sysconfig.get_path("stdlib"), "/usr/share/doc"])
