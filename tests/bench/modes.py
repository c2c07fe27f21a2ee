"""Every mode on many collections: `python -m tests.bench.modes FOLDER`, or `make modes DATA=FOLDER`.

FOLDER holds collections in BEIR form. Measured are the sets of derived_collections.py that can be made of
them, the samples among them, and every other folder. A line of nDCG@10 and R@100 for each mode, with the time
of searching a query; then the default mode against the best of the others, as docs/evaluation.md has it: bold
where it is more than .01 below, with a dagger where that is beyond chance.
Passages and queries are encoded once for all modes, and kept in the cache folder for the next run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from qembed.evaluation.paired_test import randomisation_test
from qembed.paths import cache_folder
from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import MODES, QueryOptions
from tests.bench.derived_collections import SETS, make, others, read_folder

MODELS = ("minilm", "bge-small", "multilingual")
NEAR = 0.01
"""How far the default may be below the best."""
CHANCE = 0.05
"""p of a paired test from which on a difference may be chance. The best of three modes is chosen by the
queries that test it, so fewer are beyond chance than are called so."""
Values = Mapping[str, Sequence[float]]
"""nDCG@10 of the queries, in one order, by mode."""


def measure(folder: Path, model: str, rerank: bool) -> Iterator[tuple[str, list[float]]]:
    """Print a line for each mode, and yield its name and each query's nDCG@10.

    `folder`: as `Texts.write` has it.
    """
    ways = {mode: QueryOptions(mode=mode) for mode in MODES}
    ways["hybrid, rrf"] = QueryOptions(mode="hybrid", fusion="rrf")
    if rerank:
        ways["auto, late"] = QueryOptions(rerank="late")
    recipe = RecipeOptions(model=model)
    root = cache_folder() / "modes" / model.replace("/", "_") / folder.name
    docs = folder / "docs"
    if docs.is_dir():
        build(root, IndexOptions(paths=(str(docs),), recipe=recipe), Progress())
    for name, asked in ways.items():
        wanted = EvalOptions(
            beir=None if docs.is_dir() else folder,
            queries=folder / "queries.jsonl" if docs.is_dir() else None,
            qrels=folder / "qrels/test.tsv" if docs.is_dir() else None,
            measures="nDCG@10 R@100",
            query=asked,
            index=IndexOptions(recipe=recipe),
            latency=0,
        )
        body = run_evaluation(wanted, lambda: root).body
        seconds = body["settings"]["seconds"]
        spent = sum(seconds.get(s, 0.0) for s in ("search", "lexical", "fuse", "rerank"))
        m = body["measures"]
        print(
            f"{folder.name:20} {model:14} {name:12} {m['nDCG@10']:8.4f} {m['R@100']:8.4f} "
            f"{1000 * spent / body['queries']:11.2f}",
            flush=True,
        )
        yield name, [body["per_query"][q]["nDCG@10"] for q in sorted(body["per_query"])]


def written(top: Path, names: Sequence[str], documents: int, queries: int) -> Iterator[Path]:
    """Folders of the named sets, all for none, that are made one after the other in the cache folder."""
    rest = others(top, SETS)
    for name in names or [*SETS, *rest]:
        try:
            if name in SETS:
                texts = make(name, top, documents, queries)
            else:
                texts = read_folder(rest[name]).sampled(documents, queries)
        except FileNotFoundError as e:
            print(f"{name}: {e.filename} is not there", file=sys.stderr)
            continue
        except KeyError:
            print(f"{name}: no such set, and no such folder in {top}", file=sys.stderr)
            continue
        yield texts.write(cache_folder() / "modes" / "sets" / name)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


def best_other(values: Values) -> str:
    """The mode with the highest mean beside the default."""
    return max((mode for mode in MODES if mode != "auto"), key=lambda mode: fmean(values[mode]))


def difference(values: Values) -> float:
    """The default mode's mean less that of the best of the others."""
    return fmean(values["auto"]) - fmean(values[best_other(values)])


def is_beyond_chance(values: Values) -> bool:
    """True if the default is too far below the best of the others, and a paired test says so."""
    pairs = zip(values["auto"], values[best_other(values)], strict=True)
    return difference(values) < -NEAR and randomisation_test([a - b for a, b in pairs]) < CHANCE


def cell(values: Values) -> str:
    """Best of the other modes, and how far the default is above or below; bold for too far below."""
    d = difference(values)
    best = _short(fmean(values["auto"]) - d)
    text = f"{best} {'-' if d < 0 else '+'}{_short(abs(d))}"
    return f"**{text}**{' †' if is_beyond_chance(values) else ''}" if d < -NEAR else text


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def print_tables(found: Mapping[str, Mapping[str, Values]], models: Sequence[str]) -> None:
    """Print what docs/evaluation.md has: a row for each set, and the sums."""
    print(f"\n| collection | {' | '.join(f'`{m}`' for m in models)} |")
    print("| --- " * (len(models) + 1) + "|")
    for name, by_model in found.items():
        print(f"| `{name}` | {' | '.join(cell(by_model[m]) for m in models)} |")
    cells = [values for by_model in found.values() for values in by_model.values()]
    every = [difference(values) for values in cells]
    below = sum(d < -NEAR for d in every)
    beyond = sum(is_beyond_chance(values) for values in cells)
    print(
        "\n| | more than .01 below the best | of these beyond chance | mean difference to the best |"
    )
    print("| --- | --- | --- | --- |")
    mean = fmean(every)
    sign = "-" if mean < 0 else "+"
    print(f"| default | {below} of {len(every)} | {beyond} | {sign}{_short(abs(mean))} |")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.modes")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--sets", nargs="*", default=[], metavar="NAME", help="all, if none is named"
    )
    parser.add_argument("--models", nargs="*", default=[], metavar="SPEC", help=", ".join(MODELS))
    parser.add_argument("--rerank", action="store_true", help="the default mode with late, too")
    parser.add_argument("--documents", type=int, default=1500, metavar="N", help="of each, at most")
    parser.add_argument("--queries", type=int, default=250, metavar="N", help="of each, at most")
    options = parser.parse_args()
    models = options.models or MODELS
    print(
        f"{'collection':20} {'model':14} {'mode':12} {'nDCG@10':>8} {'R@100':>8} {'ms a query':>11}"
    )
    found = {
        folder.name: {model: dict(measure(folder, model, options.rerank)) for model in models}
        for folder in written(options.folder, options.sets, options.documents, options.queries)
    }
    if not found:
        parser.error(f"no collection in {options.folder}")
    print_tables(found, models)


if __name__ == "__main__":
    main()
