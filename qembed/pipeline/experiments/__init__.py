"""Experiments on an index: evaluation runs, ablations, pools, sentence similarity."""
