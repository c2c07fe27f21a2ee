"""Server of one index: model, graph and caches stay loaded, and `query` and `rerank` ask it.

client           the command line's side                server        the process: lock, socket, idle time
protocol         frames on the socket                   event_loop    one thread for all connections
messages         calls and replies as JSON values       connection    one of them
socket_address   where the socket lies                  dispatcher    fast requests here, slow ones in threads
handlers         requests to answers, as data           live_index    the index, as new as its files
batching_encoder one encoder for all requests           model_pool    weights across generations
face             a further way to ask, such as HTTP     caller        who waits for an answer
"""
