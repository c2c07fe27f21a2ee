"""The only place where the rooms meet: build (index), retrieve (query), rerank, evaluate (eval)."""
