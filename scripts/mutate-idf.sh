#!/bin/sh
# Take out one check at a time of what guards an update in the ESP-IDF API, and see whether a test notices.
#
#   scripts/mutate-idf.sh [COMPONENT/FILE...]
#
# Needs build/dev. A mutant is a line of scripts/mutants-idf.txt: COMPONENT/FILE, a text that occurs once in
# idf/components/COMPONENT/FILE.c, and what stands there instead, separated by tabs. The changed file is linked
# in front of the library. Prints the survivors; fails if there is one, or if a text is not found.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
build=$root/build/dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests="esp_signed esp_ota"

command_of() { # the last command that makes this target, without ninja's frame
    ninja -C "$build" -t commands "$1" | tail -1 | sed 's/^: && //; s/ && :$//'
}

# $1: an object in front of the library, or nothing
passes() {
    for test in $tests; do
        link=$(command_of "tests/unit/${test}_test" | sed "s|-o tests/unit/${test}_test|-o $work/$test $1|")
        (cd "$build" && eval "$link") || return 2
        timeout 60 "$work/$test" > /dev/null 2>&1 || return 1
    done
}

ninja -C "$build" tests/unit/esp_signed_test tests/unit/esp_ota_test > /dev/null
passes "" || { echo "the tests fail without any change" >&2; exit 1; }

n=0 survived=0 broken=0
while IFS='	' read -r file old new; do
    case " ${*:-$file} " in *" $file "*) ;; *) continue ;; esac
    n=$((n + 1))
    source=$root/idf/components/$file.c
    if ! python3 scripts/make_mutant.py "$source" "$work/mutant.c" "$old" "$new"; then
        broken=$((broken + 1))
        continue
    fi
    compile=$(command_of "idf/CMakeFiles/airlift_idf.dir/components/$file.c.o" |
        sed "s|-Werror|-w|; s|-MD -MT [^ ]* -MF [^ ]*||; s|-o [^ ]*|-o $work/mutant.o -I$(dirname "$source")|; s|-c .*|-c $work/mutant.c|")
    if ! (cd "$build" && eval "$compile") 2> "$work/log"; then
        broken=$((broken + 1))
        echo "does not compile: $file: $old -> $new"
    elif passes "$work/mutant.o"; then
        survived=$((survived + 1))
        echo "survives: $file: $old -> $new"
    fi
done < scripts/mutants-idf.txt
echo "$n mutants, $survived survive, $broken can't be made"
[ "$survived" -eq 0 ] && [ "$broken" -eq 0 ]
