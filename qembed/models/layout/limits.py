"""Token limits of a model folder, with the files that they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

BERT_CONFIGS = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Names of the first module's settings; sentence-transformers takes the first that is there."""
FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
"""Architectures whose first position is the padding token's id plus one."""
UNLIMITED = 10**6
"""Tokens that a model without a limit reads: more than a text has."""
_NO_LIMIT = 10**7


class Limit(NamedTuple):
    """Limit on a text's tokens, special ones included. `source`: file and field; `used`: the model's own."""

    tokens: int
    source: str
    used: bool = False

    def __str__(self) -> str:
        return f"{self.tokens} ({self.source})"


def limits(read: Callable[[str], dict[str, Any]], static: bool) -> list[Limit]:
    """Limits in the first module's files, the one that is used marked; empty if no file has one.

    `read` gives a JSON file of that module, empty if there is none. sentence-transformers takes the setting
    of its own file, else the tokenizer's; neither goes beyond the positions that the model has.
    """
    if static:
        truncation = (read("tokenizer.json").get("truncation") or {}).get("max_length")
        return _marked([_limit(truncation, "tokenizer.json truncation")])
    found: list[Limit | None] = []
    for name in BERT_CONFIGS:
        if settings := read(name):
            for group in ("processor_kwargs", "tokenizer_args"):
                inner = settings.get(group)
                value = inner.get("model_max_length") if isinstance(inner, dict) else None
                found.append(_limit(value, f"{name} {group}.model_max_length"))
            found.append(_limit(settings.get("max_seq_length"), f"{name} max_seq_length"))
            break
    value = read("tokenizer_config.json").get("model_max_length")
    found.append(_limit(value, "tokenizer_config.json model_max_length"))
    return _marked(found, _positions(read("config.json")))


def _positions(config: dict[str, Any]) -> Limit | None:
    text = config.get("text_config")
    for body in (config, text if isinstance(text, dict) else {}):
        known = _limit(body.get("max_position_embeddings"), "config.json max_position_embeddings")
        if known is None:
            continue
        if config.get("model_type") in FROM_PADDING:
            pad = config.get("pad_token_id")
            first = (1 if config["model_type"] == "mpnet" or not isinstance(pad, int) else pad) + 1
            return Limit(known.tokens - first, f"{known.source} less {first}")
        return known
    return None


def _limit(value: Any, source: str) -> Limit | None:
    # "no limit" is written as 10^30
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _NO_LIMIT:
        return None
    return Limit(int(value), source)


def _marked(found: list[Limit | None], positions: Limit | None = None) -> list[Limit]:
    """All limits there are; used is the first of `found`, unless the model has fewer positions."""
    named = [x for x in found if x is not None]
    every = [*named, *([positions] if positions is not None else [])]
    used = min(
        [*named[:1], *([positions] if positions else [])], key=lambda x: x.tokens, default=None
    )
    return [Limit(x.tokens, x.source, x is used) for x in every]
