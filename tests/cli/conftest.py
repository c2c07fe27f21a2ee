"""Runs the real command with a fast deterministic encoder, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qembed.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
BAG = "py:tests.encoders:bag"
WORDS = [f"w{i}" for i in range(120)]
FILES = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "dense", "--measures",
         "nDCG@10 RR@10"]  # fmt: skip
"""The evaluation of `collection`."""


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Shell:
    """A folder to work in. Calling it runs `qembed` there."""

    folder: Path

    def env(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "QEMBED_MODEL": BAG,
            "QEMBED_CACHE": str(self.folder.parent / "cache"),
            "QEMBED_DATA": str(self.folder.parent / "data"),
            "QEMBED_CONFIG": os.environ.get("QEMBED_CONFIG", str(self.folder.parent / "config")),
            "HF_HUB_OFFLINE": "1",
            "PYTHONWARNINGS": "ignore",
            **more,
        }

    def __call__(self, *args: str, stdin: str | bytes = "", **env: str) -> Done:
        """Runs it in this process, through the same group that a console runs: half a second saved."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for key, value in self.env(**env).items():
                patch.setenv(key, value)
            result = CliRunner().invoke(app, list(args), input=stdin, prog_name="qembed")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def process(self, *args: str, stdin: str | bytes = "", **env: str) -> Done:
        """Runs it in a process of its own."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "qembed", *args],
            cwd=self.folder,
            env=self.env(**env),
            input=data,
            capture_output=True,
            timeout=120,
            check=False,
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        return result

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def old(self, *names: str) -> None:
        """Makes files look as if they had been there for a while."""
        for name in names or [str(p) for p in self.folder.rglob("*") if p.is_file()]:
            stat = (self.folder / name).stat()
            os.utime(self.folder / name, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**11))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder)


@pytest.fixture
def docs(shell: Shell) -> Shell:
    """A small indexed folder."""
    shell.write("docs/refunds.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell.write("docs/parcels.md", "# Parcels\n\nWhere the parcel is, the tracking page says.\n")
    shell.write("docs/deep/locks.txt", "A locked account opens again after an hour.\n")
    shell.old()
    done = shell("index", "docs")
    assert done.code == 0, done.err
    return shell


@pytest.fixture
def collection(shell: Shell) -> Shell:
    """300 short records and 30 queries made of their words."""
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS, k=8)) for _ in range(300)]
    records = [{"_id": f"d{i}", "title": f"T{i}", "text": t} for i, t in enumerate(texts)]
    shell.write("corpus.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    chosen = rng.sample(range(300), 30)
    queries = [{"_id": f"q{i}", "text": " ".join(rng.sample(texts[d].split(), 3))}
               for i, d in enumerate(chosen)]  # fmt: skip
    shell.write("q.jsonl", "".join(json.dumps(q) + "\n" for q in queries))
    rows = "".join(f"q{i}\td{d}\t1\n" for i, d in enumerate(chosen))
    shell.write("qrels.tsv", f"query-id\tcorpus-id\tscore\n{rows}")
    shell.old()
    assert shell("index", "corpus.jsonl").code == 0
    return shell
