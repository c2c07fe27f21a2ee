"""Models behind an HTTP endpoint: embeddings and reranking."""
