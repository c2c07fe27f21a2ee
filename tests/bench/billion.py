"""The plan to a billion passages, docs/scale.md: its tables from its assumptions.

python -m tests.bench.billion              compares the tables in the page with what its assumptions give
python -m tests.bench.billion --write      writes them anew, after assumptions were changed
python -m tests.bench.billion --measure    the costs of this machine, a passage, for the assumptions
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.queueing import Cluster, latencies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
BEGIN, END = (
    "<!-- computed by python -m tests.bench.billion -->\n",
    "<!-- end of what is computed -->\n",
)
ROW = re.compile(r"^\| `([a-z_]+)` \| ([\d.,]+) \|", re.MULTILINE)
SIZES = (1e6, 1e7, 1e8, 1e9)
QUERIES = 3000
HOUR, MONTH = 3600, 730


def assumptions(page: str) -> dict[str, float]:
    """Values of the page's table, by name."""
    return {name: float(value.replace(",", "")) for name, value in ROW.findall(page)}


def cells(*values: object) -> str:
    return "| " + " | ".join(str(v) for v in values) + " |"


def duration(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:,.0f} days"


def building(a: dict[str, float]) -> list[str]:
    """Time of each stage, by one machine and by many."""
    names = [
        *("passages", "shards", "encoding, one machine", "encoding, cluster"),
        *("commits, one writer", "commits, a writer a shard"),
        *("graph, one machine", "graph, a machine a shard", "disk"),
    ]
    lines = [cells(*names), cells(*["---:"] * len(names))]
    machines = a["encode_machines"]
    for n in SIZES:
        each = min(n, a["shard_passages"])
        encode = n * a["encode_core_ms"] / 1000 / HOUR / a["machine_cores"]
        commits = [size * a["commit_us"] / 1e6 / HOUR for size in (n, each)]
        # a passage costs more in a larger graph, as measured up to a million
        growth = [max(1, size / 1e6) ** (a["graph_growth"] - 1) for size in (n, each)]
        graph = [size * a["graph_us"] / 1e6 / HOUR for size in (n, each)]
        times = [
            encode,
            encode / machines,
            *commits,
            *(g * more for g, more in zip(graph, growth, strict=True)),
        ]
        disk = f"{n * a['disk_bytes'] / 1e9:,.0f} GB"
        shards = int(np.ceil(n / a["shard_passages"]))
        lines.append(cells(f"{n:,.0f}", shards, *map(duration, times), disk))
    return lines


def serving(a: dict[str, float]) -> list[str]:
    """Latency by rate and replicas, and the price."""
    names = [
        *("passages", "shards", "replicas", "queries/s", "load", "median", "p99"),
        *("machines", "a month"),
    ]
    lines = [cells(*names), cells(*["---:"] * len(names))]
    for n in SIZES[1:]:
        shards = int(np.ceil(n / a["shard_passages"]))
        for replicas in (1, 2, 3):
            service, rest = a["search_ms"] / 1000, a["rest_ms"] / 1000
            cores = int(a["machine_cores"])
            cluster = Cluster(shards, replicas, cores, service, a["search_spread"], rest)
            machines = shards * replicas
            price = f"${machines * a['machine_price'] * MONTH:,.0f}"
            for rate in (a["rate_low"], a["rate_high"]):
                load = rate / cluster.capacity
                times = ["grows without end"] * 2
                if load < 1:
                    found = latencies(cluster, rate, QUERIES, seed=1) * 1000
                    times = [f"{np.quantile(found, q):.0f} ms" for q in (0.5, 0.99)]
                about = (f"{n:,.0f}", shards, replicas, f"{rate:,.0f}", f"{load:.0%}")
                lines.append(cells(*about, *times, f"{machines:,}", price))
    return lines


def limits(a: dict[str, float]) -> list[str]:
    """Passages at which each part of one machine ends, the first first."""
    day = 24 * HOUR
    memory = a["machine_gib"] * 2**30
    growth = a["graph_growth"]
    found = {
        "encoding in a day, one machine": day * a["machine_cores"] / (a["encode_core_ms"] / 1000),
        "memory of the graph's build": memory / a["build_bytes"],
        "memory of the loaded graph": memory / a["serve_bytes"],
        "the graph in a day, one machine": (day / (a["graph_us"] / 1e6) / 1e6) ** (1 / growth)
        * 1e6,
        "reading and commits in a day, one writer": day / (a["commit_us"] / 1e6),
        "sending the texts of a day, one machine": day * a["network_mib"] * 2**20 / a["text_bytes"],
    }
    rows = sorted(found.items(), key=lambda pair: pair[1])
    cost = 1e9 * a["encode_core_ms"] / 1000 / HOUR / a["machine_cores"] * a["machine_price"]
    return [
        cells("limit", "passages"),
        cells("---", "---:"),
        *(cells(name, f"{value / 1e6:,.0f} million") for name, value in rows),
        "",
        f"Encoding a billion passages once costs ${cost:,.0f}.",
    ]


def computed(page: str) -> str:
    """The tables that the page's assumptions give."""
    a = assumptions(page)
    parts = {
        "What breaks first": limits(a),
        "Building": building(a),
        "Serving": serving(a),
    }
    return "\n".join(f"## {name}\n\n" + "\n".join(lines) + "\n" for name, lines in parts.items())


def rewritten(page: str) -> str:
    """The page with its tables computed anew."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{computed(page)}\n{END}{rest.partition(END)[2]}"


def measure(n: int) -> None:
    """Costs of this machine, with a static encoder, so that only qembed counts; then `minilm`'s own."""
    from qembed.models import open_model
    from qembed.pipeline.indexing.build import build
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.pipeline.recipe import RecipeOptions
    from qembed.store.vector_files.encoded_passages import EncodedDocuments, pack, unpack
    from qembed.types import Passage
    from tests.bench.encoder import real_texts

    texts = real_texts(n)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        path.write_text(
            "".join(json.dumps({"_id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
        )
        recipe = RecipeOptions(model="py:tests.bench.encoder:static")
        summary = build(Path(folder) / "i", IndexOptions(paths=[str(path)], recipe=recipe))
        passages = summary.passages["total"]
        for stage in ("read", "encode", "write", "derive"):
            print(f"{stage:24} {summary.seconds[stage] / passages * 1e6:10.1f} µs a passage")
    found = [Passage(str(i), 0, 0, len(t), t, 1, 1) for i, t in enumerate(texts[:1000])]
    vectors = np.zeros((1000, 384), np.float32)
    hashes = [i.to_bytes(16, "little") for i in range(1000)]
    encoded = EncodedDocuments([[p] for p in found], hashes, [1] * 1000, vectors)
    began = time.perf_counter()
    data = pack(encoded)
    packed = time.perf_counter()
    unpack(data)
    print(f"{'a cluster file, written':24} {(packed - began) * 1e3:10.1f} µs a passage")
    print(f"{'a cluster file, read':24} {(time.perf_counter() - packed) * 1e3:10.1f} µs a passage")
    print(f"{'a cluster file, bytes':24} {len(data) / 1000:10.1f} a passage")
    sample = [t for t in texts if len(t) > 200][:200] or texts[:200]
    encoder = open_model("minilm").encoder()
    encoder.encode(sample[:32])
    began, cpu = time.perf_counter(), time.process_time()
    encoder.encode(sample)
    print(
        f"{'minilm, cores':24} {(time.process_time() - cpu) / len(sample) * 1e3:10.2f} ms a passage"
    )
    print(
        f"{'minilm, elapsed':24} {(time.perf_counter() - began) / len(sample) * 1e3:10.2f} ms a passage"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--passages", type=int, default=20_000)
    args = parser.parse_args()
    if args.measure:
        measure(args.passages)
        return 0
    page = PAGE.read_text("utf-8")
    new = rewritten(page)
    if args.write:
        PAGE.write_text(new, "utf-8")
    print(computed(page))
    return int(new != page and not args.write)


if __name__ == "__main__":
    sys.exit(main())
