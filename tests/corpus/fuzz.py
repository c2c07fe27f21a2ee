"""Mutated files through every reader: no crash, no hang, no runaway memory, every refusal with a reason.

python -m tests.corpus.fuzz [FILES] [SEED]     the long run, 20,000 files; the suite has a short one

Each file is read and cut in this process; then a part of them is indexed by `qembed index`, which has to
end with 0 or 4 and to account for each of them.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from qembed.corpus import READERS, ReadOptions, read, reader_of
from qembed.corpus.decode import BINARY
from qembed.types import Document, Skipped, SourceFile, Unreadable
from tests.bench import processes
from tests.corpus import counts
from tests.corpus.mutate import mutate
from tests.corpus.samples import Sample, samples

SECONDS = 20.0
"""For one file, on a machine with other things to do."""
MEMORY = 512 * 1024**2
"""Growth of this process over a whole run, bytes."""
PEAK = 1024.0
"""MiB of a `qembed index` over mutated files."""
LONG = 4000
"""Characters of a text whose passages are looked at one by one: that takes more time than cutting it."""
FILES = 20_000
INDEXED = 1000
"""Files of a long run that are indexed, too."""
CUT = counts.chunker("words", 40)


@contextlib.contextmanager
def limited(name: str) -> Iterator[None]:
    """Raises AssertionError after SECONDS; ends the process, with a traceback, if even that is not heard."""

    def late(*_: object) -> None:
        raise AssertionError(f"{name}: took longer than {SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(path: Path) -> str:
    """What became of a file. Raises AssertionError, or whatever a reader should have caught."""
    file = SourceFile("s", path.name, str(path), path.stat().st_size, 1)
    kinds = set()
    with limited(path.name):
        for item in read(file, ReadOptions()):
            if isinstance(item, Document):
                kinds.add("read")
                item.text.encode()
                item.title.encode()
                json.dumps(item.meta, allow_nan=False).encode()
                assert item.digest
                assert item.id
                passages = CUT.split(item)
                if len(item.text) <= LONG:
                    counts.check(item, passages, "words")
            else:
                assert isinstance(item, Unreadable)
                kinds.add("skipped" if isinstance(item, Skipped) else "refused")
                assert item.path == str(path)
                assert item.error.strip()
    return "+".join(sorted(kinds)) or "empty"


def named(every: list[Sample], n: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """n mutated files, of each sample in turn, under a name of their own."""
    for i in range(n):
        sample = every[i % len(every)]
        yield f"{i}-{sample.name}", mutate(sample.name, sample.data, rng)


def run(n: int, seed: int, until: float = float("inf")) -> Counter[str]:
    """Mutates every sample in turn; a file that fails is kept beside the system's temporary files."""
    found: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        for name, data in named(samples(), n, random.Random(seed)):
            if time.monotonic() > until:
                break
            path = Path(folder, name)
            path.write_bytes(data)
            try:
                found[check(path)] += 1
            except BaseException:
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{name}"
                kept.write_bytes(data)
                print(f"kept as {kept}", file=sys.stderr)
                raise
            path.unlink()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    grown *= 1 if sys.platform == "darwin" else 1024
    assert grown < MEMORY, f"grown by {grown / 1024**2:.0f} MiB"
    return found


def index(folder: Path, n: int, seed: int) -> Counter[str]:
    """Indexes a folder of n mutated files; each is in the index, refused with a reason, or counted.

    `folder` is made. Raises AssertionError; ends the process if `qembed index` ends with neither 0 nor 4.
    """
    from qembed.store import Snapshot

    sources, root = folder / "files", folder / "idx"
    sources.mkdir(parents=True)
    became: dict[str, str] = {}
    for name, data in named(samples(), n, random.Random(seed)):
        (sources / name).write_bytes(data)
        became[name] = check(sources / name)
    there = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(there), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "qembed", "index", str(sources), "--index", str(root)]
    command += ["--model", "py:tests.encoders:bag", "--format", "json"]
    done = processes.run(command, env, folder, codes=(0, 4))
    assert "Traceback" not in done.err, done.err
    assert done.mib < PEAK, f"{done.mib:.0f} MiB at the peak"
    body = done.json
    failed = {(sources / f["path"]).relative_to(sources).as_posix() for f in body["failed"]}
    assert all(f["error"].strip() and f["path"] in done.err for f in body["failed"])
    with Snapshot.open(root) as snapshot:
        held = {line.file for line in snapshot.catalog.lines()}
    refused = {name for name, kind in became.items() if "refused" in kind}
    assert refused <= failed, sorted(refused - failed)
    silent = became.keys() - held - failed
    skipped = {name for name in silent if became[name] == "skipped"}
    assert all(became[name] == "empty" for name in silent - skipped), silent
    assert body["skipped"].get(BINARY, 0) == sum("skipped" in kind for kind in became.values())
    return Counter(
        indexed=len(held), failed=len(failed), skipped=len(skipped), empty=len(silent - skipped)
    )


def lacking() -> list[str]:
    """Readers that no sample goes through."""
    tried = {reader_of(s.name) for s in samples()}
    return sorted({r.__name__ for r in READERS.values()} - {r.__name__ for r in tried})


def main(n: int = FILES, seed: int = 1) -> None:
    """The long run; prints what became of the files."""
    assert not lacking(), lacking()
    began = time.monotonic()
    result = run(n, seed)
    print(f"{sum(result.values()):,} files in {time.monotonic() - began:.0f} s: {dict(result)}")
    with tempfile.TemporaryDirectory() as made:
        result = index(Path(made, "fuzz"), min(INDEXED, n), seed + 1)
    print(f"qembed index of {min(INDEXED, n):,}: {dict(result)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
