"""Collections that the built-in models are measured on: BEIR folders, variants of them, and the samples."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.types import Qrels, Query

ROOT = Path(__file__).resolve().parents[2] / "sample_corpora"
ENGLISH = ("minilm-l12", "late")
"""Rerankers for English text; of other languages the built-in cross-encoder knows nothing."""


@dataclass(frozen=True)
class Collection:
    """Files of a collection, relative to its folder. `folder`: name in the folder of all; "": a sample."""

    folder: str
    corpus: str = "corpus.jsonl"
    queries: str = "queries.jsonl"
    qrels: str = "qrels/test.tsv"
    rerankers: tuple[str, ...] = ENGLISH
    sample: str = ""

    @property
    def is_records(self) -> bool:
        """True for documents in a file of records, which are encoded whole."""
        return self.corpus.endswith(".jsonl")

    def judged_queries(self, folder: Path) -> tuple[list[Query], Qrels]:
        """Queries with judgments and a text, which some of public collections lack, and all judgments."""
        from qembed.evaluation import read_qrels, read_queries

        with (folder / self.queries).open(encoding="utf-8") as lines:
            asked = [line for line in lines if str(json.loads(line)["text"]).strip()]
        with tempfile.TemporaryDirectory() as made:
            whole = Path(made) / "queries.jsonl"
            whole.write_text("".join(asked), "utf-8")
            qrels = read_qrels(folder / self.qrels)
            return [q for q in read_queries(whole) if q.id in qrels], qrels


def _sample(
    name: str, corpus: str, rerankers: tuple[str, ...] = ENGLISH, qrels: str = "qrels.tsv"
) -> Collection:
    return Collection("", corpus, qrels=qrels, rerankers=rerankers, sample=name)


COLLECTIONS = {
    "scifact": Collection("scifact"),
    "cosqa": Collection("cosqa"),
    "nfcorpus": Collection("nfcorpus"),
    "arguana": Collection("arguana"),
    "fiqa": Collection("fiqa"),
    "xquad-en": Collection("xquad-en"),
    "xquad-zh": Collection("xquad-zh", rerankers=("late",)),
    "cmrc-zh": Collection("cmrc-zh", rerankers=("late",)),
    "faq-en": Collection("faq-construction", "corpus-en.jsonl", qrels="qrels/test-en.tsv"),
    "faq-sv": Collection(
        "faq-construction", "corpus-sv.jsonl", qrels="qrels/test-sv.tsv", rerankers=("late",)
    ),
    "faq-sv-en": Collection(
        "faq-construction", "corpus-en.jsonl", qrels="qrels/test-sv.tsv", rerankers=("late",)
    ),
    "nl2bash": Collection("nl2bash"),
    "helpdesk": _sample("helpdesk", "docs", ("late",)),
    "helpdesk-own": _sample("helpdesk", "docs", ("late",), "qrels-own-language.tsv"),
    "memories": _sample("memories", "memories.jsonl"),
    "code": _sample("code", "src"),
}
SAMPLES = tuple(name for name, collection in COLLECTIONS.items() if collection.sample)


@contextmanager
def located(collection: Collection, top: Path) -> Iterator[Path | None]:
    """Folder of a collection; None if its files are not there."""
    folder = ROOT / collection.sample if collection.sample else top / collection.folder
    files = (collection.corpus, collection.queries, collection.qrels)
    yield folder if all((folder / name).exists() for name in files) else None
