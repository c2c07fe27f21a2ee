#!/bin/sh
# sentence-transformers 6.2.0: encode_document leaves out a model's "passage" prompt.
#
# Its documentation: encode_document takes the first prompt that is there of "document", "passage", "corpus".
# Every loaded model gets an empty prompt "document", though, which is first, so that the other two names
# are never reached. A model saved with {"query": "query: ", "passage": "passage: "}, as the E5 family is used,
# encodes its queries with their prefix and its documents without one; nothing warns.
#
# Seen:
#   prompts of the loaded model: {'query': 'query: ', 'document': '', 'passage': 'passage: '}
#   encode_document equals the bare text: True; the text behind "passage: ": False
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q sentence-transformers==6.2.0 transformers==5.24.0
cd "$work"
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import json
import sys

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

words = ["[UNK]", "query", "passage", ":", "red", "planet"]
tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
static = StaticEmbedding(tokenizer, np.eye(len(words), dtype=np.float32))
prompts = {"query": "query: ", "passage": "passage: "}
SentenceTransformer(modules=[static], prompts=prompts, device="cpu").save("model", create_model_card=False)

# as authors publish it: without the empty prompt that saving added
with open("model/config_sentence_transformers.json") as f:
    config = json.load(f)
with open("model/config_sentence_transformers.json", "w") as f:
    json.dump({**config, "prompts": prompts}, f)

model = SentenceTransformer("model", device="cpu")
found = model.encode_document("red planet")
bare = np.allclose(found, model.encode("red planet", prompt=""))
prefixed = np.allclose(found, model.encode("red planet", prompt_name="passage"))
query = np.allclose(model.encode_query("red planet"), model.encode("query: red planet", prompt=""))
print("prompts of the loaded model:", model.prompts)
print(f'encode_document equals the bare text: {bare}; the text behind "passage: ": {prefixed}')
sys.exit(0 if bare and query and not prefixed else 1)
PY
