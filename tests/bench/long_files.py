"""One long file, streamed: peak memory and time of `qembed index` on JSON lines and plain text.

    python -m tests.bench.long_files            1024 MB of each, beside 64 MB: about 20 minutes on a core
    python -m tests.bench.long_files 200 20     other sizes, in MB

The encoder is one that costs nothing (`opening`), so that what is measured is reading, cutting, writing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench.cold import WORDS
from tests.bench.processes import Ran, run
from tests.bench.table import fact

SIZES = 1024, 64
RECORD = 4000
"""Characters of a record's text."""
USUAL = WORDS[8:20]
ROOT = Path(__file__).resolve().parents[2]


class Opening:
    """float32 (n, 32) from how often each of 32 groups of letters stands in a text's first 500 bytes."""

    name = "opening"
    dim = 32
    max_tokens = 4096
    version = "1"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        counts = [
            np.bincount(np.frombuffer(t[:500].encode()[:500] + b" ", np.uint8) % 32, minlength=32)
            for t in texts
        ]
        return np.stack(counts).astype(np.float32)


def opening() -> Opening:
    """The encoder, for `py:tests.bench.long_files:opening`."""
    return Opening()


def paragraphs(size: int, words: Sequence[str]) -> Iterator[str]:
    """Numbered paragraphs of about 1,000 characters, until there are `size` characters."""
    length = 1000 * len(words) // sum(len(w) + 1 for w in words)
    n = made = 0
    while made < size:
        line = " ".join(words[(n * 7 + i * i) % len(words)] for i in range(length))
        text = f"Paragraph {n}. {line}.\n\n"
        yield text
        made += len(text)
        n += 1


def write_text(path: Path, size: int, words: Sequence[str] = USUAL) -> None:
    """A plain text of about `size` bytes."""
    with path.open("w") as f:
        f.writelines(paragraphs(size, words))


def write_records(path: Path, size: int, words: Sequence[str] = USUAL) -> None:
    """JSON lines of about `size` bytes, a record of RECORD characters each."""
    with path.open("w") as f:
        text, n = "", 0
        for paragraph in paragraphs(size, words):
            text += paragraph
            if len(text) >= RECORD:
                f.write(json.dumps({"_id": f"r{n}", "text": text, "n": n}) + "\n")
                text, n = "", n + 1


WRITERS = {"records.jsonl": write_records, "text.txt": write_text}


def index(folder: Path, name: str, *args: str) -> Ran:
    """Indexes one file of the folder."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QEMBED_MODEL": "py:tests.bench.long_files:opening",
    }
    root = folder / f"{name}.qembed"
    command = [sys.executable, "-m", "qembed", "index", name, "--index", str(root)]
    return run([*command, "--max-tokens", "4096", "--format", "json", "-q", *args], env, folder)


def main(sizes: Sequence[int]) -> None:
    """Prints the figures of each kind and size."""
    for name, write in WRITERS.items():
        peaks = []
        for size in sizes:
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                write(folder / name, size * 10**6)
                done = index(folder, name)
                body = done.json
                took = ", ".join(f"{k} {v:.0f} s" for k, v in body["seconds"].items() if v >= 1)
                documents, passages = body["documents"]["added"], body["passages"]["total"]
                what = (
                    f"{documents:,} documents, {passages:,} passages, {body['generation']} commits"
                )
                fact(f"{name}, {size:,} MB", f"{done.mib:,.0f} MiB at the peak; {what}")
                fact("", took)
                again = index(folder, name)
                fact("  read again, nothing new", f"{again.mib:,.0f} MiB, {again.seconds:.0f} s")
                assert again.json["passages"]["encoded"] == 0
                peaks.append(done.mib)
        fact(f"{name}: largest less smallest", f"{max(peaks) - min(peaks):,.0f} MiB")


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or SIZES)
