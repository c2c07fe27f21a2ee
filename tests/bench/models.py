"""The built-in models as programs: `python -m tests.bench.models [--against CHECKOUT] [PART …]`.

    cold     a cold query with each model, and with each reranker
    index    the most memory that indexing takes with each model
    rerank   the most memory of a cross-encoder's run over 300 queries
    late     late interaction: the time of a pair's product, and of a query with 100 candidates

Wanted of `bge-small` and `multilingual`: a cold query in at most 1.5 times `minilm`'s time and 260 MiB, an
index in at most 120 MiB more than `minilm`. Of the cross-encoder: at most 600 MiB for 300 queries; of late
interaction at most .2 ms a pair. CPU time, user and system, is what a busy machine changes least. Exports
that are not in the cache are made first. CHECKOUT, with this Python, answers the query with 100 candidates in
turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.bench.processes import Ran, in_turn, mib, run, seconds
from tests.bench.table import fact

ROUNDS = 5
MODELS = ("minilm", "bge-small", "multilingual")
RERANKER = "minilm-l12"
ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_corpora"
TEXTS = {
    "short texts": (SAMPLES / "helpdesk" / "docs", "where is my refund"),
    "longer texts": (ROOT / "docs", "how are passages of long documents made"),
}
QUERIES = 300
DEEP = 100
"""Candidates of late interaction."""
WORDS = 165
"""Words of a passage of about 240 tokens, as SciFact's have for a model that reads 256."""
PRODUCTS = 2000

Environment = Mapping[str, str]
QEMBED = (sys.executable, "-m", "qembed")


def indexed(made: str, texts: str, name: str, env: Environment) -> tuple[list[str], Ran]:
    """(a query's command, the run that made its index)."""
    docs, query = TEXTS[texts]
    index = str(Path(made) / f"{texts}-{name}")
    ran = run([*QEMBED, "index", str(docs), "--index", index, "--model", name], env)
    return [*QEMBED, "query", query, "--no-server", "--index", index], ran


def cold(env: Environment) -> None:
    """A query in a process of its own, with each model in turns."""
    names = (*MODELS, f"minilm, --rerank {RERANKER}", "minilm, --rerank late")
    for texts in TEXTS:
        with tempfile.TemporaryDirectory() as made:
            programs = [indexed(made, texts, name, env)[0] for name in MODELS]
            programs += [
                [*programs[0], "--rerank", spec, "--candidates", "20"]
                for spec in (RERANKER, "late")
            ]
            for args in programs:  # what is on disk is in memory from here on
                run(args, env)
            found = in_turn(programs, env, ROUNDS)
        for name, runs in zip(names, found, strict=True):
            of_first = median(a.cpu / b.cpu for a, b in zip(runs, found[0], strict=True))
            fact(
                f"cold query, {texts}, {name}",
                f"{seconds(runs):.2f} s, CPU {median(r.cpu for r in runs):.2f} s, "
                f"{of_first:.2f} of minilm's, {mib(runs):.0f} MiB",
            )


def index(env: Environment) -> None:
    """The most memory while the samples are indexed."""
    for texts in TEXTS:
        with tempfile.TemporaryDirectory() as made:
            peaks = {name: indexed(made, texts, name, env)[1].mib for name in MODELS}
        for name, peak in peaks.items():
            fact(
                f"index, {texts}, {name}",
                f"{peak:.0f} MiB, {peak - peaks['minilm']:+.0f} MiB beside minilm",
            )


def rerank(env: Environment) -> None:
    """The most memory while the samples' queries get the cross-encoder's order."""
    with tempfile.TemporaryDirectory() as made:
        args, _ = indexed(made, "longer texts", "minilm", env)
        asked: list[str] = []
        for name in ("helpdesk", "memories", "code"):
            lines = (SAMPLES / name / "queries.jsonl").read_text("utf-8").splitlines()
            asked += [json.loads(line)["text"] for line in lines]
        asked += [f"{text} in short" for text in asked[: QUERIES - len(asked)]]
        texts = Path(made) / "queries.txt"
        texts.write_text("\n".join(asked) + "\n", "utf-8")
        several = [*QEMBED, "query", "-", *args[4:], "--format", "trec", "--candidates", "5"]
        command = shlex.join([*several, "--rerank", RERANKER])
        ran = run(["sh", "-c", f"exec {command} < {shlex.quote(str(texts))}"], env)
    fact(
        f"{len(asked)} queries, 5 candidates each, {RERANKER}",
        f"CPU {ran.cpu:.0f} s, {ran.mib:.0f} MiB",
    )


def late(env: Environment, against: Path | None) -> None:
    """A pair's product in this process, and a query with 100 candidates of SciFact's length."""
    import numpy as np

    from qembed.models.rerankers.late_interaction import one_blas_thread

    rng = np.random.default_rng(0)
    query = rng.standard_normal((21, 384), dtype=np.float32)
    passages = rng.standard_normal((100, 239, 384), dtype=np.float32)
    with one_blas_thread():
        began, cpu = time.perf_counter(), time.process_time()
        for n in range(PRODUCTS):
            (query @ passages[n % len(passages)].T).max(axis=1).mean()
        cpu, took = time.process_time() - cpu, time.perf_counter() - began
    fact(
        "late interaction, a pair of 21 and 239 tokens",
        f"{1000 * took / PRODUCTS:.3f} ms, CPU {1000 * cpu / PRODUCTS:.3f} ms",
    )
    words = sorted(set((ROOT / "docs" / "cli.md").read_text("utf-8").split()))
    with tempfile.TemporaryDirectory() as made:
        corpus = Path(made) / "corpus.jsonl"
        with corpus.open("w", encoding="utf-8") as f:
            for n in range(2 * DEEP):
                text = " ".join(rng.choice(words, WORDS))
                f.write(json.dumps({"_id": str(n), "title": "", "text": text}) + "\n")
        checkouts: list[Sequence[str]] = [QEMBED]
        if against is not None:
            code = f"import sys; sys.path.insert(0, {str(against)!r}); from qembed.__main__ import main"
            checkouts.append([sys.executable, "-P", "-c", f"{code}; main()"])
        asked = ["query", "how are passages of long documents made", "--no-server"]
        asked += ["--rerank", "late", "--candidates", str(DEEP)]
        programs: list[Sequence[str]] = []
        for n, checkout in enumerate(checkouts):  # each with its own form of an index
            where = str(Path(made) / f"index-{n}")
            run([*checkout, "index", str(corpus), "--index", where, "--model", "minilm"], env)
            programs.append([*checkout, *asked, "--index", where])
        for program in programs:
            run(program, env)
        found = in_turn(programs, env, ROUNDS)
    for name, runs in zip(("here", str(against)), found, strict=False):
        pairs = list(zip(runs, found[-1], strict=True))
        fact(
            f"cold query, --rerank late, {DEEP} candidates, {name}",
            f"{seconds(runs):.2f} s, CPU {median(r.cpu for r in runs):.2f} s, "
            f"{median(a.seconds / b.seconds for a, b in pairs):.2f} of the last's time, "
            f"{median(a.cpu / b.cpu for a, b in pairs):.2f} of its CPU time",
        )


def main() -> None:
    """Prints the facts of the named parts, or of all."""
    parts = ("cold", "index", "rerank", "late")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(parts):
        parser.error(f"no part {', '.join(sorted(unknown))} (there are {', '.join(parts)})")
    wanted = given.parts or parts
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    for name in (*MODELS, RERANKER) if set(wanted) != {"late"} else ("minilm",):
        run([*QEMBED, "models", "prepare", name], env)
    if "cold" in wanted:
        cold(env)
    if "index" in wanted:
        index(env)
    if "rerank" in wanted:
        rerank(env)
    if "late" in wanted:
        late(env, given.against)


if __name__ == "__main__":
    main()
