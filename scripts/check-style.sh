#!/bin/sh
# Formatting, static analysis, and core on rv32imc. Prints what is wrong and fails.
set -eu

cd "$(dirname "$0")/.."

git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
git ls-files 'scripts/*.sh' .ci/run | xargs -n1 sh -n

scripts/check-rv32.sh

cmake --preset dev > /dev/null
# Generated sources and tests are compiled with the same warnings; the analysis is for what is shipped.
git ls-files 'core/*.c' 'host/*.c' 'device/*.c' 'idf/components/*.c' 'agent/*.c' 'server/*.c' 'cli/*.c' |
    xargs -P "$(nproc)" -n 6 clang-tidy -p build/dev --quiet 2> /dev/null
echo "style: clean"
