"""Indexes on a server of Milvus, searched as local ones are: `--index milvus+http://HOST:PORT/NAME`."""
