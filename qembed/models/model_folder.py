"""Model folders: configuration in the model's own files, and the hash of its content.

The revision is a hash over everything that determines a vector: weights, tokenizer, configuration. Two
names of one model have the same revision, a model that changed under its name has another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable
from qembed.paths import cache_folder

WEIGHTS = "*.safetensors"
VOCABULARIES = ("vocab.txt", "vocab.json", "*.model")
"""Files of tokenizers without a tokenizer.json."""
CONTENT = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",  # its do_lower_case overrides tokenizer.json's
    "special_tokens_map.json",
    *VOCABULARIES,
    "merges.txt",
    "*_Pooling/config.json",
    "*_Dense/config.json",
    "*_Dense/*.safetensors",
    WEIGHTS,
)
"""Patterns of files that determine a vector, in the order in which they are hashed."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hex; cached by path, size, inode and modification time."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    entry = cache_folder() / "sha256" / name
    with contextlib.suppress(OSError, ValueError):
        text = entry.read_text()
        if len(text) == 64:
            return text
    with path.open("rb") as f:
        found = hashlib.file_digest(f, "sha256").hexdigest()
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
        entry.parent.mkdir(parents=True, exist_ok=True)
        partial = entry.with_suffix(f".{os.getpid()}")
        partial.write_text(found)
        partial.replace(entry)
    return found


@dataclass(frozen=True, slots=True)
class Folder:
    """Configuration of a model in a folder, read without loading weights."""

    path: Path

    def json(self, name: str) -> dict[str, Any]:
        """Content of a JSON file, empty if there is none. Raises ModelUnavailable if it is broken."""
        try:
            body = json.loads((self.path / name).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as e:
            raise ModelUnavailable(f"{self.path / name}: {e}") from None
        return body if isinstance(body, dict) else {"items": body}

    def modules(self) -> list[tuple[str, str]]:
        """Modules of sentence-transformers as (kind, subfolder); empty for a plain transformers folder.

        Raises ModelUnavailable if the file is broken, or names code from outside sentence-transformers.
        """
        listed = self.path / "modules.json"
        items = self.json(listed.name).get("items", [])
        try:
            found = [(str(m["type"]), str(m["path"])) for m in items]
        except (KeyError, TypeError):
            raise ModelUnavailable(
                f"{listed}: a list of modules with type and path is wanted"
            ) from None
        # before 6.0 sentence-transformers runs a local folder's code without asking
        for named, _ in found:
            if not named.startswith("sentence_transformers."):
                raise ModelUnavailable(
                    f"{listed}: {named} is code that comes with the model, which is not run"
                )
        return [(named.rsplit(".", 1)[-1], sub) for named, sub in found]

    def revision(self) -> str:
        """SHA-256 over names and contents of the files that determine a vector. Weights are hashed once."""
        h = hashlib.sha256()
        for pattern in CONTENT:
            for path in sorted(self.path.glob(pattern)):
                h.update(f"{path.relative_to(self.path)}\0{file_sha256(path)}\n".encode())
        return h.hexdigest()

    def pooling(self, default: str) -> str:
        """Pooling of token states by the folder's files: mean, cls, lasttoken, …, or several with +."""
        for kind, sub in self.modules():
            if kind == "Pooling":
                config = self.json(f"{sub}/config.json")
                named = config.get("pooling_mode")
                if isinstance(named, (str, list)):
                    return named if isinstance(named, str) else "+".join(named)
                on = [k.removeprefix("pooling_mode_") for k, v in config.items() if v is True]
                names = [n.removesuffix("_tokens").removesuffix("_token") for n in on]
                return "+".join(n for n in names if n != "include_prompt") or default
        return default

    def dim(self) -> int:
        """Dimensions of the vectors: the width of a state, for each pooling. Raises ModelUnavailable."""
        config = self.json("config.json")
        for kind, sub in reversed(self.modules()):
            if kind == "Dense":
                return int(self.json(f"{sub}/config.json")["out_features"])
        text = config.get("text_config", config)
        for name in ("hidden_size", "d_model", "dim"):
            if isinstance(text.get(name), int):
                return int(text[name]) * len(self.pooling("").split("+"))
        raise ModelUnavailable(f"{self.path}: config.json does not say how wide the vectors are")

    def max_tokens(self, default: int) -> int:
        """Tokens that it reads, special tokens included: the smallest limit in its files."""
        named = self.json("sentence_bert_config.json").get("max_seq_length")
        if not isinstance(named, int):
            named = self.json("tokenizer_config.json").get("model_max_length")
        limits = [named, self.json("config.json").get("max_position_embeddings")]
        # "no limit" is written as 10^30
        found = [int(x) for x in limits if isinstance(x, (int, float)) and 0 < x < 10**7]
        return min(found, default=default)

    def float32(self) -> int:
        """Bytes of the weights in float32, the precision on a CPU, whatever precision they are stored in."""
        config = self.json("config.json")
        half = str(config.get("dtype") or config.get("torch_dtype")).endswith("float16")
        return sum(p.stat().st_size for p in self.path.glob(WEIGHTS)) * (2 if half else 1)

    def prompts(self) -> tuple[str, str] | None:
        """Prompts (query, passage) of `config_sentence_transformers.json`, each may be "".

        None without any, also if the file is broken.
        """
        try:
            text = (self.path / "config_sentence_transformers.json").read_text("utf-8")
            config = json.loads(text)
        except (OSError, ValueError):
            return None
        prompts = config.get("prompts") if isinstance(config, dict) else None
        if not isinstance(prompts, dict):
            return None
        query = prompts.get("query")
        passage = next((prompts[k] for k in ("document", "passage") if prompts.get(k)), "")
        if not isinstance(query, str) or not isinstance(passage, str) or not (query or passage):
            return None
        return query, passage

    def check(self) -> None:
        """Check that a model can be loaded from the folder. Raises ModelUnavailable."""
        if not (self.path / "config.json").is_file():
            raise ModelUnavailable(f"{self.path}: no model there (config.json is missing)")
        if not any(self.path.glob(WEIGHTS)):
            raise ModelUnavailable(
                f"{self.path}: no weights in safetensors form (pickled ones can run code and are not "
                "loaded; convert them first)"
            )
        # transformers would make up an empty tokenizer, which reads all texts alike
        if not any(p for name in ("tokenizer.json", *VOCABULARIES) for p in self.path.glob(name)):
            raise ModelUnavailable(f"{self.path}: no tokenizer (tokenizer.json is missing)")
        self.modules()
