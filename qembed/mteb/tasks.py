"""Tasks of mteb: by name, and of one's own files, which need no network.

A BEIR folder becomes a retrieval task, a file of graded sentence pairs a task of similarity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import InputError, UsageError
from qembed.evaluation import read_beir
from qembed.evaluation.sts import read_sts
from qembed.inputs import is_file, is_folder
from qembed.mteb.library import cache_if_unreachable, quiet_mteb, require_mteb
from qembed.pipeline.experiments.inputs import read_collection
from qembed.types import Document, Qrels, Query

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.sts import AbsTaskSTS

LANGUAGE = "eng-Latn"
"""Language that mteb shows for a task of files, which do not name theirs; it changes no score."""


def beir_task(
    folder: str | Path, split: str = "test", *, warn: Callable[[str], None] = lambda _: None
) -> AbsTaskRetrieval:
    """Retrieval task of a BEIR folder, offline.

    Its name holds the content's digest, because mteb keeps results by name. A query that is a document of
    its own (ArguAna, Quora: same id, same words, not judged) is left out of its results. `warn`: called
    with each warning about the files. Raises InputError with all mistakes, UsageError without mteb.
    """
    require_mteb()
    import datasets
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData

    path = Path(folder)
    beir = read_beir(path, split, warn=warn)
    documents = read_collection(beir.corpus)
    queries = [q for q in beir.queries if q.text.strip()]
    judged = {q.id: {d: max(0, grade) for d, grade in beir.qrels[q.id].items()} for q in queries}
    rows = [{"id": d.id, "title": d.title, "text": d.text} for d in documents]
    digest = _digest(
        *(f"{d.id}\0{d.title}\0{d.text}" for d in documents),
        *(f"{q.id}\0{q.text}\0{sorted(judged[q.id].items())}" for q in queries),
    )

    class BeirTask(AbsTaskRetrieval):
        """Retrieval task of one folder."""

        metadata = _metadata(path, digest, "Retrieval", "ndcg_at_10", split)
        is_of_files = True
        ignore_identical_ids = _are_own_documents(queries, documents, beir.qrels)

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            """Make the data set of the files' content."""
            self.dataset = {
                "default": {
                    split: RetrievalSplitData(
                        corpus=datasets.Dataset.from_list(rows),
                        queries=datasets.Dataset.from_list(
                            [{"id": q.id, "text": q.text} for q in queries]
                        ),
                        relevant_docs={q: dict(found) for q, found in judged.items()},
                        top_ranked=None,
                    )
                }
            }
            self.data_loaded = True

    return BeirTask()


def sts_task(file: str | Path) -> AbsTaskSTS:
    """Similarity task of a TSV file with the columns `sentence1`, `sentence2`, `score`, offline.

    Raises InputError with all mistakes, UsageError without mteb.
    """
    require_mteb()
    import datasets
    from mteb.abstasks.sts import AbsTaskSTS

    path = Path(file)
    pairs = read_sts(path)
    grades = [p.grade for p in pairs]

    class PairsTask(AbsTaskSTS):
        """Similarity task of one file."""

        metadata = _metadata(
            path,
            _digest(*(f"{p.one}\0{p.other}\0{p.grade!r}" for p in pairs)),
            "STS",
            "cosine_spearman",
            "test",
        )
        is_of_files = True
        min_score = min(grades)
        max_score = max(grades)

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            """Make the data set of the file's content."""
            columns = {
                "sentence1": [p.one for p in pairs],
                "sentence2": [p.other for p in pairs],
                "score": grades,
            }
            self.dataset = datasets.DatasetDict({"test": datasets.Dataset.from_dict(columns)})
            self.data_loaded = True

    return PairsTask()


def find_tasks(
    names: Sequence[str], split: str = "test", warn: Callable[[str], None] = lambda _: None
) -> dict[str, AbsTask]:
    """Tasks that the names stand for: tasks of mteb, its benchmarks, BEIR folders, files of pairs.

    Files and folders that exist go before names. Raises UsageError for names that are nothing, and for
    tasks of pictures or sound.
    """
    found: dict[str, AbsTask] = {}
    refused: list[str] = []
    with quiet_mteb():
        for name in names:
            path = Path(name).expanduser()
            if is_folder(path):
                found[name] = beir_task(path, split, warn=warn)
            elif is_file(path):
                found[name] = sts_task(path)
            else:
                named = _named_tasks(name)
                if isinstance(named, str):
                    refused.append(named)
                else:
                    found.update(named)
        for name, task in found.items():
            others = sorted(set(task.metadata.modalities) - {"text"})
            if others:
                refused.append(f"{name}: it holds {' and '.join(others)}, qembed encodes text")
    if refused:
        raise UsageError("\n  ".join(["--mteb: not to be run", *refused]))
    return found


def _named_tasks(name: str) -> Mapping[str, AbsTask] | str:
    """Tasks of mteb by the name of a task or benchmark, or a line that says why there is none."""
    import mteb

    try:
        return {name: mteb.get_task(name)}
    except KeyError as e:
        reason = str(e.args[0]).removeprefix("KeyError: ")
    try:
        tasks = mteb.get_benchmark(name).tasks
    except KeyError:
        return f"{name}: no task or benchmark of mteb, no BEIR folder, no file of pairs ({reason})"
    return {task.metadata.name: task for task in tasks}


def parts(task: AbsTask) -> Sequence[AbsTask]:
    """Tasks with data of their own: those that an aggregate (CQADupstack) is made of, else the task."""
    return task.metadata.tasks if task.is_aggregate else [task]


def load(name: str, task: AbsTask) -> None:
    """Load a task's data. Raises InputError saying why it cannot be had."""
    # a task of files has its data here
    with nullcontext() if getattr(task, "is_of_files", False) else cache_if_unreachable():
        _load(name, task)


def _load(name: str, task: AbsTask) -> None:
    for part in parts(task):
        try:
            part.load_data()
        except Exception as e:  # each data set has its own way to fail: hub, network, disk, format
            reason = " ".join(f"{type(e).__name__}: {e}".split())[:300]
            raise InputError(
                f"--mteb {name}: its data cannot be loaded: {reason} (without a network it must be in the "
                "cache of Hugging Face datasets)"
            ) from e


def _are_own_documents(
    queries: Sequence[Query], documents: Sequence[Document], qrels: Qrels
) -> bool:
    """True if queries are documents themselves: same id, same words, not judged for each other.

    mteb leaves out by id alone: False if that would also take a judged document away.
    """
    texts = {d.id: (d.text.strip(), f"{d.title} {d.text}".strip()) for d in documents}
    own = [q for q in queries if q.id in texts]
    if any(qrels.get(q.id, {}).get(q.id, -1) >= 0 for q in own):
        return False
    return any(q.text.strip() in texts[q.id] for q in own)


def _digest(*parts: str) -> str:
    """Digest of the content, 8 hex digits."""
    key = hashlib.blake2b(digest_size=4)
    for part in parts:
        key.update(part.encode("utf-8", "surrogatepass") + b"\0\0")
    return key.hexdigest()


def _metadata(path: Path, digest: str, kind: str, main_score: str, split: str) -> Any:
    """Metadata of a task of files."""
    from mteb.abstasks.task_metadata import TaskMetadata

    return TaskMetadata(
        name=f"{path.resolve().name}-{digest}",
        description=f"{kind} of the files in {path.name}",
        type=kind,
        dataset={"path": path.name, "revision": digest},
        eval_splits=[split],
        eval_langs=[LANGUAGE],
        main_score=main_score,
        modalities=["text"],
        category="t2t",
    )
