"""Exported graph run by onnxruntime.

Weights lie beside the graph and are mapped into memory, matrices prepacked for this CPU's kernels: a cold
start does not pack them again, and a query of ten words takes half the time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.environment import cores_shared, threads
from qembed.models.onnx.cache import GRAPH, TOKENIZER, Export, ExportDamaged
from qembed.models.onnx.runtime import import_onnxruntime
from qembed.models.onnx.word_table import WordTable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ids = npt.NDArray[np.integer[Any]]

ROWS = "rows"
"""Input of graphs without padding, int64 (tokens,): positions of tokens in the flattened batch."""
WORDS = "words"
"""Input of graphs without a word table, float32 (tokens, width): its row of each token, without padding."""
TYPES = "token_type_ids"
SMALL_BATCH_TOKENS = 512
"""Largest batch, in tokens with padding, that runs on half of the cores beside another batch."""
TOKENS_PER_CORE = 384
MAX_BATCH_TOKENS = 2048
"""Tokens in a batch, for each core and at most. A batch that stays in the caches is faster; too few rows do
not keep a core busy (`tests.bench.indexing` measures it)."""


def batch_tokens() -> int:
    """Tokens in a batch on this machine, padding included."""
    return min(MAX_BATCH_TOKENS, max(SMALL_BATCH_TOKENS, TOKENS_PER_CORE * threads()))


class GraphSession:
    """Graph of an export, loaded for all cores, or `one_core`. Raises ExportDamaged if it cannot be loaded.

    `graph`: folder of another graph with the same inputs.

    For runs on other numbers of cores it is loaded once these are asked for; all share the mapped weights.
    """

    def __init__(self, export: Export, one_core: bool = False, graph: Path | None = None) -> None:
        self._path = (graph or export.folder) / GRAPH
        self.inputs: list[str] = list(export.facts["inputs"])
        self._sessions: dict[int, Any] = {}
        self._guard = threading.Lock()
        self._running = 0
        width = export.facts.get("table")
        self._table = WordTable(export, int(width)) if width else None
        self._length: int | None = export.facts.get("length")
        self._session(1 if one_core else threads())

    def batch_feed(self, rows: Sequence[Ids], pad: int) -> dict[str, Any]:
        """Inputs for a batch. `rows`: token ids of each text, int64; `pad`: id of the padding token."""
        import numpy as np

        values, mask = padded(rows, pad, "right", self._length)
        # a batch without any token still needs one row; the mask hides it
        kept = mask.ravel().nonzero()[0] if mask.any() else np.zeros(1, dtype=np.int64)
        feed = {"input_ids": values, "attention_mask": mask, ROWS: kept}
        if self._table is not None:
            feed[WORDS] = self._table.rows(values.ravel()[kept])
        return feed

    def settle_on_one_core(self) -> None:
        """Load the graph for one core, once in place of the one for all: both count as mapped memory."""
        with self._guard:
            if 1 not in self._sessions:
                self._sessions.pop(threads(), None)
                self._opened(1)

    @property
    def settled(self) -> bool:
        """True if the graph is loaded for one core."""
        return 1 in self._sessions

    def _session(self, cores: int) -> Any:
        with self._guard:
            return self._opened(cores)

    def _opened(self, cores: int) -> Any:
        if cores not in self._sessions:
            ort: Any = import_onnxruntime()
            ort.set_default_logger_severity(4)
            options = ort.SessionOptions()
            options.log_severity_level = 4
            # the exported graph is optimised already
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.intra_op_num_threads = cores
            if cores_shared():
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            # it would keep a plan for each shape of a batch, without limit
            options.enable_mem_pattern = False
            try:
                self._sessions[cores] = ort.InferenceSession(
                    str(self._path), options, providers=["CPUExecutionProvider"]
                )
            except Exception as e:  # onnxruntime's errors have no class in common but this one
                raise ExportDamaged(f"{self._path}: {e}") from e
        return self._sessions[cores]

    def run(
        self,
        output: str,
        feed: dict[str, Any],
        half_cores: bool = False,
        one_core: bool = False,
    ) -> Any:
        """Compute one output for a batch. `feed`: arrays by input name, `batch_feed`'s. Thread-safe.

        A small batch runs on half of the cores if `half_cores` says so or another batch is running: two
        batches at a time are faster that way than one after the other on all cores. `one_core`: run on the
        calling thread. Numbers do not change.
        """
        mask = feed.get("attention_mask")  # None: of pictures
        large = mask is None or mask.size > SMALL_BATCH_TOKENS
        with self._guard:
            self._running += 1
            all_cores = large or (self._running == 1 and not half_cores)
        cores = 1 if one_core else threads() if all_cores else max(1, threads() // 2)
        try:
            session = self._session(cores)
            return session.run([output], {name: feed[name] for name in self.inputs})[0]
        finally:
            with self._guard:
                self._running -= 1


def load_tokenizer(export: Export, max_tokens: int) -> Any:
    """Tokenizer (`tokenizers.Tokenizer`) of an export, truncating, not padding. Raises ExportDamaged."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(export.folder / TOKENIZER))
    except Exception as e:  # tokenizers has no class of its own for it
        raise ExportDamaged(f"{export.folder / TOKENIZER}: {e}") from e
    # special tokens at both ends are kept, and count
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def padded(rows: Sequence[Ids], fill: int, side: str, length: int | None = None) -> tuple[Ids, Ids]:
    """(values, mask), both int64 (rows, longest row). `side`: left or right, where padding goes.

    `length`: of all rows, for models that read each text with so much padding; None for the longest row's.
    """
    import numpy as np

    width = length or (max(1, *(len(r) for r in rows)) if rows else 1)
    values = np.full((len(rows), width), fill, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        part = slice(width - len(row), width) if side == "left" else slice(0, len(row))
        values[i, part] = row
        mask[i, part] = 1
    return values, mask
