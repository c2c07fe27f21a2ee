"""`qembed status`, `verify` and `models`: what an index and a model are."""
