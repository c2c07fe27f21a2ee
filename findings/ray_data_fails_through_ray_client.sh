#!/bin/sh
# ray 2.60.0: a dataset that works on a cluster's machine fails through Ray Client.
#
# Ray Client is the address ray://HOST:PORT, by which a program outside of a cluster runs tasks and actors in it. Those
# work. Ray Data's executor, which runs in the program itself, asks the program's worker for its core worker, which a
# client does not have: consuming a dataset ends in an AttributeError that names neither the client nor what to do. The
# same lines work with the address of the cluster.
#
# Seen:
#   task through the client: 2
#   dataset on the cluster: [1, 2, 3]
#   dataset through the client: AttributeError: 'Worker' object has no attribute 'core_worker'
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
head=
trap 'test -z "$head" || { kill "$head" && wait "$head"; } 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q "ray[data,client]==2.60.0"
cd "$work"
export RAY_USAGE_STATS_ENABLED=0
"$work/venv/bin/ray" start --head --port=26379 --ray-client-server-port=23001 --num-cpus=2 \
    --include-dashboard=false --object-store-memory=200000000 --block >/dev/null 2>&1 &
head=$!
for _ in $(seq 60); do "$work/venv/bin/ray" health-check --address 127.0.0.1:26379 2>/dev/null && break; sleep 1; done
cat >ask.py <<'PY'
import sys

import ray

ray.init(sys.argv[1], log_to_driver=False)


@ray.remote
def one_more(number):
    return number + 1


try:
    if sys.argv[2] == "task":
        print("=", ray.get(one_more.remote(1)))
    else:
        import ray.data

        print("=", [row["item"] for row in ray.data.from_items([1, 2, 3]).iter_rows()])
except Exception as e:
    print("=", f"{type(e).__name__}: {str(e).splitlines()[0]}")
PY
ask() { timeout 90 "$work/venv/bin/python" ask.py "$@" 2>/dev/null | sed -n 's/^= //p'; }
task=$(ask ray://127.0.0.1:23001 task)
there=$(ask 127.0.0.1:26379 dataset)
client=$(ask ray://127.0.0.1:23001 dataset)
echo "task through the client: $task"
echo "dataset on the cluster: $there"
echo "dataset through the client: $client"
test "$task" = 2 && test "$there" = "[1, 2, 3]" && case $client in *"no attribute 'core_worker'"*) exit 0 ;; esac
exit 1
