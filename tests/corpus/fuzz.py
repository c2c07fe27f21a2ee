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
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from qembed.corpus import READERS, ReadOptions, read, reader_of, suffix
from qembed.corpus.decode import BINARY, EMPTY
from qembed.corpus.readers.xml_file import NO_WORDS
from qembed.types import Document, LeftOut, ReadWarning, Skipped, SourceFile, Unreadable
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


class Outcome(NamedTuple):
    """What became of a file: `kind` names it, `characters` is the length of the text that was found."""

    kind: str
    characters: int


def check(path: Path) -> str:
    """What became of a file. Raises AssertionError, or whatever a reader should have caught."""
    return outcome(path).kind


def outcome(path: Path) -> Outcome:
    """The same with the amount of text."""
    characters = 0
    file = SourceFile("s", path.name, str(path), path.stat().st_size, 1)
    kinds = set()
    with limited(path.name):
        for item in read(file, ReadOptions()):
            if isinstance(item, Document):
                kinds.add("read")
                characters += len(item.text)
                item.text.encode()
                item.title.encode()
                json.dumps(item.meta, allow_nan=False).encode()
                assert item.digest
                assert item.id
                passages = CUT.split(item)
                if len(item.text) <= LONG:
                    counts.check(item, passages, "words")
            elif isinstance(item, LeftOut):
                assert item.path == str(path)
                assert item.what.strip()
                assert item.count > 0
            elif isinstance(item, ReadWarning):
                assert item.path == str(path)
                assert item.message.strip()
            else:
                assert isinstance(item, Unreadable)
                kinds.add("skipped" if isinstance(item, Skipped) else "refused")
                assert item.path == str(path)
                assert item.error.strip()
    return Outcome("+".join(sorted(kinds)) or "empty", characters)


def named(every: list[Sample], n: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """n mutated files, of each sample in turn, under a name of their own."""
    for i in range(n):
        sample = every[i % len(every)]
        yield f"{i}-{sample.name}", mutate(sample.name, sample.data, rng)


@dataclass
class Format:
    """Mutated files of one suffix: how many were tried, and what was found in them."""

    tried: int = 0
    with_text: int = 0
    """Of those tried, how many are of a sample that has text."""
    read: int = 0
    characters: int = 0


def whole() -> dict[str, int]:
    """The characters of each sample that is not mutated, by name."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for sample in samples():
            path = Path(folder, sample.name)
            path.write_bytes(sample.data)
            found[sample.name] = outcome(path).characters
    return found


def unread(formats: dict[str, Format], least: int = 20) -> list[str]:
    """Suffixes of which less than a tenth of the files outlived the mutations."""
    return sorted(
        kind for kind, f in formats.items() if f.with_text >= least and f.read * 10 < f.with_text
    )


def run(
    n: int, seed: int, until: float = float("inf"), formats: dict[str, Format] | None = None
) -> Counter[str]:
    """Mutates every sample in turn; a file that fails is kept beside the system's temporary files.

    `formats` gets the numbers of each suffix.
    """
    found: Counter[str] = Counter()
    lengths = whole()
    per_format: dict[str, Format] = {} if formats is None else formats
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        for name, data in named(samples(), n, random.Random(seed)):
            if time.monotonic() > until:
                break
            path = Path(folder, name)
            path.write_bytes(data)
            try:
                result = outcome(path)
                found[result.kind] += 1
                number = per_format.setdefault(suffix(name), Format())
                number.tried += 1
                number.read += result.characters > 0
                number.characters += result.characters
                number.with_text += lengths[name.partition("-")[2]] > 0
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
    from qembed.corpus.formats import SEQUENCES, format_of
    from qembed.pipeline.sequences.files import NO_TEXT
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
        held = {line.file for line in snapshot.catalog.entries()}
    sequences = {name for name in became if format_of(name) in SEQUENCES}
    assert body["skipped"].get(NO_TEXT, 0) == len(sequences)
    became = {name: kind for name, kind in became.items() if name not in sequences}
    refused = {name for name, kind in became.items() if "refused" in kind}
    assert refused <= failed, sorted(refused - failed)
    silent = became.keys() - held - failed
    skipped = {name for name in silent if became[name] == "skipped"}
    assert all(became[name] == "empty" for name in silent - skipped), silent
    skips = sum("skipped" in kind for kind in became.values())
    assert sum(body["skipped"].get(reason, 0) for reason in (BINARY, EMPTY, NO_WORDS)) == skips
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
    formats: dict[str, Format] = {}
    result = run(n, seed, formats=formats)
    print(f"{sum(result.values()):,} files in {time.monotonic() - began:.0f} s: {dict(result)}")
    for kind, f in sorted(formats.items()):
        text = f"text in {f.read:,} of {f.with_text:,} that had any: {f.characters:,} characters"
        print(f"  {kind or 'none':9} {f.tried:6,} tried, {text}")
    assert not unread(formats), unread(formats)
    with tempfile.TemporaryDirectory() as made:
        result = index(Path(made, "fuzz"), min(INDEXED, n), seed + 1)
    print(f"qembed index of {min(INDEXED, n):,}: {dict(result)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
