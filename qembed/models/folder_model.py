"""Models in local folders, which encode through their ONNX export, or through torch if there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.environment import version
from qembed.models.images.batched import BatchedImages, prepared
from qembed.models.images.preprocessing import Preprocessing, steps_of
from qembed.models.images.text_only import reads_no_images
from qembed.models.layout.limits import UNLIMITED
from qembed.models.layout.pictures import IMAGE_FOLDER
from qembed.models.model import Say, Stop
from qembed.models.model_folder import Folder
from qembed.models.onnx.prepare import (
    ExportRequest,
    open_encoder,
    open_images,
    open_pieces,
    prepare,
)
from qembed.models.profiles import Profile, profile_for
from qembed.models.tokenization import backend_of, keep_end, no_special_tokens
from qembed.protocols import Encoder, ImageEncoder, Kind, TokenEncoder

if TYPE_CHECKING:
    from qembed.models.onnx.encoder import OnnxEncoder
    from qembed.models.onnx.tokens import ExportTokenizer
    from qembed.models.torch_encoder import TorchEncoder


@dataclass
class FolderModel:
    """Model in a folder. Weights are loaded once, by `encoder` or `token_encoder`.

    `dim`: dimensions after truncation. `max_tokens`: tokens read, special tokens included. `note`: after
    loading, why it runs on torch where an export could have served. `own_queries`: the model of queries, if
    these have modules of their own.
    """

    is_remote: ClassVar[bool] = False

    spec: str
    name: str
    folder: Folder
    profile: Profile
    dim: int
    pooling: str
    max_tokens: int
    device: str | None = None
    warning: str | None = None
    note: str | None = None
    own_queries: FolderModel | None = None
    _exported: OnnxEncoder | None = field(default=None, repr=False)
    _torch: TorchEncoder | None = field(default=None, repr=False)
    _images: BatchedImages | None = field(default=None, repr=False)

    @cached_property
    def revision(self) -> str:
        """Hash of everything that determines a vector."""
        return self.folder.revision()

    @property
    def queries(self) -> FolderModel:
        """Model as queries use it: itself, unless queries and documents have modules of their own."""
        return self.own_queries or self

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self.folder.base / "tokenizer.json"
        if path.is_file():
            try:
                tokenizer = Tokenizer.from_file(str(path))
            except Exception as e:  # tokenizers has no class of its own for it
                raise ModelUnavailable(f"{path}: {e}") from e
        else:  # an older folder with a vocabulary only
            from qembed.models.library_logging import quiet

            with quiet():
                from transformers import AutoTokenizer

                loaded: Any = AutoTokenizer.from_pretrained(
                    str(self.folder.base), local_files_only=True, trust_remote_code=False
                )
                tokenizer = backend_of(loaded)
        # a chunker and a counter need the tokens of the whole text
        tokenizer.no_truncation()
        tokenizer.no_padding()
        if self.folder.is_static:
            no_special_tokens(tokenizer)
        else:
            keep_end(tokenizer, self.profile.end_token)
        return tokenizer

    @cached_property
    def _by_pieces(self) -> ExportTokenizer | None:
        """Tokenizer of an export whose vocabulary stays on disk."""
        return open_pieces(self.export_request())

    def tokenizer(self) -> Any:
        """Tokenizer (`tokenizers.Tokenizer`), not truncating, not padding. Raises ModelUnavailable.

        None where an export has the vocabulary on disk: `count` reads what it needs of it, and the whole
        would take 280 MiB.
        """
        return None if self._by_pieces else self._tokenizer

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        if self._exported is not None:
            return self._exported.count(texts)
        if self._by_pieces is not None:
            return self._by_pieces.count(texts)
        return [len(e.ids) for e in self._tokenizer.encode_batch(list(texts))]

    def export_request(self) -> ExportRequest:
        """Key and content of this model's export."""
        return ExportRequest(
            kind="encoder",
            name=self.name,
            spec=self.spec,
            folder=self.folder.path,
            revision=self.folder.revision(pictures=False),
            pooling=self.pooling,
            max_tokens=self.max_tokens,
            device=self.device,
            role=self.folder.role if self.folder.is_routed else "",
        )

    def prepare(self, say: Say, stop: Stop) -> str | None:
        """Export the model for later runs, unless that failed before, and the one of queries.

        Returns None if there is an export or the weights are loaded, else one line that says why there
        is none. Raises KeyboardInterrupt when `stop` returns True.
        """
        if self.own_queries is not None:
            self.own_queries.prepare(say, stop)
        if self._exported is None and self._torch is None:
            self._exported, _ = open_encoder(self.export_request(), self.dim)
        loaded = self._exported is not None or self._torch is not None
        self.note = None if loaded else prepare(self.export_request(), say, stop)
        if self._images is None and self._image_steps is not None:
            self.note = prepare(self.image_request(), say, stop) or self.note
        return self.note

    def image_request(self) -> ExportRequest:
        """Key and content of the export of its tower of pictures."""
        text = self.export_request()
        return text._replace(kind="image", revision=self.revision, max_tokens=0, role="")

    def _load(self) -> OnnxEncoder | TorchEncoder:
        encoder = self._loaded()
        encoder.info = encoder.info._replace(token_cost=self.folder.token_cost())
        return encoder

    def _loaded(self) -> OnnxEncoder | TorchEncoder:
        if self._torch is not None:
            return self._torch
        if self._exported is None:
            self._exported, note = open_encoder(self.export_request(), self.dim)
            self.note = note and (self.note or note)
        return self._exported or self._by_torch()

    def _by_torch(self) -> TorchEncoder:
        from qembed.models.torch_encoder import TorchEncoder

        self._torch = self._torch or TorchEncoder(
            self.folder.path,
            self.dim,
            self.pooling,
            self.max_tokens,
            self.count,
            self.device,
            self._left_out(),
            self.folder.role,
        )
        return self._torch

    def supports(self, kind: Kind) -> bool:
        """True for texts, and for pictures if it has a part that reads them."""
        return kind == "text" or bool(self.folder.sees)

    @cached_property
    def _image_steps(self) -> Preprocessing | None:
        """Steps from pictures to pixels; None if it reads none. Raises ModelUnavailable."""
        return steps_of(self.folder)

    @cached_property
    def image_recipe(self) -> str:
        """Preprocessing of pictures, "" if it reads none. Raises ModelUnavailable."""
        return "" if self._image_steps is None else self._image_steps.recipe

    def image_encoder(self) -> ImageEncoder:
        """Load the weights, for pictures: an export without torch if there is one.

        Raises ModelUnavailable, UsageError if it reads no pictures, or without Pillow.
        """
        if not self.supports("image"):
            raise reads_no_images(self.spec)
        if version("pillow") is None:
            raise UsageError("pictures need Pillow (pip install 'qembed-search[images]')")
        self._images = self._images or self._load_images()
        return self._images

    def _load_images(self) -> BatchedImages:
        steps = self._image_steps
        assert steps is not None
        exported, note = open_images(self.image_request())
        if exported is not None:
            return prepared(exported.pixel_vectors, steps, self.dim)
        self.note = note and (self.note or note)
        if self.folder.sees == "towers":
            return prepared(self._by_torch().pixel_vectors, steps, self.dim)
        from qembed.models.images.towers import load_tower, pixel_vectors
        from qembed.models.torch_encoder import choose_device

        tower = load_tower(self.folder.path / IMAGE_FOLDER, choose_device(self.device))
        return prepared(pixel_vectors(tower), steps, self.dim)

    def _left_out(self) -> tuple[str, ...]:
        """Templates of prompts whose tokens are not pooled; empty for most models."""
        if not self.folder.leaves_out_prompt:
            return ()
        own = self.folder.settings.get("prompts")
        texts = own.values() if isinstance(own, dict) else ()
        profile = self.profile
        return (
            profile.query,
            profile.passage,
            *(f"{t}{{text}}" for t in texts if isinstance(t, str)),
        )

    def encoder(self) -> Encoder:
        """Load the weights: an export without torch if there is one. Raises ModelUnavailable."""
        return self._load()

    def token_encoder(self, approximate: bool = False) -> TokenEncoder:
        """Load the weights, for vectors of single tokens. Raises ModelUnavailable, UsageError.

        `approximate`: by 8-bit products where an export has them.
        """
        if self.folder.has_towers:
            raise UsageError(
                f"{self.spec} gives no vectors of tokens, which late reranking compares"
            )
        encoder = self._load()
        exported = self._exported
        return exported.approximate() if approximate and exported is not None else encoder

    def release(self) -> None:
        """Drop the weights; `encoder` loads them again."""
        self._exported = self._torch = self._images = None
        if self.own_queries is not None:
            self.own_queries.release()


def open_folder(
    spec: str, name: str, path: Path, dim: int | None, device: str | None
) -> FolderModel:
    """Open the model in a folder: check its files, load no weights.

    Raises ModelUnavailable for a folder without a model, UsageError for a `dim` that the model was not
    trained for.
    """
    folder = Folder(path)
    folder.check()
    profile = profile_for(name, path)

    def model(files: Folder) -> FolderModel:
        return FolderModel(
            spec=spec,
            name=name,
            folder=files,
            profile=profile,
            dim=profile.check_dim(dim, files.dim(), name),
            pooling=files.pooling(profile.pooling or "mean"),
            max_tokens=files.max_tokens(UNLIMITED if files.is_static else profile.max_tokens),
            device=device,
            warning=_warning(name, profile),
        )

    made = model(folder)
    if folder.queries is not folder:
        made.own_queries = model(folder.queries)
    return made


def _warning(name: str, profile: Profile) -> str | None:
    """Message on what may make the model's rankings worse than its authors', None for nothing."""
    if profile.similarity != "cosine":
        return (
            f"{name} was trained for {profile.similarity}, where the length of a vector counts: ranked by "
            "cosine, it may find less"
        )
    if profile.known:
        return None
    if profile.prompts:
        names = ", ".join(n for n, _ in profile.prompts)
        return (
            f"{name}: none of its prompts ({names}) is named query or passage; queries are encoded as they "
            "are (--task NAME puts one before a query)"
        )
    return f"{name}: no profile and no prompts of its own; queries are encoded as they are"
