#!/usr/bin/env bash
set -euo pipefail

root=/srv/app
health=http://127.0.0.1:8080/healthz

usage() {
  echo "usage: $0 activate ARCHIVE | back" >&2
  exit 2
}

switch_to() {
  ln -sfn "${1:?no release to go to}" "$root/current.new"
  mv -T "$root/current.new" "$root/current"
  systemctl restart app
}

healthy() {
  for _ in $(seq 1 20); do
    curl -fsS --max-time 2 "$health" >/dev/null && return 0
    sleep 1
  done
  return 1
}

previous() {
  find "$root/releases" -mindepth 1 -maxdepth 1 -type d | sort |
    grep -v -F "$(readlink "$root/current")" | tail -n 1
}

case "${1:-}" in
  activate)
    [ $# -eq 2 ] || usage
    dir="$root/releases/$(date -u +%Y%m%d%H%M%S)"
    old=$(readlink "$root/current" || true)
    mkdir -p "$dir"
    tar -C "$dir" -xzf "$2"
    switch_to "$dir"
    if ! healthy; then
      echo "new version does not answer, going back" >&2
      [ -n "$old" ] && switch_to "$old"
      exit 1
    fi
    ;;
  back) switch_to "$(previous)" ;;
  *) usage ;;
esac
