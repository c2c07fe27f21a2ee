"""Mutated files through every reader: no crash, no hang, no runaway memory, every refusal with a reason.

python -m tests.corpus.fuzz 5000 [SEED]     the long run; the suite has a short one
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from qembed.corpus import ReadOptions, read
from qembed.types import Document, SourceFile, Unreadable
from tests.corpus.samples import Sample, samples

SECONDS = 10.0
"""For one file, on a machine with other things to do."""
MEMORY = 512 * 1024**2
"""Growth of this process over a whole run, bytes."""
TOKENS = [
    *[
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\\ud800",
        b'"',
        b"[" * 3000,
        b"<a><b>" * 500,
        b"{" * 2000,
    ],
    *[
        b"\r",
        b"\n\n",
        b"---\n",
        b"9" * 5000,
        b"\x1b]0;x\x07",
        b"&a;" * 50,
        b"`" * 300,
        b"-->",
        b"1e999",
    ],
    *[
        b"%PDF",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b" | " * 99,
        b"<!--",
        b"=" * 80 + b"\n",
        b"NaN",
        b"../../x",
    ],
]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A few changes, small and large."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(6):
            case 0 if found:
                found[at % len(found)] = rng.randrange(256)
            case 1:
                found[at : at + rng.randrange(1, 64)] = b""
            case 2:
                found[at:at] = rng.choice(TOKENS)
            case 3:
                del found[at:]
            case 4:
                found[at:at] = found[at : at + rng.randrange(1, 512)]
            case _:
                found[at : at + 4] = rng.randbytes(4)
    return bytes(found)


def check(sample: Sample, data: bytes, folder: Path) -> str:
    """What became of a file. Raises AssertionError, or whatever a reader should have caught."""
    path = folder / sample.name
    path.write_bytes(data)
    file = SourceFile("s", sample.name, str(path), len(data), 1)
    began = time.monotonic()
    kinds = set()
    for item in read(file, ReadOptions()):
        if isinstance(item, Document):
            kinds.add("read")
            item.text.encode()
            item.title.encode()
            json.dumps(item.meta, allow_nan=False).encode()
            assert item.digest
            assert item.id
        else:
            assert isinstance(item, Unreadable)
            kinds.add("refused")
            assert item.path == str(path)
            assert item.error.strip()
    assert time.monotonic() - began < SECONDS, f"{sample.name}: took too long"
    return "+".join(sorted(kinds)) or "empty"


def run(n: int, seed: int, until: float = float("inf")) -> Counter[str]:
    """Mutates every sample in turn; a file that fails is kept beside the system's temporary files."""
    rng = random.Random(seed)
    every = samples()
    found: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as name:
        for i in range(n):
            if time.monotonic() > until:
                break
            sample = every[i % len(every)]
            data = mutate(sample.data, rng)
            try:
                found[check(sample, data, Path(name))] += 1
            except BaseException:
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{i}-{sample.name}"
                kept.write_bytes(data)
                print(f"kept as {kept}", file=sys.stderr)
                raise
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MEMORY, f"grown by {grown / 1024**2:.0f} MiB"
    return found


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    start = time.monotonic()
    result = run(number, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{sum(result.values())} files in {time.monotonic() - start:.1f} s: {dict(result)}")
