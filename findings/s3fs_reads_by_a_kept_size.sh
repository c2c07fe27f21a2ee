#!/bin/sh
# s3fs 2026.9.0: an object that grew since its folder was listed is read cut off, one that shrank filled up with zeros.
#
# A file system of s3fs keeps the listings of folders until it changes them itself, which is known of its ls and find.
# cat_file, the call that reads a whole object, takes the object's size from the kept listing too, to fetch a large
# object in ranges side by side. If another process has replaced the object meanwhile, it is read up to the old size:
# the end of a longer one is missing, and where a shorter one ends the buffer stays as it was made, all zeros. No range
# names the version of the object, and the lengths of the answers are not compared with what was asked for: nothing is
# raised. An object that came after the listing is not found, although the server has it. With invalidate_cache before
# each read, or use_listings_cache=False, all are read as they are.
#
# Seen (a server of this machine, no request leaves it):
#   listed 60 MiB, now 70: read 60 MiB
#   listed 60 MiB, now 55: read 60 MiB, 5 MiB of zeros at the end
#   after the listing: FileNotFoundError
#   after invalidate_cache: 55 MiB
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q s3fs==2026.9.0 "moto[server,s3]==5.2.5"
cd "$work"
"$work/venv/bin/python" - <<'PY'
import logging
import sys

import s3fs
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
options = {"key": "any", "secret": "any", "endpoint_url": f"http://{host}:{port}", "skip_instance_cache": True}
MIB = 1 << 20
try:
    another = s3fs.S3FileSystem(**options, use_listings_cache=False)  # as another process has
    files = s3fs.S3FileSystem(**options)
    another.mkdir("a-bucket")
    another.pipe_file("a-bucket/one", b"a" * 60 * MIB)
    files.ls("a-bucket")

    another.pipe_file("a-bucket/one", b"b" * 70 * MIB)
    longer = files.cat_file("a-bucket/one")
    print(f"listed 60 MiB, now 70: read {len(longer) / MIB:.0f} MiB")

    another.pipe_file("a-bucket/one", b"c" * 55 * MIB)
    shorter = files.cat_file("a-bucket/one")
    zeros = len(shorter) - len(shorter.rstrip(b"\0"))
    print(f"listed 60 MiB, now 55: read {len(shorter) / MIB:.0f} MiB, {zeros / MIB:.0f} MiB of zeros at the end")

    another.pipe_file("a-bucket/two", b"text")
    try:
        files.cat_file("a-bucket/two")
        new = "found"
    except FileNotFoundError:
        new = "FileNotFoundError"
    print("after the listing:", new)

    files.invalidate_cache()
    whole = files.cat_file("a-bucket/one")
    print(f"after invalidate_cache: {len(whole) / MIB:.0f} MiB")
finally:
    server.stop()
seen = len(longer), len(shorter), zeros, new, len(whole)
sys.exit(seen != (60 * MIB, 60 * MIB, 5 * MIB, "FileNotFoundError", 55 * MIB))
PY
