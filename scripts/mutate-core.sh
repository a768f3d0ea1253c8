#!/bin/sh
# Break core on purpose, one place at a time, and see whether a test notices.
#
#   scripts/mutate-core.sh [MODULE...]
#
# Works on a copy in a temporary directory. A mutant is a line of scripts/mutants-core.txt:
# MODULE, a text that occurs in core/src/MODULE.c, and what stands there instead, separated
# by tabs. Prints the survivors; fails if there is one, or if a text is not found.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r core "$work/core"
mkdir "$work/obj"
flags="-std=c11 -O1 -w -D_GNU_SOURCE -DEACH_BIT=11 -I$work/core/include -Itests/unit -I/usr/include/cjson"
tests="conformance/rules conformance/properties unit/boot unit/boot_signed unit/otadata unit/image unit/update unit/ptable unit/signature"

for source in "$work"/core/src/*.c "$work/core/port/crypto_openssl.c"; do
    # shellcheck disable=SC2086
    cc $flags -c "$source" -o "$work/obj/$(basename "$source" .c).o"
done
for test in $tests; do
    # shellcheck disable=SC2086
    cc $flags -DAIRLIFT_TEST_DATA="\"$root/tests/data\"" -c "tests/${test}_test.c" -o "$work/$(basename "$test").test.o"
done
for part in test core api_none; do
    [ "$part" = api_none ] && source=$work/api_none.c || source=tests/conformance/vectors_$part.c
    if [ "$part" = api_none ]; then
        # The API vectors need the whole SDK; here core alone is asked.
        printf '%s\n' '#include "vectors.h"' 'void judge_api(const struct vector *v) { (void)v; }' \
            'void judge_lifecycle(const struct vector *v) { (void)v; }' > "$source"
    fi
    # shellcheck disable=SC2086
    cc $flags -Itests/conformance -c "$source" -o "$work/vectors_$part.part.o"
done

link_all() {
    for test in $tests; do
        cc -o "$work/$(basename "$test")" "$work/$(basename "$test").test.o" "$work"/obj/*.o -lcmocka -lcrypto
    done
    cc -o "$work/vectors" "$work"/vectors_*.part.o "$work"/obj/*.o -lcjson -lcrypto
}

# Would the tests let it pass? Signatures are looked at where they can be at fault: they take longest.
passes() {
    for test in $tests; do
        case $test:${1:-all} in unit/signature:image | unit/signature:signature | unit/signature:all) ;; unit/signature:*) continue ;; esac
        rounds=
        [ "$test" = conformance/properties ] && rounds='1 600'
        # shellcheck disable=SC2086
        timeout 20 "$work/$(basename "$test")" $rounds > /dev/null 2>&1 || return 1
    done
    for set in boot images; do
        timeout 60 "$work/vectors" tests/data/vectors "$set.jsonl" > /dev/null 2>&1 || return 1
    done
}

link_all
passes || { echo "the tests fail without any change" >&2; exit 1; }

n=0 survived=0 broken=0
while IFS='	' read -r module old new; do
    case " ${*:-$module} " in *" $module "*) ;; *) continue ;; esac
    n=$((n + 1))
    if ! python3 scripts/make_mutant.py "$root/core/src/$module.c" "$work/core/src/$module.c" "$old" "$new"; then
        broken=$((broken + 1))
        continue
    fi
    # shellcheck disable=SC2086
    if cc $flags -c "$work/core/src/$module.c" -o "$work/obj/$module.o" 2> "$work/log"; then
        link_all
        if passes "$module"; then
            survived=$((survived + 1))
            echo "survives: $module: $old -> $new"
        fi
    else
        broken=$((broken + 1))
        echo "does not compile: $module: $old -> $new"
    fi
    cp "core/src/$module.c" "$work/core/src/$module.c"
    # shellcheck disable=SC2086
    cc $flags -c "$work/core/src/$module.c" -o "$work/obj/$module.o"
done < scripts/mutants-core.txt
echo "$n mutants, $survived survive, $broken can't be made"
[ "$survived" -eq 0 ] && [ "$broken" -eq 0 ]
