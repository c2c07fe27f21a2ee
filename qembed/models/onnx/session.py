"""One exported graph, run by onnxruntime.

The weights lie beside the graph and are mapped into memory, the matrices among them arranged for this CPU's
multiplication: a cold start does not arrange them again, and a query of ten words takes half the time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qembed.models.environment import cores_shared, threads
from qembed.models.onnx.cache import GRAPH, TOKENIZER, Export, ExportDamaged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

ROWS = "rows"
"""An input of graphs without padding, int64 (tokens,): which places of the flattened batch hold tokens."""
SMALL_BATCH_TOKENS = 512
"""Tokens in a batch, padding included, that half of the cores do well beside another batch."""
CORE = 384
LARGEST = 2048
"""Tokens in a batch, for each core and at most. Numbers that stay in the caches make a batch faster; too few
rows do not keep a core busy (`tests.bench.indexing` shows the whole)."""


def tokens() -> int:
    """Tokens in a batch on this machine, padding included."""
    return min(LARGEST, max(SMALL_BATCH_TOKENS, CORE * threads()))


class GraphSession:
    """Runs the graph of an export. Raises Damaged if it cannot be loaded."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self.inputs: list[str] = list(export.facts["inputs"])
        self._sessions: dict[bool, Any] = {}
        self._guard = threading.Lock()
        self._running = 0
        self._session(alone=True)

    def _session(self, alone: bool) -> Any:
        with self._guard:
            return self._opened(alone)

    def _opened(self, alone: bool) -> Any:
        if alone not in self._sessions:
            import onnxruntime as ort

            ort.set_default_logger_severity(4)
            options = ort.SessionOptions()
            options.log_severity_level = 4
            options.graph_optimization_level = (
                ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            )  # done ahead
            options.intra_op_num_threads = threads() if alone else max(1, threads() // 2)
            if cores_shared():
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            # a plan for each shape of a batch would be kept, and shapes do not end
            options.enable_mem_pattern = False
            try:
                self._sessions[alone] = ort.InferenceSession(
                    str(self._export.folder / GRAPH), options, providers=["CPUExecutionProvider"]
                )
            except Exception as e:  # onnxruntime's errors have no class in common but this one
                raise ExportDamaged(f"{self._export.folder / GRAPH}: {e}") from e
        return self._sessions[alone]

    def run(self, output: str, feed: dict[str, Ids], beside: bool = False) -> Any:
        """One output for a batch: int64 (texts, tokens) arrays by input name. Safe from several threads.

        A small batch takes half of the cores `beside` other work, and beside another batch in any case: two
        at a time are faster so than one after the other on all cores. It does not show in the numbers.
        """
        large = feed[self.inputs[0]].size > SMALL_BATCH_TOKENS
        with self._guard:
            self._running += 1
            alone = large or (self._running == 1 and not beside)
        try:
            session = self._session(alone)
            return session.run([output], {name: feed[name] for name in self.inputs})[0]
        finally:
            with self._guard:
                self._running -= 1


def load_tokenizer(export: Export, max_tokens: int) -> Any:
    """The `tokenizers.Tokenizer` that torch would have used, truncating, not padding."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(export.folder / TOKENIZER))
    except Exception as e:  # tokenizers has no class of its own for it
        raise ExportDamaged(f"{export.folder / TOKENIZER}: {e}") from e
    # the special tokens at both ends are kept, and count
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def padded(rows: Sequence[Ids], fill: int, side: str) -> tuple[Ids, Ids]:
    """(values, mask), both int64 (rows, longest row), each row at the other side than its padding."""
    import numpy as np

    width = max(1, *(len(r) for r in rows)) if rows else 1
    values = np.full((len(rows), width), fill, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        part = slice(width - len(row), width) if side == "left" else slice(0, len(row))
        values[i, part] = row
        mask[i, part] = 1
    return values, mask
