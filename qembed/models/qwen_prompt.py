"""Prompt of Qwen3-Reranker, to the token, and its truncation.

    prefix   system turn with the question, user turn opened      never truncated
    body     instruction, query, document                         truncated at its end
    suffix   user turn closed, assistant turn, empty think block  never truncated

Without exactly this prompt scores are close to random.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable
from qembed.models.model_folder import Folder
from qembed.models.profiles import profile_for, short_name
from qembed.protocols import Pair

SYSTEM = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".'
)
PREFIX = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
ARCHITECTURE = "Qwen3ForCausalLM"
MAX_TOKENS = 8192
"""Limit that the authors recommend, prefix and suffix included."""
MIN_FREE_TOKENS = 16
"""Least tokens for instruction, query and document."""


def is_qwen_name(name: str) -> bool:
    """True for the name or path of a Qwen3-Reranker."""
    return fnmatchcase(short_name(name).lower(), "*qwen3-reranker*")


def is_qwen_reranker(folder: Folder) -> bool:
    """True if a folder holds a reranker for this prompt, by its architecture, whatever its name.

    False for models that score pairs with a prompt of their own, and for embedding models of the same
    architecture. Raises ModelUnavailable if its files are broken.
    """
    if architecture(folder) != ARCHITECTURE:
        return False
    if is_qwen_name(str(folder.path)):
        return True
    kinds = {kind for kind, _ in folder.modules()}
    embeds = "Pooling" in kinds or profile_for(str(folder.path)).known
    return not embeds and "LogitScore" not in kinds


def architecture(folder: Folder) -> str:
    """First architecture in config.json, "" for none."""
    return str((folder.json("config.json").get("architectures") or [""])[0])


def head_text(task: str, query: str) -> str:
    """Text of the body before the document."""
    return f"<Instruct>: {task}\n<Query>: {query}\n<Document>: "


def pair_text(task: str, query: str, document: str) -> str:
    """Whole text of a pair's prompt, byte for byte."""
    return PREFIX + head_text(task, query) + document + SUFFIX


class QwenPrompts:
    """Token ids of pairs' prompts. Takes over the `tokenizers.Tokenizer` and changes its settings.

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
        # a text that holds "<|im_end|>" must not close the turn: it is split like other text from here on
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
        """Write the tokenizer to a file that gives the same prompts."""
        self._tokenizer.save(str(path))

    def ids(self, pairs: Sequence[Pair], tasks: Sequence[str]) -> list[list[int]]:
        """Token ids of each pair's whole prompt. `tasks`: full text of each pair's instruction."""
        bodies = self.bodies(pairs, tasks)
        return [[*self.prefix, *body, *self.suffix] for body in bodies]

    def bodies(self, pairs: Sequence[Pair], tasks: Sequence[str]) -> list[list[int]]:
        """Token ids of each pair's body, truncated to fit; such pairs are added to `truncated`."""
        questions = [(task, query) for task, (query, _) in zip(tasks, pairs, strict=True)]
        heads = {question: self._head(*question) for question in dict.fromkeys(questions)}
        texts = [heads[q][0] + document for q, (_, document) in zip(questions, pairs, strict=True)]
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        found: list[list[int]] = [e.ids for e in encoded]
        for question, pair, ids in zip(questions, pairs, found, strict=True):
            if len(ids) > self._room or heads[question][1]:
                self.truncated.append(pair)
        return [ids[: self._room] for ids in found]

    def _head(self, task: str, query: str) -> tuple[str, bool]:
        """(text before the document, True if the query was truncated to leave half of the room for it)."""
        text = head_text(task, query)
        over = len(self._ids(text)) - self._room // 2
        if over <= 0:
            return text, False
        offsets = self._tokenizer.encode(query, add_special_tokens=False).offsets
        keep = max(len(offsets) - over, 1)
        return head_text(task, query[: offsets[keep - 1][1]]), True
