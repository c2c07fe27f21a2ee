"""Qwen3-Reranker: a language model that is asked whether a document answers, and says yes or no.

    prefix   system turn with the question, user turn opened      always whole
    body     instruction, query, document                         cut at its end if all is too long
    suffix   user turn closed, assistant turn, empty think block  always whole

The log-odds are z_yes - z_no at the last position, the probability is their sigmoid. Without this prompt,
to the letter, scores are close to random. Not done here: a conversion into a classifier, whose single
logit is the same difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable
from qembed.models.batches import by_length
from qembed.models.files import Folder
from qembed.models.pairs import PROBABILITY, Pair, Track, finite, sigmoid
from qembed.models.profiles import TASKS, short_name
from qembed.models.torch_encoder import choose_device, load_arguments, loading

if TYPE_CHECKING:
    from qembed.types import Scores

SYSTEM = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".'
)
PREFIX = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
ARCHITECTURE = "Qwen3ForCausalLM"
MAX_TOKENS = 8192
"""What the authors recommend, prefix and suffix included."""


def is_qwen_name(name: str) -> bool:
    """Whether a name or path is that of a Qwen3-Reranker."""
    return fnmatchcase(short_name(name).lower(), "*qwen3-reranker*")


def head_text(task: str, query: str) -> str:
    """The body up to the document."""
    return f"<Instruct>: {task}\n<Query>: {query}\n<Document>: "


def pair_text(task: str, query: str, document: str) -> str:
    """All that the model reads for a pair, to the byte."""
    return PREFIX + head_text(task, query) + document + SUFFIX


class QwenReranker:
    """The yes/no reranker in a folder of safetensors. `task`: the full text of the instruction."""

    kind = "qwen3-reranker"
    calibrated = True
    meaning = PROBABILITY

    def __init__(
        self,
        folder: Path,
        task: str | None = None,
        device: str | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        self.task = task or TASKS["web"]
        self.truncated: list[Pair] = []
        self._name = short_name(str(folder))
        files = Folder(folder)
        files.check()
        arguments = load_arguments(choose_device(device))
        with loading(folder):
            from transformers import AutoModelForCausalLM, AutoTokenizer

            local = {"local_files_only": True, "trust_remote_code": False}
            tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **local)
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(folder), **local, **arguments["model_kwargs"]
            )
            self._model = model.to(arguments["device"]).eval()
        self._tokenizer = tokenizer.backend_tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.yes, self.no = self._answer("yes"), self._answer("no")
        self._prefix, self._suffix = self._ids(PREFIX), self._ids(SUFFIX)
        limit = min(max_tokens, files.max_tokens(MAX_TOKENS))
        self._room = limit - len(self._prefix) - len(self._suffix)
        if self._room < 16:
            raise ModelUnavailable(
                f"{folder}: reads {limit} tokens, too few for the prompt and a document"
            )

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

    def _body(self, pairs: Sequence[Pair]) -> list[list[int]]:
        """Token ids of the middles, cut to fit. What is cut is remembered in `truncated`."""
        # a document that holds "<|im_end|>" as text must not close the turn: it is split like any text
        self._tokenizer.encode_special_tokens = True
        try:
            heads = {q: self._head(q) for q in dict.fromkeys(q for q, _ in pairs)}
            encoded = self._tokenizer.encode_batch(
                [heads[q][0] + d for q, d in pairs], add_special_tokens=False
            )
        finally:
            self._tokenizer.encode_special_tokens = False
        bodies = [e.ids for e in encoded]
        for pair, ids in zip(pairs, bodies, strict=True):
            if len(ids) > self._room or heads[pair[0]][1]:
                self.truncated.append(pair)
        return [ids[: self._room] for ids in bodies]

    def _head(self, query: str) -> tuple[str, bool]:
        """Instruction and query, the query cut so that half of the room is left for the document."""
        text = head_text(self.task, query)
        over = len(self._ids(text)) - self._room // 2
        if over <= 0:
            return text, False
        offsets = self._tokenizer.encode(query, add_special_tokens=False).offsets
        keep = max(len(offsets) - over, 1)
        return head_text(self.task, query[: offsets[keep - 1][1]]), True

    def logits(self, pairs: Sequence[Pair], track: Track | None = None) -> Scores:
        """Log-odds of yes against no, float32 (len(pairs),)."""
        import numpy as np
        import torch

        out = np.zeros(len(pairs), dtype=np.float32)
        prompts = [[*self._prefix, *body, *self._suffix] for body in self._body(pairs)]
        for batch in by_length([len(p) for p in prompts]):
            longest = max(len(prompts[i]) for i in batch)
            ids = torch.zeros((len(batch), longest), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, i in enumerate(batch):
                # left, so that the last position is the last token of every text
                ids[row, longest - len(prompts[i]) :] = torch.tensor(prompts[i])
                mask[row, longest - len(prompts[i]) :] = 1
            device = self._model.device
            with torch.inference_mode():
                output = self._model(
                    input_ids=ids.to(device),
                    attention_mask=mask.to(device),
                    logits_to_keep=1,
                    use_cache=False,
                )
            z = output.logits[:, -1].float()
            out[batch] = (z[:, self.yes] - z[:, self.no]).cpu().numpy()
            if track is not None:
                track(len(batch))
        return finite(out, pairs, self._name)

    def score(self, pairs: Sequence[Pair], track: Track | None = None) -> Scores:
        """The probability of yes, float32 (len(pairs),)."""
        return sigmoid(self.logits(pairs, track))
