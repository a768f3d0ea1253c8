#!/bin/sh
# Formatting, static analysis, and core on rv32imc. Prints what is wrong and fails.
set -eu

cd "$(dirname "$0")/.."

git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
git ls-files 'scripts/*.sh' .ci/run | xargs -n1 sh -n

scripts/check-rv32.sh

# Generated sources and tests are compiled with the same warnings; the analysis is for what is shipped, each source as
# it is shipped: tests compile many once more, and clang-tidy would go through every one of those.
cmake --preset dev -B build/tidy > /dev/null
python3 - << 'END'
import json
path = "build/tidy/compile_commands.json"
with open(path) as file:
    commands = json.load(file)
shipped = [c for c in commands if " -o tests/" not in c["command"] and " -o bench/" not in c["command"]]
with open(path, "w") as file:
    json.dump(shipped, file)
END
git ls-files 'core/*.c' 'host/*.c' 'delta/*.c' 'device/*.c' 'idf/components/*.c' 'agent/*.c' 'server/*.c' \
    'web/*.c' 'cli/*.c' |
    xargs -P "$(nproc)" -n 2 clang-tidy -p build/tidy --quiet 2> /dev/null
echo "style: clean"
