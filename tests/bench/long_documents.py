"""Finding the right section of a long document, with and without headings in front of what is encoded.

    python -m tests.bench.long_documents [BEIR_FOLDER ...] [--documents N]

Documents of a collection, shuffled and joined twenty at a time, become long Markdown documents with their
titles as headings (those of Python functions: modules); a collection's judgments become judgments on
their stretches, `doc#start-end`. Without a folder: the sample help centre's English articles, which have
sections of their own. Of a larger collection all judged documents are taken, and others up to N (600).
Code is measured with and without its grammars, each kind with and without `--headings`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

SAMPLES = Path(__file__).resolve().parents[2] / "sample_corpora"
TOGETHER = 20
MODES = ("dense", "auto")


@dataclass(frozen=True)
class Section:
    """What becomes part of a long document."""

    id: str
    title: str
    text: str


def sections(folder: Path, most: int) -> tuple[list[Section], Path, Path]:
    """A collection's documents, as many as are wanted, its queries and its judgments."""
    qrels = folder / "qrels" / "test.tsv"
    judged = {line.split("\t")[1] for line in qrels.read_text().splitlines()[1:]}
    lines = (json.loads(line) for line in (folder / "corpus.jsonl").open())
    found = [Section(d["_id"], d.get("title") or "", d["text"]) for d in lines]
    random.Random(1).shuffle(found)
    wanted = [s for s in found if s.id in judged]
    wanted += [s for s in found if s.id not in judged][: max(0, most - len(wanted))]
    random.Random(2).shuffle(wanted)
    return wanted, folder / "queries.jsonl", qrels


def help_centre() -> tuple[list[Section], Path, Path]:
    """The sample articles, their headings a level lower."""
    folder = SAMPLES / "helpdesk"
    found = []
    for path in sorted((folder / "docs/en").glob("*.md")):
        title, _, text = path.read_text().partition("\n")
        lower = re.sub(r"^(#+ )", r"#\1", text.strip(), flags=re.M)
        found.append(Section(f"en/{path.name}", title.lstrip("# "), lower))
    random.Random(2).shuffle(found)
    return found, folder / "queries.jsonl", folder / "qrels-own-language.tsv"


def joined(found: list[Section]) -> Iterator[tuple[str, str, dict[str, tuple[int, int]]]]:
    """(name, text, where each section lies) of the long documents."""
    code = sum(s.text.startswith(("def ", "async def ", "class ")) for s in found) > len(found) / 2
    for n, at in enumerate(range(0, len(found), TOGETHER), 1):
        text = "" if code else f"# Volume {n}\n\n"
        spans = {}
        for s in found[at : at + TOGETHER]:
            head = f"## {s.title}\n\n" if s.title and not code else ""
            spans[s.id] = len(text), len(text) + len(head + s.text)
            text += head + s.text + ("\n\n\n" if code else "\n\n")
        yield f"part{n:03d}.{'py' if code else 'md'}", text, spans


def measure(name: str, found: list[Section], queries: Path, qrels: Path) -> None:
    """Prints a line for each way and mode."""
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder) / "docs"
        docs.mkdir()
        where = {}
        for part, text, spans in joined(found):
            (docs / part).write_text(text)
            where.update({i: f"{part}#{a}-{b}" for i, (a, b) in spans.items()})
        code = part.endswith(".py")
        lines = [line.split("\t") for line in qrels.read_text().splitlines()[1:]]
        lines = [[q, where[d], grade] for q, d, grade in lines if d in where]
        asked = {q for q, _, _ in lines}
        judged = Path(folder) / "qrels.tsv"
        judged.write_text("query-id\tcorpus-id\tscore\n" + "\n".join(map("\t".join, lines)) + "\n")
        kept = Path(folder) / "queries.jsonl"
        kept.write_text(
            "".join(
                q + "\n" for q in queries.read_text().splitlines() if json.loads(q)["_id"] in asked
            )
        )
        for way, headings, grammars in ways(code):
            row(name, way, Path(folder), headings, grammars)


def ways(code: bool) -> list[tuple[str, bool, bool]]:
    """(name, with headings, with grammars)."""
    label = "symbols in front" if code else "headings in front"
    plain = [("without grammars", False, False)] if code else []
    return [*plain, ("as it is", False, True), (label, True, True)]


def row(name: str, way: str, folder: Path, headings: bool, grammars: bool) -> None:
    from qembed.corpus.chunking import grammars as known
    from qembed.pipeline.experiments.eval_options import EvalOptions
    from qembed.pipeline.experiments.evaluate import run_evaluation
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.pipeline.retrieval.options import QueryOptions

    root = folder / f"{way}.qembed"
    recipe = RecipeOptions(model="minilm", headings=headings)
    lookup = known.grammar if grammars else lambda _: None
    with mock.patch.object(known, "grammar", lookup):
        done = build(root, IndexOptions(paths=(str(folder / "docs"),), recipe=recipe))
    for mode in MODES:
        wanted = EvalOptions(
            queries=folder / "queries.jsonl",
            qrels=folder / "qrels.tsv",
            query=QueryOptions(mode=mode),
            measures="nDCG@10 R@100",
            latency=0,
        )
        m = run_evaluation(wanted, lambda: root).body["measures"]
        print(
            f"{name:16} {way:18} {mode:6} {done.passages['total']:6} passages  "
            f"nDCG@10 {m['nDCG@10']:.4f}  R@100 {m['R@100']:.4f}",
            flush=True,
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--documents", type=int, default=600)
    arguments = parser.parse_args()
    for folder in arguments.folders:
        measure(folder.name, *sections(folder, arguments.documents))
    if not arguments.folders:
        measure("helpdesk, joined", *help_centre())


if __name__ == "__main__":
    main()
