"""The warm process: an index, its model and its graph stay loaded, and `query` and `rerank` ask it.

place      where the socket lies, who may use it      protocol   frames of JSON
client     light: what a command tries first          server     being there, idle time, stopping
loop       one thread for all connections: call       desk       quick answers there, slow ones elsewhere
warm       one index, as new as its files             shared     its encoder, for all requests at once
"""
