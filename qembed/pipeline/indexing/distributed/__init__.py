"""Chunking and encoding on a cluster, ahead of the run that commits: shards of input, a file of each."""
