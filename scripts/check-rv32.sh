#!/bin/sh
# Compile core freestanding for rv32imc and hold its size against the budget.
#
#   scripts/check-rv32.sh
#
# Prints the size of each module. Fails if core does not compile without any
# library, uses more than 24 KiB of code and constants, or any static RAM over
# 512 bytes. The decoders of patches, which a product may do without, are counted
# by themselves, 8 KiB for airlift's own, and so are signature blocks: 3 KiB.
set -eu

cd "$(dirname "$0")/.."
cc=riscv64-unknown-elf-gcc
size=riscv64-unknown-elf-size
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for source in core/src/*.c; do
    $cc -std=c11 -march=rv32imc -mabi=ilp32 -Os -ffreestanding -nostdlib -Wall -Wextra -Wvla -Werror \
        -ffunction-sections -Icore/include -c "$source" -o "$out/$(basename "$source" .c).o"
done
(cd "$out" && $size -t ./*.o)

# The patch decoder of 12 KiB: does its state keep within that?
for source in core/src/delta*.c; do
    $cc -std=c11 -march=rv32imc -mabi=ilp32 -Os -ffreestanding -Wall -Wextra -Werror -DAL_DELTA_SMALL \
        -Icore/include -fsyntax-only "$source"
done

# What core needs from its platform: hashes and public-key checks, four memory functions, and GCC's arithmetic.
# shellcheck disable=SC2046
missing=$(riscv64-unknown-elf-nm -u "$out"/*.o | awk '$1 == "U" { print $2 }' | sort -u |
    grep -vxE "$(riscv64-unknown-elf-nm --defined-only "$out"/*.o | awk 'NF == 3 { print $3 }' | sort -u | paste -sd'|')" |
    grep -vxE 'al_((sha256|sha384|md5)_init|hash_(update|clone|final|abort)|verify_(rsa3072_pss|ecdsa))|mem(cpy|move|set|cmp)|__[a-z0-9]+' || true)
if [ -n "$missing" ]; then
    echo "core calls what no platform promises: $missing" >&2
    exit 1
fi

sum() {
    $size -t "$@" | awk '/TOTALS/ { print $1 }'
}
decoder=$(sum "$out"/delta*.o)
signature=$(sum "$out/signature.o")
text=$(($(sum "$out"/*.o) - decoder - $(sum "$out/esp_delta.o") - signature))
ram=$($size -t "$out"/*.o | awk '/TOTALS/ { print $2 + $3 }')
echo "core on rv32imc -Os: $text bytes of code and constants (limit 24576), $ram bytes of static RAM (limit 512)"
echo "patch decoder: $decoder bytes (limit 8192); signature blocks: $signature bytes (limit 3072)"
[ "$text" -le 24576 ] && [ "$ram" -le 512 ] && [ "$decoder" -le 8192 ] && [ "$signature" -le 3072 ]
