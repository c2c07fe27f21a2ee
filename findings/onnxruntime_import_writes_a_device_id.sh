#!/bin/sh
# onnxruntime 1.32.0 (1.28.0 does not, 1.29.0 does): importing it on Linux writes an identifier into the home folder.
#
# The documentation of earlier releases says that telemetry is implemented for Windows. Since 1.29 the wheels for
# Linux have it, too, and it is on: `import onnxruntime`, without a model or a session, creates
# .cache/Microsoft/DeveloperTools/.onnxruntime/deviceid and a database of events, onnxruntime.db, beside it. The
# function that turns it off, disable_telemetry_events(), can only be called after the import, and comes too late.
# The environment variable ORT_DISABLE_TELEMETRY=1, set before the import, prevents both files. With the variable
# CI set nothing is written either, so tests that run in CI do not see it.
#
# Seen: after the import alone 2 files; with disable_telemetry_events() 2; with ORT_DISABLE_TELEMETRY=1 none; with
# CI=true none.
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q onnxruntime==1.32.0
unset CI ORT_DISABLE_TELEMETRY XDG_CACHE_HOME || true
changed=0

# files left in a fresh home folder: left WANTED NAME PROGRAM [VARIABLE=VALUE]
left() {
    mkdir "$work/$2"
    env HOME="$work/$2" ${4:+"$4"} "$work/venv/bin/python" -c "$3"
    n=$(find "$work/$2" -type f | wc -l)
    echo "$2: $n files"
    [ "$n" -eq "$1" ] || changed=1
}

left 2 import_alone 'import onnxruntime'
left 2 disabled_by_call 'import onnxruntime; onnxruntime.disable_telemetry_events()'
left 0 disabled_by_variable 'import onnxruntime' ORT_DISABLE_TELEMETRY=1
left 0 in_ci 'import onnxruntime' CI=true
exit $changed
