#!/bin/sh
# tokenizers 0.23.3: scores of a Unigram tokenizer are not the numbers of its file.
#
# Scores are float64 in memory and are written with all digits, so reading a tokenizer.json and writing it again
# should give the same numbers. It does not: the JSON parser rounds about one score in seven to a neighbouring
# float64. Scores that were float32, as all of SentencePiece are, are none afterwards. The second reading changes
# nothing, so a file that tokenizers wrote is stable, and one that another program wrote is not: digests of a
# tokenizer.json that was only loaded and saved differ, and so do comparisons of the tokenizers of two copies of
# a model, one saved by a training.
#
# Seen, of 20,000 float32 scores between -15 and -3: 2,949 others after the first reading, by one unit in the last
# place each; none more after the second. -7.4715776443481445 becomes -7.471577644348144.
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q tokenizers==0.23.3
cd "$work"
"$work/venv/bin/python" - <<'PY'
import json
import math
import random
import struct
import sys

from tokenizers import Tokenizer


def saved(scores):
    """Scores after a tokenizer.json with them was read and written."""
    pieces = [["<unk>", 0.0], *([f"p{i}", s] for i, s in enumerate(scores))]
    text = json.dumps({"version": "1.0", "model": {"type": "Unigram", "unk_id": 0, "vocab": pieces}})
    return [score for _, score in json.loads(Tokenizer.from_str(text).to_str())["model"]["vocab"][1:]]


def as_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


rng = random.Random(1)
scores = [as_float32(-rng.uniform(3, 15)) for _ in range(20_000)]
once = saved(scores)
changed = [(a, b) for a, b in zip(scores, once) if a != b]
one_unit = all(abs(a - b) == math.ulp(a) for a, b in changed)
twice = sum(a != b for a, b in zip(once, saved(once)))
one = saved([-7.4715776443481445])[0]
print(f"changed by the first reading: {len(changed)} of {len(scores)}, by one unit each: {one_unit}")
print(f"changed by the second: {twice}")
print(f"-7.4715776443481445 becomes {one}")
sys.exit(0 if changed and one_unit and not twice and one == -7.471577644348144 else 1)
PY
