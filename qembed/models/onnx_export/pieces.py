"""Files of a PieceTokenizer, written beside the whole tokenizer of an export."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from qembed.models.onnx.pieces import (
    ENTRIES,
    ENTRY,
    KEYS,
    SHELL,
    TEXTS,
    PieceTokenizer,
    stretch_keys,
)
from qembed.models.onnx_export.parity import LONGEST_PROBE, PROBES, long_text

FEWEST = 50_000
"""Pieces below which the whole vocabulary loads fast enough."""
_TEMPLATE, _PAIR = "TemplateProcessing", ("RobertaProcessing", "BertProcessing")
_WITHOUT_IDS = ("ByteLevel",)


def checked_pieces(tokenizer: Any, out: Path) -> dict[str, Any] | None:
    """Write the files for a `tokenizers.Tokenizer`, and compare tokens. Returns as `write_pieces`."""
    named = write_pieces(json.loads(tokenizer.to_str()), out)
    if named is None:
        return None
    texts = [*PROBES, long_text(), "", " ".join(PROBES) * 2]
    few = PieceTokenizer(out, LONGEST_PROBE, **named).encode(texts)
    whole = [e.ids[:LONGEST_PROBE] for e in tokenizer.encode_batch(texts)]
    same = few is not None and all(
        # truncated ones end with special tokens
        a.ids == b or (a.overflowing and a.ids[:-8] == b[: len(a.ids) - 8])
        for a, b in zip(few, whole, strict=True)
    )
    if same:
        return named
    for name in (SHELL, KEYS, ENTRIES, TEXTS):
        (out / name).unlink()
    return None


def write_pieces(tokenizer: dict[str, Any], out: Path) -> dict[str, Any] | None:
    """Write the files for the content of a tokenizer.json. Returns arguments of PieceTokenizer.

    None, and no file, for tokenizers with few pieces, other models than Unigram, or parts not known here.
    """
    model = tokenizer["model"]
    if model.get("type") != "Unigram" or len(model["vocab"]) < FEWEST:
        return None
    vocab: list[tuple[str, float]] = [(str(t), float(s)) for t, s in model["vocab"]]
    number = {text: i for i, (text, _) in enumerate(vocab)}
    if len(number) != len(vocab):
        return None
    shell = copy.deepcopy(tokenizer)
    apart = [str(a["content"]) for a in shell["added_tokens"]]
    kept = _kept(vocab, number, model, apart)
    place = {i: n for n, i in enumerate(kept)}
    try:
        _renumber(shell.get("post_processor"), place)
    except (
        KeyError
    ):  # an id of an added token outside the vocabulary, or a processor of another kind
        return None
    if not _write_table(vocab, out):
        return None
    shell["added_tokens"] = []
    shell["truncation"] = shell["padding"] = None
    few = {**model, "vocab": [vocab[i] for i in kept], "unk_id": place.get(model.get("unk_id"))}
    shell["model"] = few
    head = json.dumps(few)  # first line: what the model is rebuilt from
    (out / SHELL).write_text(head + "\n" + json.dumps(shell), "utf-8")
    return {"kept": kept, "longest": max(len(t) for t, _ in vocab), "apart": apart}


def _kept(
    vocab: list[tuple[str, float]], number: dict[str, int], model: dict[str, Any], apart: list[str]
) -> list[int]:
    """Ids that every small vocabulary holds, ascending.

    Added tokens, the unknown token, bytes for characters without a piece, and the piece of the lowest
    score, from which the score of an unknown character is derived.
    """
    ids = {number[a] for a in apart if a in number}
    ids.add(min(range(len(vocab)), key=lambda i: vocab[i][1]))
    if model.get("unk_id") is not None:
        ids.add(int(model["unk_id"]))
    if model.get("byte_fallback"):
        ids.update(number[f"<0x{b:02X}>"] for b in range(256) if f"<0x{b:02X}>" in number)
    return sorted(ids)


def _renumber(processor: dict[str, Any] | None, place: dict[int, int]) -> None:
    """Replace ids by their places in the small vocabulary. Raises KeyError for what it does not know."""
    if processor is None or processor["type"] in _WITHOUT_IDS:
        return
    if processor["type"] == "Sequence":
        for part in processor["processors"]:
            _renumber(part, place)
    elif processor["type"] == _TEMPLATE:
        for token in processor["special_tokens"].values():
            token["ids"] = [place[i] for i in token["ids"]]
    elif processor["type"] in _PAIR:
        for name in ("sep", "cls"):
            text, i = processor[name]
            processor[name] = [text, place[i]]
    else:
        raise KeyError(processor["type"])


def _keys(texts: list[str]) -> Any:
    """Key of each text, uint64 (len(texts),); 0 for an empty one."""
    import numpy as np

    keys = np.zeros(len(texts), dtype=np.uint64)
    by_length: dict[int, list[int]] = {}
    for i, text in enumerate(texts):
        by_length.setdefault(len(text), []).append(i)
    for length, members in by_length.items():
        if length:
            line = "".join(texts[i] for i in members)
            *_, (_, found) = stretch_keys(line, length)
            keys[members] = found[::length]
    return keys


def _write_table(vocab: list[tuple[str, float]], out: Path) -> bool:
    """Write keys, entries and texts. False, without a file, if two pieces have the same key."""
    import numpy as np

    keys = _keys([text for text, _ in vocab])
    if len(np.unique(keys)) != len(keys):
        return False
    texts = [text.encode("utf-8") for text, _ in vocab]
    sizes = np.array([len(t) for t in texts])
    entries = np.empty(len(vocab), dtype=ENTRY)
    entries["id"] = np.arange(len(vocab))
    entries["score"] = [score for _, score in vocab]
    entries["start"] = np.cumsum(sizes) - sizes
    entries["bytes"] = sizes
    order = np.argsort(keys)
    np.save(out / KEYS, keys[order])
    np.save(out / ENTRIES, entries[order])
    (out / TEXTS).write_bytes(b"".join(texts))
    return True
