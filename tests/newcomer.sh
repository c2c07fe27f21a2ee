#!/bin/sh
# Walks a newcomer's first hour, first week of cron and first red build, in an environment without anything.
#   sh tests/newcomer.sh          installs this checkout as README.md says, into a folder of its own (minutes)
#   sh tests/newcomer.sh BIN      takes the qembed and python of the folder BIN
# Ends with 0 if every recipe of README.md runs and every exit code is the documented one; else names the step.
# Not part of CI: it installs packages and exports the model. Wants git and jq.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work/home" "$work/tmp"
for tool in git jq; do
    command -v "$tool" > /dev/null || { echo "newcomer.sh: $tool is wanted"; exit 2; }
done

if [ $# -gt 0 ]; then
    bin=$(cd "$1" && pwd)
else
    python3 -m venv "$work/venv"
    bin=$work/venv/bin
    (cd "$here" && "$bin/pip" install -q torch==2.13.0 && "$bin/pip" install -q '.[office,code]')
fi

# ── how a step is run ────────────────────────────────────────────────────────────────────────────

# bare COMMAND...: as cron does, with nothing in the environment but a path and a home
bare() {
    env -i PATH="$bin:/usr/bin:/bin" HOME="$work/home" TMPDIR="$work/tmp" "$@"
}

fail() {
    echo "FAILED: $*"
    sed 's/^/    /' "$work/out" "$work/err"
    exit 1
}

# step CODE COMMAND...: its output goes to $work/out and $work/err, its stdin is closed
step() {
    wanted=$1
    shift
    printf '%s\n' "$*" | head -1
    code=0
    bare "$@" > "$work/out" 2> "$work/err" <&- || code=$?
    [ "$code" = "$wanted" ] || fail "$* (exit $code, wanted $wanted)"
    ! grep -q Traceback "$work/err" || fail "$* (a traceback)"
}

# says FILE PATTERN: what the last step printed, out or err, matches
says() {
    grep -Eq "$2" "$work/$1" || fail "std$1 does not say: $2"
}

silent() {
    [ ! -s "$work/out" ] && [ ! -s "$work/err" ] || fail "it is not silent"
}

# recipe WORD: the block of README.md below the paragraph that begins with **WORD.
recipe() {
    awk -v word="**$1" 'index($0, word) == 1 { found = 1 }
        found && /^```/ { if (inside) exit; inside = 1; next }
        inside { print }' "$here/README.md" > "$work/recipe"
    [ -s "$work/recipe" ] || fail "README.md has no recipe **$1"
}

# ── the first hour ───────────────────────────────────────────────────────────────────────────────

cp -r "$here/sample_corpora/helpdesk" "$work/project"
rm -rf "$work/project/.qembed"
cd "$work/project"
git init -q .

step 0 qembed --version
step 0 qembed --help
step 2 qembed query "anything"
says err 'no index at .*make one: qembed index PATH'
step 0 qembed index docs --dry-run
says out '^add'
[ ! -e .qembed ] || fail "a dry run wrote"
step 0 qembed index docs
says out '72 added'
[ -z "$(git status --porcelain .qembed)" ] || fail ".qembed is not ignored by git"
step 0 qembed query "locked out of my account" -k 3
says out 'account-locked.md'
for word in Shell CI Memories Rerank; do
    recipe "$word"
    step 0 sh -eu "$work/recipe"
done
rm -f base.json report.html junit.xml

# ── the first week of cron ───────────────────────────────────────────────────────────────────────

recipe Cron
step 0 sh -eu "$work/recipe"
silent
for command in "index -q --wait 60" "status -q --fail-if-stale 24h" "verify -q"; do
    step 0 qembed $command
    silent
done
step 2 qembed index docs --include '*.mdx' -q
step 0 qembed status
says out 'documents +72'
step 3 qembed status -q --fail-if-stale 0s
mv docs away
step 2 qembed index -q
mv away docs
step 0 qembed index -q
silent
step 2 sh -c 'qembed query money > /dev/full'
says err 'cannot write to stdout'
step 0 sh -c 'qembed query money >&-'
step 2 qembed add -
says err 'stdin is closed'
mkdir -p "$work/beir/qrels"
echo '{"_id": "a", "text": "money"}' > "$work/beir/corpus.jsonl"
echo '{"_id": "q", "text": "money"}' > "$work/beir/queries.jsonl"
printf 'query-id\tcorpus-id\tscore\nq\ta\t1\n' > "$work/beir/qrels/test.tsv"
step 2 env QEMBED_CACHE=/proc/none qembed eval --beir "$work/beir"
says err 'cannot write /proc/none.*QEMBED_CACHE'

# ── the first red build ──────────────────────────────────────────────────────────────────────────

step 0 qembed eval init retrieval
says err 'fail until there is a baseline'
step 2 sh retrieval/check.sh
says err 'sh retrieval/check.sh --accept && git add retrieval/baseline.json'
step 0 sh retrieval/check.sh --accept
says err 'git add retrieval/baseline.json'
step 0 sh retrieval/check.sh
says out 'ok +max-drop nDCG@10=5%: as before'
mv docs/en/account-locked.md docs/en/locked.md
step 0 sh retrieval/check.sh
says err '1 renamed: en/account-locked.md -> en/locked.md'
mv docs/en/locked.md docs/en/account-locked.md
for page in docs/en/*.md; do
    printf '# Nothing\n\nThis page was moved.\n' > "$page"
done
step 3 sh retrieval/check.sh
says err 'gate: max-drop nDCG@10=5%: fell by '
says err 'fell nDCG@10 on '
says err 'reports: .*retrieval/out/report.html'
[ -s retrieval/out/report.html ] && [ -s retrieval/out/junit.xml ] || fail "no report of the red build"
cp -r "$here/sample_corpora/helpdesk/docs" .

# ── settings that a project shares ───────────────────────────────────────────────────────────────

cat > .qembed.toml <<'end'
sources = ["docs"]
k = 3

[gates]
queries = "queries.jsonl"
qrels = "qrels.tsv"
fail_under = { "nDCG@10" = 0.99 }
end
step 0 qembed index -q
step 0 qembed config
says out 'qembed.toml'
step 0 sh -c 'qembed query money --format paths | wc -l'
says out '^ *[123]$'
step 3 qembed eval
says err 'gate: fail-under nDCG@10=0.99: 0'
printf '[gates]\nqueries = "queries.jsonl"\n' > .qembed.toml
step 2 qembed eval
says err '.qembed.toml has no qrels'
echo 'sauces = ["docs"]' > .qembed.toml
step 2 qembed index
says err 'qembed.toml:1: .*sauces'
rm .qembed.toml

echo "newcomer.sh: all is well"
