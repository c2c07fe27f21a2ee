#!/bin/sh
# uvicorn 0.54.0, asyncio loop: with --workers or --reload each answer on a kept connection takes 40 ms longer.
#
# asyncio turns Nagle's algorithm off (TCP_NODELAY) only for sockets whose protocol number is IPPROTO_TCP. Sockets
# that asyncio makes itself have it. With --workers, --reload or --fd, and for programs that call
# Config.bind_socket(), uvicorn makes the socket, without a protocol number: 0, for which the kernel takes TCP. So
# the head and the body of an answer, two writes, wait for each other: the body is sent when the client has
# acknowledged the head, which Linux does after 40 ms. The first answers of a connection do not show it, nor does
# uvloop, which always sets TCP_NODELAY, nor a client that opens a connection for each request.
#
# Seen (Python 3.11, h11 0.16.0, loopback), median of 21 requests on one connection: .36 ms by a plain server, 44 ms
# with --workers 2, 44 ms with --reload. A socket made with socket.IPPROTO_TCP and given to Server.serve: .2 ms (mean of 20).
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q uvicorn==0.54.0 h11==0.16.0 click
cd "$work"
cat > app.py <<'PY'
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
PY
venv/bin/python - <<'PY'
import http.client
import socket
import statistics
import subprocess
import sys
import time


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server does not start")


def median(*options):
    """Milliseconds of an answer on a kept connection, by a server with these options."""
    port = free_port()
    command = ["venv/bin/python", "-m", "uvicorn", "app:app", "--port", str(port), "--loop", "asyncio"]
    server = subprocess.Popen([*command, "--http", "h11", "--log-level", "critical", *options])
    try:
        wait_for(port)
        client = http.client.HTTPConnection("127.0.0.1", port)
        taken = []
        for _ in range(22):
            began = time.perf_counter()
            client.request("GET", "/")
            client.getresponse().read()
            taken.append(1000 * (time.perf_counter() - began))
        return statistics.median(taken[1:])
    finally:
        server.terminate()
        server.wait()


plain, workers, reload = median(), median("--workers", "2"), median("--reload")
print(f"plain {plain:.2f} ms, --workers 2 {workers:.2f} ms, --reload {reload:.2f} ms")
sys.exit(0 if min(workers, reload) > 30 and plain < 10 else 1)
PY
