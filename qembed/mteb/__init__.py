"""qembed under mteb, the embedding benchmark: models, indexes, and tasks of one's own files.

    import mteb
    from qembed.mteb import Encoder, Index, beir_task

    mteb.evaluate(Encoder("bge-small"), mteb.get_tasks(tasks=["STSBenchmark"]))
    mteb.evaluate(Index("bge-small", mode="hybrid"), beir_task("scifact/"))

index    an index as a `SearchProtocol`      encoder  a model as an `EncoderProtocol`
tasks    files as tasks, tasks by name       run      `qembed eval --mteb`
texts    the text that a task's input becomes
"""

from qembed.mteb.encoder import Encoder
from qembed.mteb.index import Index
from qembed.mteb.tasks import beir_task, sts_task

__all__ = ["Encoder", "Index", "beir_task", "sts_task"]
