"""A model's folder: what its own files say, and which content it is.

The revision is a hash over everything that determines a vector: weights, tokenizer, configuration. Two
names of one model agree, and a model that changed under its name does not.
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
"""What a tokenizer of older days is made from."""
CONTENT = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",  # its do_lower_case goes before tokenizer.json's own
    "special_tokens_map.json",
    *VOCABULARIES,
    "merges.txt",
    "*_Pooling/config.json",
    "*_Dense/config.json",
    "*_Dense/*.safetensors",
    WEIGHTS,
)
"""What a vector depends on. Read in this order, so that the hash does not depend on a folder's order."""


def file_sha256(path: Path) -> str:
    """The sha256 of a file, as hex; remembered by path, size, inode and time of change."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    remembered = cache_folder() / "sha256" / name
    with contextlib.suppress(OSError, ValueError):
        text = remembered.read_text()
        if len(text) == 64:
            return text
    with path.open("rb") as f:
        found = hashlib.file_digest(f, "sha256").hexdigest()
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
        remembered.parent.mkdir(parents=True, exist_ok=True)
        partial = remembered.with_suffix(f".{os.getpid()}")
        partial.write_text(found)
        partial.replace(remembered)
    return found


@dataclass(frozen=True, slots=True)
class Folder:
    """A model's folder, read without loading weights."""

    path: Path

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder, empty if there is none. Raises ModelUnavailable if it is broken."""
        try:
            body = json.loads((self.path / name).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as e:
            raise ModelUnavailable(f"{self.path / name}: {e}") from None
        return body if isinstance(body, dict) else {"items": body}

    def modules(self) -> list[tuple[str, str]]:
        """(kind, subfolder) of each step from text to vector; empty for a bare transformers folder.

        Raises ModelUnavailable if the file is broken, or names code that is not sentence-transformers'.
        """
        listed = self.path / "modules.json"
        items = self.json(listed.name).get("items", [])
        try:
            found = [(str(m["type"]), str(m["path"])) for m in items]
        except (KeyError, TypeError):
            raise ModelUnavailable(
                f"{listed}: a list of modules with type and path is wanted"
            ) from None
        # before 6.0 sentence-transformers runs the code of a local folder unasked
        for named, _ in found:
            if not named.startswith("sentence_transformers."):
                raise ModelUnavailable(
                    f"{listed}: {named} is code that comes with the model, which is not run"
                )
        return [(named.rsplit(".", 1)[-1], sub) for named, sub in found]

    def revision(self) -> str:
        """sha256 over names and contents of everything a vector depends on. Hashes weights once."""
        h = hashlib.sha256()
        for pattern in CONTENT:
            for path in sorted(self.path.glob(pattern)):
                h.update(f"{path.relative_to(self.path)}\0{file_sha256(path)}\n".encode())
        return h.hexdigest()

    def pooling(self, default: str) -> str:
        """How token states become one vector, in the folder's own words."""
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
        """Dimensions of the vectors: the width of a state, as often as states are pooled."""
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
        """How many tokens it reads, special tokens included: what its files name, within its positions."""
        named = self.json("sentence_bert_config.json").get("max_seq_length")
        if not isinstance(named, int):
            named = self.json("tokenizer_config.json").get("model_max_length")
        limits = [named, self.json("config.json").get("max_position_embeddings")]
        # "no limit" is written as 10^30
        found = [int(x) for x in limits if isinstance(x, (int, float)) and 0 < x < 10**7]
        return min(found, default=default)

    def float32(self) -> int:
        """Bytes of the weights in float32, which on a CPU they are computed in, however they are stored."""
        config = self.json("config.json")
        half = str(config.get("dtype") or config.get("torch_dtype")).endswith("float16")
        return sum(p.stat().st_size for p in self.path.glob(WEIGHTS)) * (2 if half else 1)

    def check(self) -> None:
        """Raises ModelUnavailable unless this is a folder qembed can load a model from."""
        if not (self.path / "config.json").is_file():
            raise ModelUnavailable(f"{self.path}: no model there (config.json is missing)")
        if not any(self.path.glob(WEIGHTS)):
            raise ModelUnavailable(
                f"{self.path}: no weights in safetensors form (pickled ones can run code and are not "
                "loaded; convert them first)"
            )
        # transformers would make an empty tokenizer up, for which all texts are the same
        if not any(p for name in ("tokenizer.json", *VOCABULARIES) for p in self.path.glob(name)):
            raise ModelUnavailable(f"{self.path}: no tokenizer (tokenizer.json is missing)")
        self.modules()
