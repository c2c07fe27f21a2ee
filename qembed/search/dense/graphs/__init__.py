"""HNSW graphs of the libraries that qembed uses, behind one interface."""
