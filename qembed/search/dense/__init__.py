"""Vector search: exact, or through an HNSW graph, and the planner that chooses."""
