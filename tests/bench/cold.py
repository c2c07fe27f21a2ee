"""A cold `qembed query` on 5,000 passages against scripts that do the same; `--help` against typer.

Wanted: .06 of a plain sentence-transformers script, .5 of a fastembed script (only where that is installed;
it is given a local graph), at most 250 MiB; `--help` at most twice `python -c 'import typer'`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from qembed.models import open_model
from qembed.models.builtin.source import builtin_folder
from tests.bench.processes import in_turn, mib, ratio, run, seconds
from tests.bench.table import fact, row

PASSAGES = 5000
ROUNDS = 5
QUERY = "where is my parcel"
K = 10

SEARCH = """
import json, sys
import numpy as np
folder, query = sys.argv[1:]
vectors = np.load(folder + "/vectors.npy", mmap_mode="r")
with open(folder + "/corpus.jsonl") as f:
    texts = [json.loads(line) for line in f]
def show(vector):
    scores = vectors @ vector
    for i in np.argsort(-scores)[:10]:
        print(texts[i]["_id"], scores[i])
"""
PLAIN = (
    SEARCH
    + f"""
from sentence_transformers import SentenceTransformer
model = SentenceTransformer({str(builtin_folder("minilm"))!r}, device="cpu", local_files_only=True)
show(model.encode(query, normalize_embeddings=True))
"""
)
FAST = (
    SEARCH
    + """
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
TextEmbedding.add_custom_model(
    model="local/minilm", pooling=PoolingType.DISABLED, normalization=True,
    sources=ModelSource(hf="local/minilm"), dim=384, model_file="model.onnx",
)
model = TextEmbedding("local/minilm", specific_model_path=folder + "/graph")
show(next(iter(model.embed([query]))))
"""
)
PADDED = """
import json, sys
from qembed.models.onnx_export import export
export.export_by(export._padded_encoder, json.loads(sys.argv[1]))
"""
WORDS = [
    "account",
    "address",
    "agent",
    "arrive",
    "bank",
    "basket",
    "bill",
    "box",
    "broken",
    "cancel",
    "card",
    "carrier",
    "change",
    "charge",
    "check",
    "claim",
    "code",
    "collect",
    "colour",
    "contact",
    "customer",
    "damage",
    "date",
    "day",
    "deliver",
    "deposit",
    "discount",
    "door",
    "email",
    "exchange",
    "express",
    "fee",
    "find",
    "form",
    "free",
    "friend",
    "gift",
    "guest",
    "home",
    "hour",
    "invoice",
    "item",
    "label",
    "late",
    "letter",
    "line",
    "locker",
    "login",
    "lost",
    "mail",
    "message",
    "money",
    "month",
    "neighbour",
    "night",
    "note",
    "number",
    "open",
    "order",
    "parcel",
    "password",
    "pay",
    "phone",
    "pick",
    "place",
    "post",
    "price",
    "print",
    "proof",
    "receipt",
    "refund",
    "remove",
    "repair",
    "replace",
    "return",
    "save",
    "scan",
    "seal",
    "send",
    "ship",
    "shop",
    "sign",
    "size",
    "stock",
    "store",
    "tax",
    "ticket",
    "track",
    "transfer",
    "van",
    "voucher",
    "wait",
    "warehouse",
    "week",
    "wrong",
]


def corpus(path: Path, n: int) -> list[str]:
    """n distinct texts of 6 to 14 words."""
    draw = random.Random(4)
    texts = [f"{i} " + " ".join(draw.choices(WORDS, k=draw.randint(6, 14))) for i in range(n)]
    lines = (json.dumps({"_id": f"d{i}", "text": t}) for i, t in enumerate(texts))
    path.write_text("\n".join(lines), "utf-8")
    return texts


def graph(folder: Path) -> None:
    """What fastembed wants: a graph with padding, in a folder with the tokenizer's files."""
    folder.mkdir()
    request = {"kind": "encoder", "folder": str(builtin_folder("minilm")), "out": str(folder)}
    request |= {"pooling": "mean", "max_tokens": 256, "revision": "local"}
    run([sys.executable, "-c", PADDED, json.dumps(request)], dict(os.environ))
    for path in builtin_folder("minilm").glob("*.json"):
        shutil.copy(path, folder / path.name)
    special = folder / "special_tokens_map.json"
    if not special.exists():
        tokens = {f"{n}_token": f"[{n.upper()}]" for n in ("pad", "unk", "cls", "sep", "mask")}
        special.write_text(json.dumps(tokens))


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        os.environ["QEMBED_CACHE"] = str(top / "cache")
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
        qembed = [sys.executable, "-m", "qembed"]
        run([*qembed, "models", "prepare", "minilm"], env)
        texts = corpus(top / "corpus.jsonl", PASSAGES)
        index = str(top / ".qembed")
        run([*qembed, "index", str(top / "corpus.jsonl"), "--index", index], env)
        np.save(top / "vectors.npy", open_model("minilm", device="cpu").encoder().encode(texts))
        ours = [*qembed, "query", QUERY, "-k", str(K), "--index", index, "--format", "tsv", "-v"]
        plain = [sys.executable, "-c", PLAIN, str(top), QUERY]
        programs = [ours, plain]
        if importlib.util.find_spec("fastembed") is not None:
            graph(top / "graph")
            programs.append([sys.executable, "-c", FAST, str(top), QUERY])
        for args in programs:  # what is on disk is in memory from here on, for all of them
            run(args, env)
        a, b, *c = in_turn(programs, env, ROUNDS)
        dense = run([*ours, "--mode", "dense"], env)
        ids = [line.split("\t")[3] for line in dense.out.splitlines()]
        theirs = [line.split()[0] for line in b[0].out.splitlines()]
        fact("--mode dense: the same hits in the same order", str(ids == theirs))
        row("cold query", seconds(a), seconds(b), ratio(a, b), "plain sentence-transformers")
        fact("peak memory", f"{mib(a):.0f} MiB, plain sentence-transformers {mib(b):.0f} MiB")
        if c:
            row("cold query", seconds(a), seconds(c[0]), ratio(a, c[0]), "fastembed")
            fact("peak memory", f"fastembed {mib(c[0]):.0f} MiB")
        else:
            fact("fastembed", "not installed here: left out")
        fact("where the time goes (-v)", a[-1].err.strip().removeprefix("qembed: "))
        h, t = in_turn([[*qembed, "--help"], [sys.executable, "-c", "import typer"]], env, 9)
        row("--help", seconds(h), seconds(t), ratio(h, t), "python -c 'import typer'")


if __name__ == "__main__":
    main()
