#!/bin/sh
# gcsfs 2026.10.1: a file system on an emulator still asks Google's own server of each bucket, for each call.
#
# With STORAGE_EMULATOR_HOST all requests of gcsfs go to the emulator, and token="anon" takes no credentials; so one
# takes it that nothing leaves the machine. Since zonal and hierarchical buckets are supported, each call first looks
# at the bucket's layout by a client of its own, over gRPC, which knows neither setting of the host: it names the bucket
# to storage.googleapis.com:443. A failure is not remembered, so that the next call asks again. Where that address
# is not reached each of these questions is tried for up to 60 s before the file is written to the emulator.
# GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT=false, set before the import, turns them off.
#
# Seen (the question is refused at once here, so that nothing is sent and nobody waits):
#   asked while a file is written:  storage.googleapis.com:443 about projects/_/buckets/a-bucket/storageLayout, 2 times
#   asked while it is read:         1 times
#   read: b'text'
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q gcsfs==2026.10.1 gcp-storage-emulator==2026.7.19
cd "$work"
"$work/venv/bin/python" - "$work/venv/bin/gcp-storage-emulator" <<'PY'
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
url = f"http://127.0.0.1:{port}"
os.environ["STORAGE_EMULATOR_HOST"] = url
command = [sys.argv[1], "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
emulator = subprocess.Popen([*command, "--default-bucket=a-bucket"], **quiet)
try:
    for _ in range(150):
        try:
            urllib.request.urlopen(f"{url}/storage/v1/b/a-bucket", timeout=5).close()
            break
        except OSError:
            time.sleep(0.2)

    import gcsfs
    from google.api_core.exceptions import ServiceUnavailable
    from google.cloud.storage_control_v2 import StorageControlAsyncClient

    asked = []

    async def refuse(self, *args, name, **options):
        asked.append(f"{self.transport.host} about {name}")
        raise ServiceUnavailable("not sent")

    StorageControlAsyncClient.get_storage_layout = refuse
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    files = gcsfs.GCSFileSystem(token="anon")
    files.pipe_file("a-bucket/file", b"text")
    writing = asked.copy()
    read = files.cat_file("a-bucket/file")
    print(f"asked while a file is written:  {', '.join(dict.fromkeys(writing))}, {len(writing)} times")
    print(f"asked while it is read:         {len(asked) - len(writing)} times")
    print("read:", read)
finally:
    emulator.kill()
as_stated = len(asked) > len(writing) > 0 and all("googleapis.com" in a for a in asked)
sys.exit(0 if as_stated and read == b"text" else 1)
PY
