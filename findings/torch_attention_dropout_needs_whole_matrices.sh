#!/bin/sh
# torch 2.13.0 on a CPU: dropout of .1 in scaled_dot_product_attention brings back the whole attention matrices.
#
# The fused kernel for CPUs computes attention in blocks, in memory that grows with the length of the texts, not with its
# square. It takes no dropout. With dropout_p above 0, as BERT and its kin have in training (attention_probs_dropout_prob
# .1), torch changes to plain matrices without a word: several of tokens x tokens for each head, all kept for the backward
# pass. So "sdpa" saves a training on a CPU nothing, though the same model in evaluation is fused. Of a training of
# a sentence encoder of six layers with passages of 256 tokens it is half of the memory and a third of the time.
#
# Seen (16 texts, 12 heads of 32 dimensions, 512 tokens; memory of a forward and a backward pass beside the tensors):
#   dropout 0   67 MiB
#   dropout .1  814 MiB
#
# Exit code 0: dropout takes more than four times the memory; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0 numpy
cd "$work"
cat >pass.py <<'PY'
import resource
import sys

import torch

torch.manual_seed(0)
shape = (16, 12, 512, 32)
q, k, v = (torch.randn(shape, requires_grad=True) for _ in range(3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
torch.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=float(sys.argv[1])).sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
PY
none=$("$work/venv/bin/python" pass.py 0)
some=$("$work/venv/bin/python" pass.py .1)
echo "dropout 0   $none MiB"
echo "dropout .1  $some MiB"
test "$some" -gt $((4 * none))
