#!/bin/sh
# milvus-lite 3.2.2 (pymilvus 3.0.2): a word's weight in full-text search is another one in each segment.
#
# A flush closes a segment; what is written after it goes into the next one. Each segment counts its own documents and
# its own documents with a word, so BM25's idf is of the segment, and the hits of all segments are sorted together by
# scores that are on different scales. Two entities with one text then have two scores, far apart: when rows are written
# and flushed in batches, the order of the hits depends on which batch a row came in.
#
# Seen (50 texts, 1 of them with the word "rare"; flush; then 10 texts with it, one of them equal to the first):
#   before the second batch:  {0: 5.134}
#   after it:                 {0: 5.134, 100: 0.068, 101: 0.045, ...}      rows 0 and 100 have the same text
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q pymilvus==3.0.2 milvus-lite==3.2.2
cd "$work"
port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/milvus-lite" server --data-dir "$work/data" --host 127.0.0.1 --port "$port" >"$work/log" 2>&1 &
server=$!
"$work/venv/bin/python" - "$port" 2>/dev/null <<'PY'
import sys
import time

from pymilvus import DataType, Function, FunctionType, MilvusClient

for _ in range(60):
    try:
        client = MilvusClient(uri=f"http://127.0.0.1:{sys.argv[1]}", timeout=5)
        break
    except Exception:  # it is not up yet
        time.sleep(0.5)
schema = client.create_schema(auto_id=False)
schema.add_field("row", DataType.INT64, is_primary=True)
schema.add_field("text", DataType.VARCHAR, max_length=200, enable_analyzer=True)
schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
schema.add_function(
    Function(name="bm25", function_type=FunctionType.BM25, input_field_names=["text"], output_field_names=["terms"])
)
index = client.prepare_index_params()
index.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
client.create_collection("notes", schema=schema, index_params=index)


def scores():
    found = client.search("notes", data=["rare"], anns_field="terms", limit=20, search_params={"metric_type": "BM25"})
    return {hit["row"]: abs(hit["distance"]) for hit in found[0]}


filler = "common words that every one of these short notes has"
client.insert("notes", [{"row": 0, "text": "a rare note"}] + [{"row": i, "text": filler} for i in range(1, 50)])
client.flush("notes")
before = scores()
second = [{"row": 100, "text": "a rare note"}] + [{"row": 100 + i, "text": f"rare {filler}"} for i in range(1, 10)]
client.insert("notes", second)
after = scores()
print("before the second batch:", {row: round(score, 3) for row, score in before.items()})
print("after it:               ", {row: round(score, 3) for row, score in after.items()})
sys.exit(0 if after[0] > 10 * after[100] and after[0] == before[0] else 1)
PY
