"""HTTP face of a server: the same process, index and batches as behind the socket.

face         a thread with an asyncio loop, beside the server's own
application  a request from its first byte to the access log: guard, limits, route, errors, headers
guard        who may ask: Host, Origin, token
calls        requests handed to the server's dispatcher, awaited
endpoints    one module for each kind of request
"""
