"""Text to vectors, and scores of (query, passage) pairs.

spec             forms of model specs, opening models       model            protocol of models
hub              models of the hub: cache, download         model_folder     configuration in model files
folder_model     models in folders                          python_model     models of the user's code
profiles         prompts and limits of model families       templates        texts that are encoded
torch_encoder    encoding by torch                          batching         batches of similar length
tokenization     token counts, end tokens                   qwen_prompt      prompt of Qwen3-Reranker
scoring          checks of scores                           environment      libraries, CPU, device
builtin/         models whose files come with PyPI packages
layout/          modules, limits and prompts of sentence-transformers folders
images/          pictures to vectors
onnx/            exports at run time, without torch         onnx_export/     the export, with torch
remote/          models behind HTTP                         rerankers/       scores of pairs
"""

from typing import TYPE_CHECKING

from qembed.late_names import late_names

if TYPE_CHECKING:
    from qembed.models.model import Model
    from qembed.models.profiles import PROFILES, TASKS, Profile, profile_for
    from qembed.models.rerankers.spec import open_reranker, reranker_spec
    from qembed.models.spec import encoder_spec, open_model, prepare_spec
    from qembed.models.templates import (
        check_template,
        own_prompt_name,
        passage_text,
        query_text,
        resolve_task,
        takes_task,
        task_template,
    )
    from qembed.paths import cache_folder

__all__ = [
    "PROFILES",
    "TASKS",
    "Model",
    "Profile",
    "cache_folder",
    "check_template",
    "encoder_spec",
    "open_model",
    "open_reranker",
    "own_prompt_name",
    "passage_text",
    "prepare_spec",
    "profile_for",
    "query_text",
    "reranker_spec",
    "resolve_task",
    "takes_task",
    "task_template",
]

# a refresh without changes needs no model, a query no reranker
__getattr__ = late_names(
    __name__,
    {
        "PROFILES": ".profiles",
        "TASKS": ".profiles",
        "Model": ".model",
        "Profile": ".profiles",
        "cache_folder": "qembed.paths",
        "check_template": ".templates",
        "encoder_spec": ".spec",
        "open_model": ".spec",
        "open_reranker": ".rerankers.spec",
        "own_prompt_name": ".templates",
        "passage_text": ".templates",
        "prepare_spec": ".spec",
        "profile_for": ".profiles",
        "query_text": ".templates",
        "reranker_spec": ".rerankers.spec",
        "resolve_task": ".templates",
        "takes_task": ".templates",
        "task_template": ".templates",
    },
)
