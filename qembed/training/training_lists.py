"""Training lists of one training: mined or read, without what is held out; old ones mixed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from qembed.errors import InputError, UsageError
from qembed.evaluation.tuning import connected_components
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.mining.lists import TrainingList, read_lists
from qembed.training.mining.mine import MiningOptions, mine_judged
from qembed.training.split import QuerySplit
from qembed.types import Qrels, Query

REPLAYED = "replay:"
"""Prefix of the query ids of old lists, whose queries are others than those of the same ids now."""
T = TypeVar("T")


class HeldOut(Protocol):
    """Queries that a verdict is about: with new documents, and with those that are trained on."""

    @property
    def new(self) -> Sequence[Query]:
        """Queries of which no document may be trained on."""
        ...

    @property
    def seen(self) -> Sequence[Query]:
        """Queries that may not be trained on, word for word."""
        ...


def check_replay(share: float, file: Path | None, ewc: bool | None = None) -> None:
    """Raise UsageError for a share that is none, or `--replay` and `--replay-from` alone.

    `ewc`: whether an anchor reads the old lists, None where no anchor can.
    """
    if share and not 0 < share < 1:
        raise UsageError(f"--replay {share:g}: above 0 and below 1")
    if (file is not None) != (bool(share) or bool(ewc)):
        raise UsageError(
            "--replay and --replay-from FILE want one another"
            if ewc is None
            else "--replay-from FILE goes with --replay or an --anchor by ewc, and they with it"
        )


def training_lists(
    session: Session,
    file: Path | None,
    split: QuerySplit,
    qrels: Qrels,
    seed: int,
    progress: Progress,
) -> list[TrainingList]:
    """Lists of the trained queries: mined, or those of a file that have nothing to do with held-out ones.

    Raises InputError without any.
    """
    if file is None:
        return mine_judged(session, split.train, qrels, MiningOptions(seed=seed), progress).lists
    away = {q.id for q in (*split.new, *split.seen)}
    found = unrelated([t for t in read_lists(file) if t.query_id not in away], split, qrels)
    if not found:
        raise InputError(f"{file}: all lists are of queries that are held out")
    return found


def unrelated(lists: Sequence[TrainingList], held_out: HeldOut, qrels: Qrels) -> list[TrainingList]:
    """Lists that share neither a relevant document nor nearly all words with queries of new documents.

    Lists that would be connected with one through others are left out too, and so are queries that are
    held out with seen documents, word for word.
    """
    kept = apart(
        [t.query for t in lists],
        [[t.positive_id or t.positive] for t in lists],
        held_out,
        qrels,
    )
    return [lists[i] for i in kept]


def apart(
    queries: Sequence[str], documents: Sequence[Sequence[str]], held_out: HeldOut, qrels: Qrels
) -> list[int]:
    """Positions of queries, with their relevant documents, that have nothing to do with held-out ones."""
    relevant = [[d for d, grade in qrels[q.id].items() if grade > 0] for q in held_out.new]
    held = len(held_out.new)
    texts = [*(q.text for q in held_out.new), *queries]
    components = connected_components(texts, [*relevant, *documents])
    away = {i for members in components if any(n < held for n in members) for i in members}
    seen = {q.text for q in held_out.seen}
    return [i for i, query in enumerate(queries) if i + held not in away and query not in seen]


def replayed(
    lists: Sequence[TrainingList],
    file: Path,
    share: float,
    held_out: HeldOut,
    qrels: Qrels,
    seed: int,
) -> list[TrainingList]:
    """Old lists, drawn from a file, that make up `share`, from 0 to 1, of the training beside `lists`.

    Their query ids get the prefix REPLAYED. Fewer if the file has no more that are unrelated to what is held
    out. Raises InputError if there is no such list.
    """
    old = drawn(
        unrelated(read_lists(file, "--replay-from"), held_out, qrels), len(lists), share, seed, file
    )
    return [replace(item, query_id=REPLAYED + item.query_id) for item in old]


def drawn(old: Sequence[T], count: int, share: float, seed: int, file: Path) -> list[T]:
    """Draw so many of `old`, in their order, that they make up `share` beside `count` new ones; or all.

    `file`: where they are from. Raises InputError if there is none.
    """
    import numpy as np

    if not old:
        raise InputError(f"--replay-from {file}: no list that is not of a held-out query")
    wanted = max(1, round(share / (1 - share) * count))
    order = np.random.default_rng(seed).permutation(len(old))[:wanted].tolist()
    return [old[i] for i in sorted(order)]
