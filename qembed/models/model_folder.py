"""Model folders: configuration in the model's own files, and the hash of its content.

The revision is a hash over everything that determines a vector: weights, tokenizer, configuration. Two
names of one model have the same revision, a model that changed under its name has another.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable
from qembed.models.checksums import file_sha256
from qembed.models.layout.checks import check_model_type, check_transformer, static_width
from qembed.models.layout.limits import Limit, limits
from qembed.models.layout.modules import (
    ROUTER_CONFIGS,
    ROUTERS,
    STATIC,
    Module,
    Role,
    check_modules,
    hashed_files,
    is_normalized,
    width,
)
from qembed.models.layout.pictures import (
    IMAGE_FOLDER,
    IMAGE_TOWER,
    SETTINGS,
    Sees,
    image_settings,
    sees,
)
from qembed.models.layout.pictures import width as tower_width
from qembed.models.layout.prompts import Prompts, read_prompts

if TYPE_CHECKING:
    from qembed.models.layout.routes import Router

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


@dataclass(frozen=True)
class Folder:
    """Configuration of a model in a folder, read without loading weights; parts are read once.

    `role`: use of the texts whose modules are read, where queries and documents have modules of their own.
    """

    path: Path
    role: Role = "document"

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

    @cached_property
    def module_list(self) -> list[Module]:
        """Modules that a text of the role passes, and their configuration; a router's are those of its route.

        Empty for a plain transformers folder. Raises ModelUnavailable.
        """
        found: list[tuple[str, str]] = []
        for kind, sub in self.modules():
            found += self._router(sub).modules(self.role) if kind in ROUTERS else [(kind, sub)]
        return [
            Module(kind, sub, self.json(f"{sub}/config.json") if sub else {}) for kind, sub in found
        ]

    def _router(self, sub: str) -> Router:
        from qembed.models.layout.routes import read_router  # few models have a router

        files = {name: self.json(os.path.join(sub, name)) for name in ROUTER_CONFIGS}  # noqa: PTH118
        return read_router(sub, self.path, files)

    @cached_property
    def is_routed(self) -> bool:
        """True if there is a router among its modules. Raises ModelUnavailable."""
        return any(kind in ROUTERS for kind, _ in self.modules())

    @cached_property
    def queries(self) -> Folder:
        """Folder as queries use it: itself if they pass a document's modules. Raises ModelUnavailable."""
        if not self.is_routed:
            return self
        other = Folder(self.path, "query")
        return self if other.module_list == self.module_list else other

    @property
    def base(self) -> Path:
        """Folder of the first module, which reads text: weights and tokenizer are there."""
        return self.path / next((m.path for m in self.module_list), "")

    def base_json(self, name: str) -> dict[str, Any]:
        """Content of a JSON file of the first module, empty if there is none. Raises ModelUnavailable."""
        return self.json(os.path.join(next((m.path for m in self.module_list), ""), name))  # noqa: PTH118

    @property
    def is_static(self) -> bool:
        """True if each token has one vector, whatever its text, and a text has their mean."""
        return next((m.kind for m in self.module_list), "") == STATIC

    @cached_property
    def sees(self) -> Sees:
        """Way in which it reads pictures, "" if it does not. Raises ModelUnavailable."""
        tower = (self.path / IMAGE_FOLDER / IMAGE_TOWER).is_file()
        settings = any((self.base / name).is_file() for name in SETTINGS)
        return sees(self.base_json("config.json"), settings, tower)

    @property
    def has_towers(self) -> bool:
        """True for CLIP and its kin: a text becomes a vector at once, without states of its tokens."""
        return self.sees == "towers"

    def image_settings(self) -> Mapping[str, Any]:
        """Settings by which it prepares pictures; empty if it reads none. Raises ModelUnavailable."""
        if self.sees == "image":
            return self.json(f"{IMAGE_FOLDER}/{IMAGE_TOWER}")
        return image_settings({name: self.base_json(name) for name in SETTINGS})

    def revision(self, pictures: bool = True) -> str:
        """SHA-256 over names and contents of the files that determine a vector. Weights are hashed once.

        `pictures` False: a vector of a text, which a tower of pictures beside it does not change.
        """
        h = hashlib.sha256()
        found = [p for pattern in CONTENT for p in sorted(self.path.glob(pattern))]
        found += [p for p in self._module_files(pictures) if p not in found]
        for path in found:
            h.update(f"{path.relative_to(self.path)}\0{file_sha256(path)}\n".encode())
        if self.leaves_out_prompt:  # vectors made before prompts were left out are others
            h.update(b"prompt left out\n")
        return h.hexdigest()

    def _module_files(self, pictures: bool) -> list[Path]:
        """Files in subfolders that determine a vector of any role, each once. `pictures`: of one, too."""
        modules, routers = self.module_list, []
        if self.is_routed:
            other: Role = "document" if self.role == "query" else "query"
            roles = sorted((self, Folder(self.path, other)), key=lambda f: f.role)
            modules = [m for folder in roles for m in folder.module_list]
            routers = [self._router(sub).file for kind, sub in self.modules() if kind in ROUTERS]
        tower = self.path / IMAGE_FOLDER if pictures and self.sees == "image" else None
        images = sorted(tower.glob("*.*")) if tower else []
        return list(dict.fromkeys([*routers, *hashed_files(self.path, modules), *images]))

    @property
    def leaves_out_prompt(self) -> bool:
        """True if the tokens of a text's prompt are read, but not pooled."""
        return any(m.leaves_out_prompt for m in self.module_list)

    def pooling(self, default: str) -> str:
        """Pooling of token states by the folder's files: mean, cls, lasttoken, …, or several with +."""
        if self.is_static:
            return "mean"
        if self.has_towers:
            return "tower"
        for module in self.module_list:
            if module.kind == "Pooling":
                return "+".join(module.pooling_modes) or default
        return default

    def dim(self) -> int:
        """Dimensions of the vectors as sentence-transformers gives them, cut to the folder's `truncate_dim`.

        Raises ModelUnavailable.
        """
        modules = self.module_list
        try:
            full = width(modules, self._states())
        except (KeyError, TypeError, ValueError):
            raise ModelUnavailable(f"{self.path}: a Dense module without out_features") from None
        cut = self.settings.get("truncate_dim")
        return min(full, cut) if isinstance(cut, int) and cut > 0 else full

    def _states(self) -> int:
        """Width of a token's vector in the first module. Raises ModelUnavailable."""
        if self.is_static:
            return static_width(self.base)
        config = self.base_json("config.json")
        if self.has_towers:
            return tower_width(config)
        text = config.get("text_config", config)
        for name in ("hidden_size", "d_model", "dim"):
            if isinstance(text.get(name), int):
                return int(text[name])
        raise ModelUnavailable(f"{self.path}: config.json does not say how wide the vectors are")

    def token_cost(self) -> int | None:
        """Multiplications with weights for each token of a text: attention's and feed-forward matrices.

        None if its configuration has no layers, or names them in another way.
        """
        if self.is_static or self.has_towers:
            return None
        config = self.base_json("config.json")
        text = config.get("text_config", config)
        layers = text.get("num_hidden_layers", text.get("n_layers"))
        width = self._states()
        inner = text.get("intermediate_size", text.get("hidden_dim", 4 * width))
        if not isinstance(layers, int) or not isinstance(inner, int):
            return None
        return layers * (4 * width * width + 2 * width * inner)

    def limits(self) -> list[Limit]:
        """Token limits in its files, the one that is used marked."""
        return limits(self.base_json, self.is_static)

    def max_tokens(self, default: int) -> int:
        """Tokens that it reads, special tokens included: the smallest limit in its files."""
        return next((x.tokens for x in self.limits() if x.used), default)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Content of `config_sentence_transformers.json`; empty if there is none, or if it is broken."""
        try:
            return self.json("config_sentence_transformers.json")
        except ModelUnavailable:
            return {}

    def similarity(self) -> str:
        """Similarity that rankings by cosine would not agree with: dot, euclidean or manhattan; else cosine.

        Vectors of length 1 have the same order by cosine, dot product and Euclidean distance.
        """
        named = str(self.settings.get("similarity_fn_name") or "cosine")
        modules = self.module_list
        unit = not modules or is_normalized(modules)
        cut = isinstance(self.settings.get("truncate_dim"), int)
        return "cosine" if unit and not cut and named in ("dot", "euclidean") else named

    def float32(self) -> int:
        """Bytes of the weights in float32, the precision on a CPU, whatever precision they are stored in."""
        config = self.base_json("config.json")
        half = str(config.get("dtype") or config.get("torch_dtype")).endswith("float16")
        return sum(p.stat().st_size for p in self.base.glob(WEIGHTS)) * (2 if half else 1)

    def prompts(self) -> Prompts:
        """Prompts of `config_sentence_transformers.json`, by the use of each."""
        return read_prompts(self.settings)

    def check(self) -> None:
        """Check that an encoder can be loaded from the folder, for each role. Raises ModelUnavailable."""
        for folder in dict.fromkeys((self, self.queries)):
            check_modules(self.path, folder.module_list, folder.has_towers)
            check_model_type(self.path, self.settings)
            folder.check_files()
        ours, theirs = self.dim(), self.queries.dim()
        if ours != theirs:
            raise ModelUnavailable(
                f"{self.path}: its vectors of documents have {ours} dimensions, those of queries {theirs}: "
                "they cannot be compared"
            )

    def check_files(self) -> None:
        """Check that the first module's files are there, of any kind of model. Raises ModelUnavailable."""
        base, static = self.base, self.is_static
        if not static:
            check_transformer(base, self.base_json("config.json"))
        if not any(base.glob(WEIGHTS)):
            raise ModelUnavailable(
                f"{base}: no weights in safetensors form (pickled ones can run code and are not "
                "loaded; convert them first)"
            )
        # transformers would make up an empty tokenizer, which reads all texts alike
        names = ("tokenizer.json", *(() if static else VOCABULARIES))
        if not any(p for name in names for p in base.glob(name)):
            raise ModelUnavailable(f"{base}: no tokenizer (tokenizer.json is missing)")
