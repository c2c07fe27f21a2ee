#!/bin/sh
# transformers 5.24.0 with peft 0.21.2, each the newest on the index: no model takes or loads an adapter.
#
# `model.add_adapter(config)` is the documented way to LoRA on any transformers model, `model.load_adapter(folder)`
# the way back, and sentence-transformers hands both on. All seven methods of the adapter interface first ask for peft
# 0.22.0, a release that does not exist (November 2026): the error advises an upgrade that nobody can make. The metadata of
# the package asks for no peft at all, so pip installs the pair without a word. The requirement is no technical one:
# peft's own `inject_adapter_in_model` puts the same configuration into the same model, and trains it.
#
# Seen (a BERT of one layer, LoRA of rank 2 on the query projection):
#   model.add_adapter:        ValueError: The version of PEFT you are using is not compatible, please use a version >= 0.22.0
#   inject_adapter_in_model:  128 trainable weights, output changes after a step: True
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q transformers==5.24.0 peft==0.21.2
cd "$work"
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import sys

import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import BertConfig, BertModel

shape = BertConfig(
    vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
)
adapter = LoraConfig(r=2, target_modules=["query", "value"], lora_alpha=4, lora_dropout=0.0)
ids = torch.tensor([[1, 2, 3, 4]])

try:
    BertModel(shape).add_adapter(adapter)
    said = "accepted"
except ValueError as e:
    said = f"ValueError: {e}"
print("model.add_adapter:       ", said)

model = BertModel(shape).eval()
inject_adapter_in_model(adapter, model)
trained = [p for p in model.parameters() if p.requires_grad]
before = model(ids).last_hidden_state
steps = torch.optim.SGD(trained, lr=1.0)
for _ in range(2):  # the first moves only the half that starts at zero
    steps.zero_grad()
    model(ids).last_hidden_state[0, 0, 0].backward()
    steps.step()
changed = not torch.allclose(before, model(ids).last_hidden_state)
count = sum(p.numel() for p in trained)
print(f"inject_adapter_in_model:  {count} trainable weights, output changes after a step: {changed}")
sys.exit(0 if "0.22.0" in said and changed and count else 1)
PY
