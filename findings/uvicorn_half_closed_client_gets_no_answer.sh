#!/bin/sh
# uvicorn 0.54.0: a client that closes its sending side after a whole request gets no answer, if the answer takes a moment.
#
# HTTP allows a client to send its request and close only its half of the connection (shutdown SHUT_WR, as some shell
# clients and load balancers' checks do); the answer is still to come. uvicorn's protocols return nothing from
# eof_received, which tells asyncio to close the transport: the application is told of a disconnect and goes on
# computing, and the client reads an empty answer. An application that answers without awaiting anything is faster
# than the close, so a first test with a trivial handler shows nothing. Both protocols, h11 and httptools, do this.
#
# Seen (bytes of the answer's first line):
#   both sides open:  b'HTTP/1.1 200 OK'
#   half closed:      b''
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q uvicorn==0.54.0 httptools==0.8.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import asyncio
import socket
import sys
import threading
import time

import uvicorn


async def answer(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def first_line(port, half):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        if half:
            client.shutdown(socket.SHUT_WR)
        got = b""
        while data := client.recv(1000):
            got += data
    return got.partition(b"\r\n")[0]


seen = []
for http in ("h11", "httptools"):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(answer, http=http, lifespan="off", log_level="error"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    port = listening.getsockname()[1]
    seen.append((first_line(port, False), first_line(port, True)))
    server.should_exit = True
    print(f"{http}: both sides open {seen[-1][0]}, half closed {seen[-1][1]}")
sys.exit(0 if seen == [(b"HTTP/1.1 200 OK", b"")] * 2 else 1)
PY
