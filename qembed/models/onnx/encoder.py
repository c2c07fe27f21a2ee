"""Encoder through tokenizers and onnxruntime, without torch and transformers.

Vectors equal TorchEncoder's within 1e-5, from the graph that onnx_export made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.batching import by_length
from qembed.models.onnx.cache import Export
from qembed.models.onnx.core_batches import in_order, plan_batches
from qembed.models.onnx.session import GraphSession, batch_tokens
from qembed.models.onnx.tokens import ExportTokenizer
from qembed.protocols import EncoderInfo
from qembed.vectors import normalize_encoded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

MAX_COUNTED_CHARS = 10_000
"""Longest text whose token count is kept until the next call."""
SHORT_TOKENS = 256
"""Of a model of which each core computes texts of its own: a text of 512 would take 40 MB for each core."""
FEWEST_TOKENS = 2048
"""Tokens of a call for which the graph is loaded for one core too: that takes as long as 500 of them."""
VECTOR = "vector"
STATES = "states"
"""Outputs of the graph: float32 (texts, width) and (texts, tokens, width)."""


class OnnxEncoder:
    """Encoder and TokenEncoder of an export. `dim`: truncate vectors to so many dimensions.

    Raises ExportDamaged if the export cannot be loaded, ImportError without onnxruntime.
    """

    def __init__(self, export: Export, dim: int, max_tokens: int) -> None:
        self.dim = dim
        self._export = export
        self._graph = GraphSession(export)
        self._tokenizer = ExportTokenizer(export, max_tokens)
        self._pad = int(export.facts["pad_id"])
        self._short = max_tokens <= SHORT_TOKENS
        self.info = EncoderInfo(batch_invariant=bool(export.facts.get("apart")), thread_safe=True)
        self._counted: dict[str, int] = {}
        self._approximate: OnnxEncoder | None = None

    def approximate(self) -> OnnxEncoder:
        """Token encoder by 8-bit products, itself where it has none here. Made at the first call."""
        if self._approximate is None:
            from qembed.models.onnx.eight_bit import check_tokens, eight_bit

            found = eight_bit(
                self._export, STATES, self._with_graph, lambda ours: check_tokens(self, ours)
            )
            self._approximate = found or self
        return self._approximate

    def _with_graph(self, folder: Path) -> OnnxEncoder:
        """Encoder with this one's tokenizer and the graph in a folder. Raises ExportDamaged."""
        other = copy(self)
        other._graph = GraphSession(self._export, one_core=True, graph=folder)
        return other

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> Vectors:
        """Vectors of the texts, float32 (len(texts), dim), rows of length 1, in their order.

        Vectors are truncated to `dim` before they are normalised. Each core computes batches of its own,
        where there are enough and texts are short. `half_cores`: leave half of the CPU cores to other
        threads. Raises EncodingError for NaN or infinity.
        """
        import numpy as np

        out = np.empty((len(texts), self.dim), dtype=np.float32)
        ids = self._ids(texts)
        at_a_time, tokens = 1, batch_tokens()
        if self._short and not half_cores:
            fewest = 0 if self._graph.settled else FEWEST_TOKENS
            at_a_time, tokens = plan_batches([len(row) for row in ids], fewest)
        if at_a_time > 1:
            self._graph.settle_on_one_core()

        def vectors(given: tuple[list[int], dict[str, Any]]) -> Any:
            return self._graph.run(VECTOR, given[1], half_cores, one_core=at_a_time > 1)

        with closing(in_order(vectors, self._feeds(ids, tokens), at_a_time)) as computed:
            for (batch, _), raw in computed:
                out[batch] = normalize_encoded(raw[:, : self.dim], [texts[i] for i in batch])
        return out

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Last states of each text's attended tokens, float32 (tokens, width), rows of length 1.

        Each core computes batches of its own, where there are enough.
        """
        found: list[Vectors] = [None] * len(texts)  # type: ignore[list-item]
        ids = self._ids(texts)
        at_a_time, tokens = plan_batches([len(row) for row in ids])

        def states(given: tuple[list[int], dict[str, Any]]) -> Any:
            return self._graph.run(STATES, given[1], one_core=at_a_time > 1)

        with closing(in_order(states, self._feeds(ids, tokens), at_a_time)) as computed:
            for (batch, feed), raw in computed:
                keep = feed["attention_mask"].astype(bool)
                for i, row, mask in zip(batch, raw, keep, strict=True):
                    kept = row[mask]
                    found[i] = normalize_encoded(kept, [texts[i]] * len(kept))
        return found

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text before truncation, special tokens included.

        Counts of the last `encode` call are reused, except those of very long texts.
        """
        known = self._counted
        new = [t for t in texts if t not in known]
        if new:
            known = known | dict(zip(new, self._tokenizer.count(new), strict=True))
        return [known[t] for t in texts]

    def _ids(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        import numpy as np

        encoded = self._tokenizer.encode(texts)
        lengths = zip(texts, self._tokenizer.lengths(encoded), strict=True)
        self._counted = {t: n for t, n in lengths if len(t) <= MAX_COUNTED_CHARS}
        return [np.array(e.ids, dtype=np.int64) for e in encoded]

    def _feeds(
        self, ids: Sequence[npt.NDArray[np.int64]], tokens: int
    ) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Batches as (positions of texts, inputs of the graph), longest texts first.

        `ids`: of each text; `tokens`: in a batch at most.
        """
        for batch in by_length([len(row) for row in ids], tokens=tokens):
            yield batch, self._graph.batch_feed([ids[i] for i in batch], self._pad)
