"""Training of an update, on made queries (`train adapt`) or on judged ones (`train encoder`), and merge."""

from __future__ import annotations

from typing import Any

from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.made_queries import write_made_queries
from qembed.training.adapting.run import AdaptJob, adapt_encoder
from qembed.training.encoder.run import EncoderJob, train_encoder
from qembed.training.merging.merge import merge_models
from qembed.training.mining.lists import write_lists
from qembed.training.mining.mine import MiningOptions, mine_pairs
from qembed.training.updating.job import UpdateJob, Warn
from qembed.training.updating.material import Material
from qembed.types import Query

HELD_OUT = 0.15
"""Share of the training's own queries that its verdict is about; the update judges by others."""


def train_on(
    job: UpdateJob, material: Material, spec: str, progress: Progress, warn: Warn
) -> dict[str, Any]:
    """Train the model that `spec` names, and merge it with what it was; JSON of the training.

    Raises what `adapt_encoder` and `train_encoder` raise.
    """
    body = (
        _by_made(job, material, progress, warn)
        if job.judged is None
        else _by_judged(job, material, progress, warn)
    )
    if body["written"] and job.merge < 1:
        merge_models(spec, str(job.trained), job.out, weight=job.merge)
    return body


def _by_made(job: UpdateJob, material: Material, progress: Progress, warn: Warn) -> dict[str, Any]:
    write_made_queries(material.trained, job.made)
    adapt = AdaptJob(
        root=job.root,
        out=job.trained,
        made=job.made,
        most=job.most,
        held_out=HELD_OUT,
        options=job.options,
    )
    return adapt_encoder(adapt, progress, warn)


def _by_judged(
    job: UpdateJob, material: Material, progress: Progress, warn: Warn
) -> dict[str, Any]:
    """Train on judged queries; those made of old documents are replayed, if there are any."""
    assert job.judged is not None
    replay = job.replay if material.replayed else 0.0
    if replay:
        old = material.trained[len(material.trained) - material.replayed :]
        pairs = [(Query(q.id, q.text), q.positive, q.document) for q in old]
        with Session(job.root) as session:
            lists = mine_pairs(session, pairs, MiningOptions(seed=job.options.seed), progress).lists
        write_lists(lists, job.replayed)
    encoder = EncoderJob(
        root=job.root,
        out=job.trained,
        queries=job.judged[0],
        qrels=job.judged[1],
        replay=replay,
        replay_from=job.replayed if replay else None,
        held_out=HELD_OUT,
        options=job.options,
    )
    return train_encoder(encoder, progress, warn)
