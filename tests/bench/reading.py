"""Reading and cutting beside encoding, on one core.

python -m tests.bench.reading [FOLDER ...]       default: the standard library's sources, /usr/share/doc

Files are taken in random order until it is enough, so that a large tree is judged by a part that is like
the whole. Encoding is the built-in model's, of a random sample of the same passages.
"""

from __future__ import annotations

import os
import random
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.table import fact

SAMPLE = 300
SECONDS = 40.0
"""Of reading and cutting a folder; then it is enough."""


@dataclass
class Rates:
    """Seconds of one core, for `passages` passages; encoding only that of the `sample`."""

    files: int = 0
    all_files: int = 0
    characters: int = 0
    passages: int = 0
    reading: float = 0.0
    cutting: float = 0.0
    encoding: float = 0.0
    sample: list[tuple[str, str]] = field(default_factory=list)
    """(document, text)"""

    @property
    def made(self) -> float:
        """Passages read and cut in a second."""
        return self.passages / (self.reading + self.cutting)

    @property
    def encoded(self) -> float:
        """Passages encoded in a second."""
        return len(self.sample) / self.encoding

    def show(self) -> None:
        """Three lines."""
        some = "" if self.files == self.all_files else f" of {self.all_files:,}"
        what = f"{self.files:,}{some} files, {self.characters / 1e6:.1f} million characters"
        split = f"reading {self.reading:.1f} s, cutting {self.cutting:.1f} s of one core"
        fact("  read and cut", f"{self.made:,.0f} passages/s: {what}; {split}")
        fact("  encode", f"{self.encoded:,.1f} passages/s, a sample of {len(self.sample)}")
        fact("  ratio (wanted: 10 or more)", f"{self.made / self.encoded:.1f}")


@contextmanager
def one_core() -> Iterator[None]:
    """Everything that is started in here, threads and processes, has one core together."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def spent() -> float:
    """Seconds of a core that this process and its ended children had."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def rates(
    folder: str,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    seconds: float = SECONDS,
) -> Rates:
    """What reading and cutting costs, and encoding, with the built-in model's usual passages."""
    from qembed.corpus import Chunker, ReadOptions, read, walk
    from qembed.corpus.readers import sandbox
    from qembed.models import open_model
    from qembed.types import Document, SourceFile

    rng = random.Random(0)
    model = open_model("minilm")
    model.prepare(lambda _: None, lambda: False)
    chunker = Chunker(
        kind="auto",
        max_tokens=model.max_tokens,
        overlap=model.max_tokens // 8,
        tokenizer=model.tokenizer(),
    )
    found = Rates()
    walked = walk(Path(folder), include=include, exclude=exclude)
    files = [f for f in walked if isinstance(f, SourceFile)]
    found.all_files = len(files)
    rng.shuffle(files)
    for file in files:
        began = spent()
        documents = [d for d in read(file, ReadOptions()) if isinstance(d, Document)]
        has_read = spent()
        cut = [p for d in documents for p in chunker.split(d)]
        found.cutting += spent() - has_read
        found.reading += has_read - began
        found.files += 1
        found.characters += sum(len(d.text) for d in documents)
        for p in cut:  # each passage has the same chance, however many there are
            found.passages += 1
            if len(found.sample) < SAMPLE:
                found.sample.append((p.document, p.text))
            elif (at := rng.randrange(found.passages)) < SAMPLE:
                found.sample[at] = p.document, p.text
        if found.reading + found.cutting > seconds:
            break
    began = spent()
    sandbox._WORKER.close()  # what it had is counted when it has ended
    found.reading += spent() - began
    if not found.sample:
        sys.exit(f"{folder}: no passages")
    encoder = model.encoder()
    texts = [text for _, text in found.sample]
    encoder.encode(texts[:8])
    began = time.process_time()
    encoder.encode(texts)
    found.encoding = time.process_time() - began
    return found


def usual() -> list[str]:
    """Real trees that are at hand."""
    folders = [sysconfig.get_path("stdlib"), "/usr/share/doc"]
    return [f for f in folders if Path(f).is_dir()]


LEFT_OUT = "site-packages/"
"""Other people's, below the standard library."""


def main(folders: list[str]) -> None:
    """Prints rates and a ratio for each folder."""
    with one_core():
        for folder in folders:
            fact(folder, "")
            rates(folder, exclude=[LEFT_OUT]).show()


if __name__ == "__main__":
    main(sys.argv[1:] or usual())
