"""The warm process: an index, its model and its graph stay loaded, and `query` and `rerank` ask it.

place      where the socket lies, who may use it      protocol   frames of JSON
client     light: what a command tries first          server     connections, idle time, stopping
warm       one index, kept up to date between requests      shared   its encoder, for many threads
"""
