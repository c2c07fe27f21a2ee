"""Cross-encoder through tokenizers and onnxruntime, without torch: logits of (query, passage) pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.core_batches import in_order, plan_batches
from qembed.models.onnx.session import ROWS, TYPES, GraphSession, load_tokenizer, padded

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    Tokens = npt.NDArray[np.integer[Any]]

    from qembed.types import Scores

SLICE = 64
"""Pairs that are tokenized at a time: the first scores come soon, and what a tokenizer returns takes fifty
times the memory of the ids."""
LOGITS = "logits"
"""Output of the graph: float32 (pairs, 1)."""


class Slice(NamedTuple):
    """Pairs that were tokenized together. `ids`, `kinds`: token ids and types of each."""

    pairs: Sequence[tuple[str, str]]
    ids: list[Tokens]
    kinds: list[Tokens]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each pair."""
        return [len(row) for row in self.ids]


class OnnxCrossEncoder:
    """Exported cross-encoder with one output. `truncated`: pairs that lost text so far.

    `batch_invariant`: a pair's logit has the same bits in any batch, as without padding.

    `graph`: folder of another graph with the same inputs. Raises ExportDamaged if the export cannot be
    loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export, graph: Path | None = None) -> None:
        self._graph = GraphSession(export, one_core=True, graph=graph)
        self._tokenizer = load_tokenizer(export, int(export.facts["max_tokens"]))
        self._facts = export.facts
        self.batch_invariant = ROWS in self._graph.inputs
        self.truncated: list[tuple[str, str]] = []

    def logits(
        self, pairs: Sequence[tuple[str, str]], track: Callable[[int], None] | None = None
    ) -> Scores:
        """Logits of the pairs, float32 (len(pairs),). Too long a pair loses the end of its longer text.

        Equal pairs are computed once, pairs of similar length together.
        """
        import numpy as np

        out = np.empty(len(pairs), dtype=np.float32)
        places: dict[tuple[str, str], list[int]] = {}
        for i, pair in enumerate(pairs):
            places.setdefault(pair, []).append(i)
        distinct = sorted(places, key=lambda pair: -len(pair[0]) - len(pair[1]))
        long: set[tuple[str, str]] = set()
        slices = (
            Slice(part, *self._tokens(part, long))
            for part in (distinct[at : at + SLICE] for at in range(0, len(distinct), SLICE))
        )
        first = next(slices, None)
        if first is None:
            return out
        at_a_time, tokens = plan_batches(first.lengths)
        batches = (
            (part, batch)
            for part in chain([first], slices)
            for batch in by_length(part.lengths, tokens=tokens)
        )

        def compute(given: tuple[Slice, list[int]]) -> Any:
            return self._run(*given, one_core=at_a_time > 1)

        with closing(in_order(compute, batches, at_a_time)) as computed:
            for (part, batch), raw in computed:
                for i, logit in zip(batch, raw, strict=True):
                    out[places[part.pairs[i]]] = logit
                if track is not None:
                    track(sum(len(places[part.pairs[i]]) for i in batch))
        self.truncated += [pair for pair in places if pair in long]
        return out

    def _run(self, part: Slice, batch: Sequence[int], one_core: bool) -> Any:
        """Logits of the pairs at the positions `batch`, float32 (len(batch),)."""
        feed = self._graph.batch_feed([part.ids[i] for i in batch], self._facts["pad_id"])
        if TYPES in self._graph.inputs:
            rows = [part.kinds[i] for i in batch]
            feed[TYPES], _ = padded(rows, self._facts["pad_type_id"], "right")
        return self._graph.run(LOGITS, feed, one_core=one_core).reshape(len(batch), -1)[:, 0]

    def _tokens(
        self, pairs: Sequence[tuple[str, str]], long: set[tuple[str, str]]
    ) -> tuple[list[Tokens], list[Tokens]]:
        """(token ids, token types) of each pair; `long` receives pairs that lost text."""
        import numpy as np

        encoded: Any = self._tokenizer.encode_batch_fast([tuple(p) for p in pairs])
        long.update(p for p, e in zip(pairs, encoded, strict=True) if e.overflowing)
        ids: list[Tokens] = [np.array(e.ids, dtype=np.int32) for e in encoded]
        kinds: list[Tokens] = [np.array(e.type_ids, dtype=np.int8) for e in encoded]
        return ids, kinds


def load_cross_encoder(export: Export) -> OnnxCrossEncoder:
    """Cross-encoder of an export, by products of integers where its weights are such. Raises as the class."""
    from qembed.models.onnx.eight_bit import check_logits, eight_bit

    found = eight_bit(
        export,
        LOGITS,
        lambda folder: OnnxCrossEncoder(export, folder),
        lambda ours: check_logits(OnnxCrossEncoder(export), ours),
        sixteen=True,
    )
    return found or OnnxCrossEncoder(export)
