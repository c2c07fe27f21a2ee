"""Files of an export: the graph with its weights, a large word table, the tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qembed.models.onnx.cache import GRAPH, TOKENIZER, WEIGHTS
from qembed.models.onnx.images import PIXELS
from qembed.models.onnx.runtime import import_onnxruntime
from qembed.models.onnx.session import ROWS, TYPES, WORDS
from qembed.models.onnx.word_table import WORD_TABLE
from qembed.models.onnx_export.pieces import checked_pieces
from qembed.models.tokenization import backend_of, no_special_tokens

IDS = ("input_ids", "attention_mask")
RAW = "raw.onnx"
SLOWER = ["SkipLayerNormFusion"]
"""Optimisers that are left out: sum and norm of 2,000 rows as one node take four to seven times as long as
two nodes, a twelfth of an encoder's time (onnxruntime 1.32, CPU)."""
LARGE_TABLE = 32 << 20
"""Bytes of a word table, float32, from which on it stays outside the graph."""


def write_word_table(transformer: Any, out: Path) -> tuple[str, dict[str, Any]]:
    """Write a large word table beside the graph. Returns (the graph's first input, facts about the table).

    No table, and no facts, for a small one, and for what is no transformer.
    """
    try:
        table = transformer.get_input_embeddings().weight
    except (AttributeError, NotImplementedError):
        return "input_ids", {}
    if table.numel() * 4 < LARGE_TABLE:
        return "input_ids", {}
    with (out / WORD_TABLE).open("wb") as f:
        table.detach().float().numpy().tofile(f)
    return WORDS, {"table": int(table.shape[1])}


def write_graph(
    wrapped: Any,
    inputs: Sequence[str],
    outputs: Sequence[str],
    out: Path,
    width: int | None = None,
    *,
    length: int | None = None,
    pixels: tuple[int, int] | None = None,
) -> None:
    """Export with dynamic batch and length, then save the graph that onnxruntime optimises for this CPU.

    `width`: of the rows in WORDS, if that is an input. `length`: tokens of all texts, where they are all
    padded to so many. `pixels`: height and width of pictures, if PIXELS is the input.
    """
    import torch

    ort: Any = import_onnxruntime()

    # neither batch nor length may be 0 or 1, which torch.export takes for constants
    ids = torch.arange(5, 19).reshape(2, 7)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    examples = {"input_ids": ids, "attention_mask": mask, TYPES: torch.zeros_like(ids)}
    examples[ROWS] = mask.flatten().nonzero()[:, 0]
    examples[WORDS] = torch.rand(len(examples[ROWS]), width or 1)
    if length is not None:
        examples |= {n: torch.nn.functional.pad(examples[n], (0, length - 7)) for n in IDS}
    examples[PIXELS] = torch.rand(2, 3, *(pixels or (1, 1)))
    batch, tokens, rows = (torch.export.Dim(n) for n in ("batch", "length", "rows"))
    in_text = {0: batch} if length is not None else {0: batch, 1: tokens}
    shapes = {ROWS: {0: rows}, WORDS: {0: rows}, PIXELS: {0: batch}}
    with torch.inference_mode():
        program = torch.onnx.export(
            wrapped,
            tuple(examples[name] for name in inputs),
            dynamo=True,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple(shapes.get(n, in_text) for n in inputs),
            verbose=False,
        )
    assert program is not None
    raw = out / RAW
    program.save(str(raw), external_data=True)
    del program
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(out / GRAPH)
    # beside the graph, aligned, so that they can be mapped
    key = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(key + "file_name", WEIGHTS)
    options.add_session_config_entry(key + "min_size_in_bytes", "1024")
    # matrices prepacked for this CPU's kernels: packing at each start takes .07 s of a query's .6
    options.add_session_config_entry("session.save_external_prepacked_constant_initializers", "1")
    ort.InferenceSession(
        str(raw), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER
    )
    for path in out.glob(f"{RAW}*"):
        path.unlink()


def write_tokenizer(tokenizer: Any, out: Path) -> dict[str, Any]:
    """Save the tokenizer as transformers sets it up, which may differ from the model's own file."""
    from tokenizers import Tokenizer

    backend = tokenizer if isinstance(tokenizer, Tokenizer) else backend_of(tokenizer)
    backend.no_truncation()
    backend.no_padding()
    if backend is tokenizer:  # a static embedding's
        no_special_tokens(backend)
    backend.save(str(out / TOKENIZER))
    pieces = checked_pieces(backend, out)
    pad = getattr(tokenizer, "pad_token_id", None)
    return {
        "pieces": pieces,
        "pad_id": 0 if pad is None else int(pad),
        "pad_type_id": int(getattr(tokenizer, "pad_token_type_id", 0)),
    }
