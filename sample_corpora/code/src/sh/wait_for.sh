#!/bin/sh
# wait_for.sh HOST:PORT [SECONDS] [-- COMMAND...]
# Blocks until something accepts connections there, then runs the command.
set -eu

address=${1:?host:port expected}
shift
host=${address%:*}
port=${address##*:}

limit=30
if [ $# -gt 0 ] && [ "$1" != "--" ]; then
  limit=$1
  shift
fi
[ "${1:-}" = "--" ] && shift

waited=0
until nc -z -w 1 "$host" "$port" 2>/dev/null; do
  waited=$((waited + 1))
  if [ "$waited" -ge "$limit" ]; then
    echo "$address still closed after ${limit}s" >&2
    exit 1
  fi
  sleep 1
done

[ $# -eq 0 ] || exec "$@"
