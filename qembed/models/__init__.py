"""Text to vectors, and (query, passage) to scores.

spec             which model a name means, without loading it
profiles         what each model family was trained with      templates    the text that is encoded
builtin, hub, model_folder, folder_model, python_model        where a model comes from
torch_encoder, batching, tokenization                         models in torch
onnx/            exported models at run time, without torch   onnx_export/ the export, with torch
remote/          models behind HTTP                           rerankers/   scores of (query, passage)
model            the protocol of models                       environment  libraries and devices
"""

from typing import TYPE_CHECKING, Any

from qembed.models.model import Model
from qembed.models.profiles import PROFILES, TASKS, Profile, profile_for
from qembed.models.spec import open_model, prepare_spec
from qembed.models.templates import check_template, passage_text, query_text, resolve_task
from qembed.paths import cache_folder

if TYPE_CHECKING:
    from qembed.models.rerankers.spec import open_reranker

__all__ = [
    "PROFILES",
    "TASKS",
    "Model",
    "Profile",
    "cache_folder",
    "check_template",
    "open_model",
    "open_reranker",
    "passage_text",
    "prepare_spec",
    "profile_for",
    "query_text",
    "resolve_task",
]


def __getattr__(name: str) -> Any:
    """Rerankers when somebody asks for them: a query without one is spared their imports."""
    if name == "open_reranker":
        from qembed.models.rerankers.spec import open_reranker

        return open_reranker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
