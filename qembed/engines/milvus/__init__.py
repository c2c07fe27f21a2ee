"""Collections of Milvus: connection, schema, state, rows, search."""
