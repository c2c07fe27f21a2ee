"""Collections for the table of modes: parts of those of collection_files.py, and others made of them.

Each is made of the files that a folder of collections has; one whose files are not there is left out. Always
the same part: queries and documents are drawn with a fixed seed, in the order of their ids.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.collection_files import COLLECTIONS, ROOT, Collection

Records = dict[str, dict[str, Any]]
Judged = dict[str, dict[str, int]]
RAREST = 3
"""Words of a query of keywords."""
PARAPHRASE = 4.0
"""Least score of a pair of sentences that say the same."""
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Texts:
    """Records by id, and grades above 0 by query. `files`: a folder that stands for the documents."""

    documents: Records
    queries: Records
    judged: Judged
    files: Path | None = None

    def sampled(self, documents: int, queries: int) -> Texts:
        """At most so many of the judged queries, their relevant documents, and others up to that number."""
        rng = np.random.default_rng(0)
        kept = set(rng.permutation(sorted(self.judged))[:queries].tolist())
        judged = {q: grades for q, grades in self.judged.items() if q in kept}
        if self.files is not None:
            return replace(self, judged=judged)
        wanted = {d for grades in judged.values() for d in grades}
        others = rng.permutation(sorted(self.documents.keys() - wanted))
        wanted |= set(others[: max(0, documents - len(wanted))].tolist())
        return replace(
            self, documents={d: r for d, r in self.documents.items() if d in wanted}, judged=judged
        )

    def write(self, folder: Path) -> Path:
        """Write them in BEIR form, files as docs/; what is there is replaced. Returns the folder."""
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "qrels").mkdir(parents=True)
        if self.files is None:
            _write_records(folder / "corpus.jsonl", self.documents)
        else:
            shutil.copytree(self.files, folder / "docs")
        _write_records(folder / "queries.jsonl", {q: self.queries[q] for q in self.judged})
        rows = (f"{q}\t{d}\t{g}\n" for q, grades in self.judged.items() for d, g in grades.items())
        (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
        return folder


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def _records(path: Path) -> Records:
    with path.open(encoding="utf-8") as f:
        return {r["_id"]: r for r in map(json.loads, f)}


def _write_records(path: Path, records: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as f:
        f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in records.values())


def _judged(*paths: Path) -> Judged:
    """Grades above 0 of all files."""
    found: Judged = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as f:
            for query, document, grade in list(csv.reader(f, delimiter="\t"))[1:]:
                if float(grade) > 0:
                    found.setdefault(query, {})[document] = int(float(grade))
    return found


def read(folder: Path, collection: Collection) -> Texts:
    """A collection of files. Raises FileNotFoundError."""
    queries, judged = _records(folder / collection.queries), _judged(folder / collection.qrels)
    if not collection.is_records:
        return Texts({}, queries, judged, folder / collection.corpus)
    return Texts(_records(folder / collection.corpus), queries, judged)


def read_folder(folder: Path) -> Texts:
    """A BEIR folder with judgments of any split, `test` first. Raises FileNotFoundError."""
    splits = sorted((folder / "qrels").glob("*.tsv"), key=lambda p: (p.stem != "test", p.stem))
    if not splits:
        raise FileNotFoundError(folder / "qrels/test.tsv")
    return read(folder, Collection("", qrels=f"qrels/{splits[0].name}"))


def _known(name: str) -> Callable[[Path], Texts]:
    collection = COLLECTIONS[name]

    def made(top: Path) -> Texts:
        folder = ROOT / collection.sample if collection.sample else top / collection.folder
        return read(folder, collection)

    return made


def _joined(queries: str, qrels: str, corpus: str) -> Callable[[Path], Texts]:
    """Queries, judgments and documents of several folders; queries that have no text are left out."""

    def made(top: Path) -> Texts:
        asked = _records(top / queries)
        judged = {q: grades for q, grades in _judged(top / qrels).items() if q in asked}
        return Texts(_records(top / corpus), asked, judged)

    return made


# ── made of others ───────────────────────────────────────────────────────────────────────────────


def keywords(texts: Texts) -> Texts:
    """The queries' rarest words of those that occur, by the number of documents, in their order."""
    frequency = Counter(
        word
        for r in texts.documents.values()
        for word in set(_WORD.findall(f"{r.get('title', '')} {r['text']}".lower()))
    )

    def rarest(text: str) -> str:
        words = [w for w in dict.fromkeys(_WORD.findall(text.lower())) if frequency[w]]
        kept = set(sorted(words, key=lambda w: (frequency[w], w))[:RAREST])
        return " ".join(w for w in words if w in kept) or text

    queries = {q: {**r, "text": rarest(r["text"])} for q, r in texts.queries.items()}
    return replace(texts, queries=queries)


def _advisories(top: Path) -> Texts:
    """The last sentence of each advisory against the rest of it."""
    documents, queries = {}, {}
    for i, r in _records(top / "drift-advisories/corpus.jsonl").items():
        *rest, last = _SENTENCE.split(r["text"].strip())
        documents[i] = {"_id": i, "title": r["title"], "text": " ".join(rest) or last}
        if rest and len(last.split()) >= 4:
            queries[f"last-{i}"] = {"_id": f"last-{i}", "text": last}
    judged = {q: {q.removeprefix("last-"): 1} for q in queries}
    return Texts(documents, queries, judged)


def _traces(top: Path) -> Texts:
    folder = top / "agent-traces"
    both = _judged(folder / "qrels/train.tsv", folder / "qrels/test.tsv")
    return Texts(_records(folder / "corpus.jsonl"), _records(folder / "queries.jsonl"), both)


def _emoji(kind: str) -> Callable[[Path], Texts]:
    """Queries of a kind against the names of one design's emoji."""

    def made(top: Path) -> Texts:
        folder = top / "emoji-images"
        with (folder / "pairs.jsonl").open(encoding="utf-8") as f:
            pairs = [r for r in map(json.loads, f) if r["design"] == "openmoji"]
        documents = {r["image"]: {"_id": r["image"], "text": r["text"]} for r in pairs}
        queries = _records(folder / "text2image/queries.jsonl")
        queries = {q: r for q, r in queries.items() if r["kind"] == kind}
        graded = _judged(*sorted((folder / "text2image/qrels").glob("*.tsv")))
        kept = (
            (q, {d: g for d, g in grades.items() if d in documents})
            for q, grades in graded.items()
            if q in queries
        )
        return Texts(documents, queries, {q: grades for q, grades in kept if grades})

    return made


def _faq_questions(top: Path) -> Texts:
    """Swedish questions against the same questions in English."""
    every = _records(top / "faq-construction/queries.jsonl")
    documents = {q: r for q, r in every.items() if q.startswith("en:")}
    queries = {q: r for q, r in every.items() if q.startswith("sv:") and "en:" + q[3:] in documents}
    return Texts(documents, queries, {q: {"en:" + q[3:]: 1} for q in queries})


def _paraphrases(file: str) -> Callable[[Path], Texts]:
    """First sentences against the second ones of all pairs."""

    def made(top: Path) -> Texts:
        with (top / file).open(newline="", encoding="utf-8") as f:
            pairs = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
        ids = {s: f"d{i}" for i, s in enumerate(dict.fromkeys(p["sentence2"] for p in pairs))}
        documents = {d: {"_id": d, "text": s} for s, d in ids.items()}
        same = [p for p in pairs if float(p["score"]) >= PARAPHRASE]
        names = {s: f"q{i}" for i, s in enumerate(dict.fromkeys(p["sentence1"] for p in same))}
        judged: Judged = {}
        for p in same:
            judged.setdefault(names[p["sentence1"]], {})[ids[p["sentence2"]]] = 1
        return Texts(documents, {q: {"_id": q, "text": s} for s, q in names.items()}, judged)

    return made


def _helpdesk(language: str) -> Callable[[Path], Texts]:
    """The articles of one language, and its queries by the judgments within it."""

    def made(top: Path) -> Texts:
        texts = _known("helpdesk-own")(top)
        assert texts.files is not None
        judged = {
            q: {d.partition("/")[2]: g for d, g in grades.items()}
            for q, grades in texts.judged.items()
            if q.startswith(f"{language}-")
        }
        return replace(texts, judged=judged, files=texts.files / language)

    return made


FAQ = "faq-construction"
SETS: dict[str, Callable[[Path], Texts]] = {
    "advisories-last": _advisories,
    "agent-traces": _traces,
    "cmrc-zh": _known("cmrc-zh"),
    "code": _known("code"),
    "cosqa": _known("cosqa"),
    "cosqa-dev": _joined(
        "cosqa-dev/queries.jsonl", "cosqa-dev/qrels/dev.tsv", "cosqa/corpus.jsonl"
    ),
    "cosqa-ja": _joined("cosqa-ja/queries.jsonl", "cosqa/qrels/test.tsv", "cosqa/corpus.jsonl"),
    "cosqa-keywords": _known("cosqa"),
    "emoji-tags": _emoji("tags"),
    "emoji-zh": _emoji("zh"),
    "faq-en": _known("faq-en"),
    "faq-en-sv": _joined(
        f"{FAQ}/queries.jsonl", f"{FAQ}/qrels/test-en.tsv", f"{FAQ}/corpus-sv.jsonl"
    ),
    "faq-sv": _known("faq-sv"),
    "faq-sv-en": _known("faq-sv-en"),
    "faq-sv-questions": _faq_questions,
    "helpdesk": _known("helpdesk"),
    "helpdesk-en": _helpdesk("en"),
    "helpdesk-zh": _helpdesk("zh"),
    "memories": _known("memories"),
    "nl2bash": _known("nl2bash"),
    "scifact": _known("scifact"),
    "scifact-keywords": _known("scifact"),
    "scifact-train": _joined(
        "scifact-train/queries.jsonl", "scifact-train/qrels/train.tsv", "scifact/corpus.jsonl"
    ),
    "stsb-en": _paraphrases("stsb-en-test.tsv"),
    "stsb-zh": _paraphrases("stsb/stsb-zh-test.tsv"),
    "xquad-en": _known("xquad-en"),
    "xquad-en-keywords": _known("xquad-en"),
    "xquad-en-zh": _joined(
        "xquad-en/queries.jsonl", "xquad-zh/qrels/test.tsv", "xquad-zh/corpus.jsonl"
    ),
    "xquad-zh": _known("xquad-zh"),
    "xquad-zh-en": _joined(
        "xquad-zh/queries.jsonl", "xquad-en/qrels/test.tsv", "xquad-en/corpus.jsonl"
    ),
}
"""Sets by name. Those of keywords are sampled as what they are made of, so that both have one index."""


def make(name: str, top: Path, documents: int, queries: int) -> Texts:
    """The part of a set that is measured. `top`: folder of collections. Raises FileNotFoundError."""
    texts = SETS[name](top).sampled(documents, queries)
    return keywords(texts) if name.endswith("-keywords") else texts


def others(top: Path, known: Iterable[str]) -> dict[str, Path]:
    """BEIR folders by name, `top` itself or inside it, that are none of the known names."""
    inside = [top, *sorted(p for p in top.iterdir() if p.is_dir())]
    found = (p for p in inside if (p / "corpus.jsonl").exists() and (p / "qrels").is_dir())
    return {p.resolve().name: p for p in found if p.resolve().name not in set(known)}
