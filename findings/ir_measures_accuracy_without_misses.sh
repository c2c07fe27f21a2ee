#!/bin/sh
# ir-measures 0.4.3: Accuracy of a ranking without a single miss is no number, but ZeroDivisionError.
#
# Accuracy is documented as the chance that a relevant document stands above an irrelevant one, so a ranking of
# relevant documents alone is either perfect or left out. The code divides by the number of pairs (relevant,
# irrelevant) that the ranking holds, which is 0 there, and nothing catches it: one perfect answer ends the
# whole evaluation, also of all other queries. Accuracy@1 meets it as soon as one first hit is right.
#
# Seen, for a query whose only hit is relevant, beside one whose first hit is not:
#   Accuracy   ZeroDivisionError
#   Success@1  0.5
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q ir-measures==0.4.3
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys

from ir_measures import Accuracy, Success, calc_aggregate

qrels = {"found": {"d1": 1}, "missed": {"d2": 1}}
run = {"found": {"d1": 1.0}, "missed": {"d1": 1.0, "d2": 0.5}}
try:
    said = str(calc_aggregate([Accuracy], qrels, run)[Accuracy])
except ZeroDivisionError:
    said = "ZeroDivisionError"
success = calc_aggregate([Success @ 1], qrels, run)[Success @ 1]
print("Accuracy  ", said)
print("Success@1 ", success)
sys.exit(0 if said == "ZeroDivisionError" and success == 0.5 else 1)
PY
