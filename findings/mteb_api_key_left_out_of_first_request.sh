#!/bin/sh
# mteb 2.26.24: an OpenAI-compatible server that wants its key for everything cannot be judged.
#
# OpenAIAPIEncodeWrapper(endpoint_url=…, api_key=…) sends the key with each POST of texts. But its constructor first
# asks GET /v1/models, by a plain request without the key, and an answer of 401 there ends in a ConnectionError that
# speaks of a failed connection. OpenAI's own API and servers such as vLLM with --api-key guard that address, too. The
# rerank wrapper asks in the same way. A server that leaves /v1/models open while it guards the rest works.
#
# Seen (a server that wants "Authorization: Bearer k" for all, or for all but /v1/models; true: the key came along):
#   guards all:          ConnectionError [('GET', '/v1/models', False)]
#   leaves models open:  vectors of 2 texts
#                        [('GET', '/v1/models', False), ('GET', '/v1/models', False), ('POST', '/v1/embeddings', True)]
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q mteb==2.26.24 sentence-transformers==6.2.0 transformers==5.24.0
cd "$work"
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mteb
from mteb.models.openai_wrappers import OpenAIAPIEncodeWrapper
from torch.utils.data import DataLoader


class Server(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, bool]] = []
    open_paths: tuple[str, ...] = ()

    def answer(self, body):
        key = self.headers.get("Authorization") == "Bearer k"
        self.seen.append((self.command, self.path, key))
        code = 200 if key or self.path in self.open_paths else 401
        data = json.dumps(body if code == 200 else {"error": {"message": "key wanted"}}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer({"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        rows = [{"object": "embedding", "index": i, "embedding": [1.0, 0.0]} for i in range(len(texts))]
        self.answer({"object": "list", "model": "m", "data": rows})

    def log_message(self, *_):
        pass


def ask(open_paths):
    Server.open_paths, Server.seen = open_paths, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        model = OpenAIAPIEncodeWrapper(endpoint_url=url, model_name="m", api_key="k", use_chat_template=False)
        task = mteb.get_task("STS12").metadata
        rows = model.encode(DataLoader([{"text": "a"}, {"text": "b"}]), task_metadata=task, hf_split="test", hf_subset="default")
        end = f"vectors of {len(rows)} texts"
    except ConnectionError:
        end = "ConnectionError"
    finally:
        server.shutdown()
    return end, list(Server.seen)


guarded, first = ask(())
opened, second = ask(("/v1/models",))
print("guards all:        ", guarded, first)
print("leaves models open:", opened, second)
held = guarded == "ConnectionError" and {key for _, _, key in first} == {False}
held = held and opened == "vectors of 2 texts" and ("POST", "/v1/embeddings", True) in second
sys.exit(0 if held and not any(key for method, _, key in second if method == "GET") else 1)
PY
