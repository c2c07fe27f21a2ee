"""Qwen3-Reranker: a language model that answers yes or no to a pair's prompt.

The log-odds are z_yes - z_no at the last position, the probability is their sigmoid. Both logits are
products with the same last state, so their difference is one product with the difference of two rows of
the output layer; the other 150,000 words are never scored. Not done here: a conversion into a classifier,
whose single logit is the same difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.batching import TOKENS, by_length
from qembed.models.model_folder import Folder
from qembed.models.onnx.prepare import open_qwen, qwen_reranker
from qembed.models.onnx.session import batch_tokens, padded
from qembed.models.profiles import TASKS, Profile, short_name
from qembed.models.qwen_prompt import MAX_TOKENS, QwenPrompts
from qembed.models.scoring import PROBABILITY, finite, sigmoid
from qembed.models.templates import resolve_task
from qembed.models.torch_encoder import choose_device, load_arguments, loading
from qembed.protocols import Pair, Tasks, Track

if TYPE_CHECKING:
    from qembed.types import Scores

PROFILE = Profile("Qwen3-Reranker", task=TASKS["web"])


class QwenReranker:
    """Scorer through the yes/no reranker in a folder. `task`: instruction of pairs without their own.

    Runs its ONNX export if there is one, else torch; then `note` holds the reason. Raises
    ModelUnavailable, UsageError.
    """

    kind = "qwen3-reranker"
    calibrated = True
    instructed = True
    meaning = PROBABILITY

    def __init__(
        self,
        folder: Path,
        task: str | None = None,
        device: str | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        self.task = resolve_task(task, PROFILE)
        self._name = short_name(str(folder))
        files = Folder(folder)
        files.check_files()
        limit = min(max_tokens, files.max_tokens(MAX_TOKENS))
        self._exported, self.note = open_qwen(qwen_reranker(folder, str(folder), device))
        if self._exported is not None:
            self.prompts = QwenPrompts(self._exported.tokenizer, limit, str(folder))
        else:
            model, tokenizer = _load(folder, device)
            self.prompts = QwenPrompts(tokenizer, limit, str(folder))
            self.model: Any = log_odds(model, self.prompts.yes, self.prompts.no)
        self.truncated: list[Pair] = self.prompts.truncated

    def logits(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Log-odds of yes against no, float32 (len(pairs),). Pairs of one batch may have several tasks."""
        texts = [self.task] * len(pairs) if tasks is None else self._resolved(tasks)
        prompts = self.prompts.ids(pairs, texts)
        if self._exported is not None:
            found = self._exported.logits(prompts, track)
        else:
            found = self._by_torch(prompts, track)
        return finite(found, pairs, self._name)

    def _resolved(self, tasks: Sequence[str | None]) -> list[str]:
        texts = {t: self.task if t is None else resolve_task(t, PROFILE) for t in set(tasks)}
        return [texts[t] for t in tasks]

    def _by_torch(self, prompts: Sequence[list[int]], track: Track | None) -> Scores:
        import numpy as np
        import torch

        out = np.zeros(len(prompts), dtype=np.float32)
        device = self.model.inner.device
        tokens = batch_tokens() if device.type == "cpu" else TOKENS
        for batch in by_length([len(p) for p in prompts], tokens=tokens):
            # padded left: the last position is the last token of every prompt
            given = padded([np.array(prompts[i], dtype=np.int64) for i in batch], 0, "left")
            ids, mask = (torch.from_numpy(a).to(device) for a in given)
            with torch.inference_mode():
                out[batch] = self.model(ids, mask)[:, 0].cpu().numpy()
            if track is not None:
                track(len(batch))
        return out

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        """Probabilities of yes, float32 (len(pairs),)."""
        return sigmoid(self.logits(pairs, track, tasks))


def _load(folder: Path, device: str | None) -> tuple[Any, Any]:
    """(language model, its `tokenizers.Tokenizer`), by transformers. Raises ModelUnavailable."""
    arguments = load_arguments(choose_device(device))
    with loading(folder):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        local = {"local_files_only": True, "trust_remote_code": False}
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **local)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder), **local, **arguments["model_kwargs"]
        )
        return model.to(arguments["device"]).eval(), tokenizer.backend_tokenizer


def log_odds(model: Any, yes: int, no: int) -> Any:
    """Torch module from int64 (texts, tokens) ids and mask, padded left, to float32 (texts, 1) log-odds.

    Computes state . (W_yes - W_no) for the last state, in float32 whatever precision the model runs in:
    in bfloat16 two logits of 20 lie on a grid of 1/8. Holds for tied weights too, whose output rows are
    the input's.
    """
    import torch

    rows = model.get_output_embeddings().weight.detach().float()

    class LogOdds(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model.base_model
            self.register_buffer("direction", (rows[yes] - rows[no])[:, None])

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            output = self.inner(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
            return output.last_hidden_state[:, -1].float() @ self.direction

    return LogOdds().eval()
