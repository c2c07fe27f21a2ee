"""Indexes that are searched as one: their names, their models, and an answer from each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import UsageError
from qembed.pipeline.background import background_problem, extreme
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.federated.merge import Chance, has_scale, merge_answers
from qembed.pipeline.retrieval.loaded_model import LoadedModel, ModelSource
from qembed.pipeline.retrieval.options import check_options
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session, open_snapshot
from qembed.store.manifest import Manifest
from qembed.store.manifest import read as read_manifest

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.protocols import Encoder, Scorer
    from qembed.types import Query, Vectors


class NamedIndex(NamedTuple):
    """Index with the name by which its hits are told apart."""

    name: str
    root: Path


Reword = Callable[[Path, str], str]
"""Warning on an index as its reader is to be told it."""
Ask = Callable[[Path, QueryRequest], Answer | None]
"""Asks the server of an index; None without one."""


def name_indexes(given: Sequence[str], roots: Sequence[Path]) -> list[NamedIndex]:
    """Name indexes as they were given, or by the folder that holds each; by their paths if names are equal.

    Raises UsageError for an index that is given twice.
    """
    from qembed.pipeline.user_config.named_indexes import name_of, named_indexes

    if twice := [str(root) for root in dict.fromkeys(roots) if roots.count(root) > 1]:
        raise UsageError(f"--index: given twice: {', '.join(twice)}")
    known = named_indexes()
    names = [text if text in known else name_of(r) for text, r in zip(given, roots, strict=True)]
    return [
        NamedIndex(str(root) if names.count(name) > 1 else name, root)
        for name, root in zip(names, roots, strict=True)
    ]


def has_one_scale(manifests: Sequence[Manifest]) -> bool:
    """True if the vectors of all these indexes are of one model: their cosines compare as they are."""
    recipes = {
        (r.revision, r.dim, r.pooling, r.passage_text) for r in (m.recipe for m in manifests)
    }
    return len(recipes) == 1


def answer_several(
    indexes: Sequence[NamedIndex],
    request: QueryRequest,
    ask: Ask,
    reword: Reword = lambda _, said: said,
) -> Answer:
    """Answer a request from several indexes as one.

    What `tune` chose for one index is left out: it would put its scores on another scale. An index that a
    filter does not fit is left out with a warning, unless it fits none. Raises NoIndex, UsageError and what a
    query raises.
    """
    request = replace(request, options=replace(request.options, given=None), log=False)
    check_options(request.options)
    one_scale = has_one_scale([read_manifest(index.root) for index in indexes])
    models = SharedModels()
    answers: list[tuple[NamedIndex, Answer, Chance]] = []
    misfits: list[tuple[NamedIndex, UsageError]] = []
    for index in indexes:
        try:
            served = ask(index.root, request) if one_scale else None
            answer, chance = (
                _answer(index.root, request, models, one_scale) if served is None else (served, {})
            )
        except UsageError as e:
            if not str(e).startswith("--where"):
                raise
            misfits.append((index, e))
            continue
        said = [reword(index.root, warning) for warning in answer.warnings]
        answers.append((index, replace(answer, warnings=said), chance))
    if not answers:
        raise misfits[0][1]
    merged = merge_answers(
        [(index.name, str(index.root), answer, chance) for index, answer, chance in answers],
        request.options,
        one_scale,
    )
    left_out = [f"{i.name} is left out: {str(e).splitlines()[0]}" for i, e in misfits]
    return replace(merged, warnings=[*merged.warnings, *left_out])


def _answer(
    root: Path, request: QueryRequest, models: SharedModels, one_scale: bool
) -> tuple[Answer, Chance]:
    """Answer of one index, by a model that the others share, and the chance levels of its cosines.

    `one_scale`: these are not needed.
    """
    with open_snapshot(root) as snapshot:
        loaded = LoadedModel(snapshot.manifest, request.model, source=models)
        session = Session(root, snapshot=snapshot, loaded=loaded)
        # what is encoded here is known to the calls that want the vectors again
        encoded: dict[str, Vectors] = {}
        retriever = Retriever(session, request.options, encoded=encoded)
        answer = retriever.answer(request.queries)
        asked = [q for q in request.queries if q.id not in answer.refused]
        chance = _chance_levels(session, retriever, asked)
        wanted = asked and not chance and not one_scale and has_scale(request.options)
        if wanted and (problem := background_problem(session.snapshot)):
            said = "hits of different models are merged by rank"
            note = f"the background is {problem}: {said} (qembed index makes it)"
            answer = replace(answer, warnings=[*answer.warnings, note])
        return answer, chance


def _chance_levels(session: Session, retriever: Retriever, queries: Sequence[Query]) -> Chance:
    """Chance level of each query's cosines in an index; {} where it is not known."""
    texts = retriever.texts_to_encode(queries)
    background = session.search.background if texts else None
    if background is None:
        return {}
    scale = background.spread * extreme(session.snapshot.passages_total)
    means = (retriever.encode(texts) @ background.mean).tolist()
    return {q.id: (float(mean), scale) for q, mean in zip(queries, means, strict=True)}


class SharedModels(ModelSource):
    """Models and encoders that several indexes share: each is loaded once."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, int | None], Model] = {}
        self._encoders: dict[int, Encoder] = {}
        self._rerankers: dict[tuple[str, int], Scorer] = {}

    def open(self, spec: str, dim: int | None = None) -> Model:
        """Open the model that `spec` names, once."""
        key = spec, dim
        if key not in self._models:
            self._models[key] = super().open(spec, dim)
        return self._models[key]

    def encoder(self, model: Model) -> Encoder:
        """Load the model's weights, once."""
        if id(model) not in self._encoders:
            self._encoders[id(model)] = super().encoder(model)
        return self._encoders[id(model)]

    def reranker(self, spec: str, model: Model) -> Scorer:
        """Open the reranker that `spec` names, once for each model."""
        key = spec, id(model)
        if key not in self._rerankers:
            self._rerankers[key] = super().reranker(spec, model)
        return self._rerankers[key]
