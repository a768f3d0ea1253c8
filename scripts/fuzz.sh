#!/bin/sh
# Run every fuzz target of a build for so many seconds, on the corpus kept in tests/fuzz/corpus.
#
#   scripts/fuzz.sh BUILD_DIR SECONDS
set -eu

build=$1
seconds=$2
cd "$(dirname "$0")/.."
for target in "$build"/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target")
    corpus=tests/fuzz/corpus/$name
    mkdir -p "$corpus"
    echo "== $name, $seconds s"
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "$corpus"
done
