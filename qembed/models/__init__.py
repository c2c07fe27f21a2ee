"""Text to vectors, and (query, passage) to scores.

spec       which model, without loading it        profiles   what each family wants to be told
embedded   the model that comes with qembed       template   the text that is encoded, to the byte
hub, own   models from elsewhere                  files      a model's folder and its content hash
torch_encoder, batches                            rerank     which reranker; late interaction, cross-encoders
end_token  kept behind every text                 qwen_rerank    a language model's yes or no
remote, remote_rerank, endpoint    behind HTTP    pairs, checks  what is asked of scores and vectors
onnx_prepare   exported models, which need no torch: onnx_export makes them (onnx_packed without padding,
               onnx_agree against torch), onnx_cache keeps them, onnx_session, onnx_encoder and
               onnx_cross run them
"""

from typing import TYPE_CHECKING, Any

from qembed.models.profiles import PROFILES, TASKS, Profile, profile_for
from qembed.models.spec import Model, open_model, prepare_model, prepare_spec
from qembed.models.template import check_template, passage_text, query_text, resolve_task
from qembed.paths import cache_folder

if TYPE_CHECKING:
    from qembed.models.rerank import open_reranker

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
    "prepare_model",
    "prepare_spec",
    "profile_for",
    "query_text",
    "resolve_task",
]


def __getattr__(name: str) -> Any:
    """Rerankers when somebody asks for them: a query without one is spared their imports."""
    if name == "open_reranker":
        from qembed.models.rerank import open_reranker

        return open_reranker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
