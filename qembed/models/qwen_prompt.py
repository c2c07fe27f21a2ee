"""What Qwen3-Reranker reads, to the token: the prompt around a pair, and what is cut when it is too long.

    prefix   system turn with the question, user turn opened      always whole
    body     instruction, query, document                         cut at its end if all is too long
    suffix   user turn closed, assistant turn, empty think block  always whole

Without this prompt, to the letter, scores are close to random.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable
from qembed.models.model_folder import Folder
from qembed.models.profiles import profile_for, short_name
from qembed.types import Pair

SYSTEM = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".'
)
PREFIX = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
ARCHITECTURE = "Qwen3ForCausalLM"
MAX_TOKENS = 8192
"""What the authors recommend, prefix and suffix included."""
MIN_FREE_TOKENS = 16
"""Tokens that must be left for instruction, query and document."""


def is_qwen_name(name: str) -> bool:
    """Whether a name or path is that of a Qwen3-Reranker."""
    return fnmatchcase(short_name(name).lower(), "*qwen3-reranker*")


def is_qwen_reranker(folder: Folder) -> bool:
    """Whether a folder is asked with this prompt: by its architecture, whatever its name.

    Not one that scores pairs with a prompt of its own, and not an embedding model, whose authors name the
    same architecture. Raises ModelUnavailable if its files are broken.
    """
    if architecture(folder) != ARCHITECTURE:
        return False
    if is_qwen_name(str(folder.path)):
        return True
    kinds = {kind for kind, _ in folder.modules()}
    embeds = "Pooling" in kinds or profile_for(str(folder.path)).known
    return not embeds and "LogitScore" not in kinds


def architecture(folder: Folder) -> str:
    """The first architecture that config.json names, "" for none."""
    return str((folder.json("config.json").get("architectures") or [""])[0])


def head_text(task: str, query: str) -> str:
    """The body up to the document."""
    return f"<Instruct>: {task}\n<Query>: {query}\n<Document>: "


def pair_text(task: str, query: str, document: str) -> str:
    """All that the model reads for a pair, to the byte."""
    return PREFIX + head_text(task, query) + document + SUFFIX


class QwenPrompts:
    """Pairs to token ids by a `tokenizers.Tokenizer`, which is this object's alone from then on.

    `yes`, `no`: ids of the two answers. `truncated`: pairs that lost text so far. Raises ModelUnavailable
    for a tokenizer without these answers, and if `limit` tokens are too few for the prompt.
    """

    def __init__(self, tokenizer: Any, limit: int, name: str) -> None:
        self._tokenizer = tokenizer
        self._name = name
        self.truncated: list[Pair] = []
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = False
        self.yes, self.no = self._answer("yes"), self._answer("no")
        self.prefix, self.suffix = self._ids(PREFIX), self._ids(SUFFIX)
        self._room = limit - len(self.prefix) - len(self.suffix)
        if self._room < MIN_FREE_TOKENS:
            raise ModelUnavailable(
                f"{name}: reads {limit} tokens, too few for the prompt and a document"
            )
        # from here on a text that holds "<|im_end|>" is split like any text: it must not close the turn
        tokenizer.encode_special_tokens = True

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _answer(self, word: str) -> int:
        ids = self._ids(word)
        if len(ids) != 1:
            raise ModelUnavailable(
                f"{self._name}: its tokenizer has no token {word!r}: not a yes/no reranker"
            )
        return ids[0]

    def save(self, path: Path) -> None:
        """Writes the tokenizer to a file that makes the same prompts."""
        self._tokenizer.save(str(path))

    def ids(self, pairs: Sequence[Pair], tasks: Sequence[str]) -> list[list[int]]:
        """The whole prompt of each pair. `tasks`: the full text of each pair's instruction."""
        bodies = self.bodies(pairs, tasks)
        return [[*self.prefix, *body, *self.suffix] for body in bodies]

    def bodies(self, pairs: Sequence[Pair], tasks: Sequence[str]) -> list[list[int]]:
        """The middles, cut to fit. What is cut is remembered in `truncated`."""
        asked = [(task, query) for task, (query, _) in zip(tasks, pairs, strict=True)]
        heads = {one: self._head(*one) for one in dict.fromkeys(asked)}
        texts = [heads[one][0] + d for one, (_, d) in zip(asked, pairs, strict=True)]
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        found: list[list[int]] = [e.ids for e in encoded]
        for one, pair, ids in zip(asked, pairs, found, strict=True):
            if len(ids) > self._room or heads[one][1]:
                self.truncated.append(pair)
        return [ids[: self._room] for ids in found]

    def _head(self, task: str, query: str) -> tuple[str, bool]:
        """Instruction and query, the query cut so that half of the room is left for the document."""
        text = head_text(task, query)
        over = len(self._ids(text)) - self._room // 2
        if over <= 0:
            return text, False
        offsets = self._tokenizer.encode(query, add_special_tokens=False).offsets
        keep = max(len(offsets) - over, 1)
        return head_text(task, query[: offsets[keep - 1][1]]), True
