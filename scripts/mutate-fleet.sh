#!/bin/sh
# Take out one check at a time of what the server and the agent ask of signatures and secure versions, and see
# whether the end-to-end tests notice.
#
#   scripts/mutate-fleet.sh [FILE...]
#
# Needs build/dev with its stage. A mutant is a line of scripts/mutants-fleet.txt: a file below server/ or agent/
# without its .c, a text that occurs once in it, and what stands there instead, separated by tabs. The changed file
# is linked in front of the library. Prints the survivors; fails if there is one, or if a text is not found.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
build=$root/build/dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export AIRLIFT_E2E_PATIENCE_S=15 # for what a mutant never does

command_of() { # the last command that makes this target, without ninja's frame
    ninja -C "$build" -t commands "$1" | tail -1 | sed 's/^: && //; s/ && :$//'
}

# $1: server or agent. The staged programs pass the tests of that part.
passes() {
    case $1 in
    server) set -- server.py "$work/stage" Signing Risks ;;
    agent) set -- agent_signed.py "$work/stage" ;;
    esac
    python3 -W ignore tests/e2e/"$@" -f > "$work/test.log" 2>&1
}

# $1: part; $2: an object in front of its library, or nothing
link() {
    case $1 in
    server) program=cli/airlift staged=bin/airlift ;;
    agent) program=examples/reference_agent/airlift-reference-agent staged=libexec/airlift/airlift-reference-agent ;;
    esac
    command=$(command_of "$program" | sed "s|-o $program|-o $work/stage/$staged $2|")
    (cd "$build" && eval "$command")
}

cp -r "$build/stage" "$work/stage"
for part in server agent; do
    link "$part" ""
    passes "$part" || { echo "the tests of $part fail without any change" >&2; exit 1; }
done

n=0 survived=0 broken=0
while IFS='	' read -r file old new; do
    case " ${*:-$file} " in *" $file "*) ;; *) continue ;; esac
    n=$((n + 1))
    part=${file%%/*}
    source=$root/$file.c
    if ! python3 scripts/make_mutant.py "$source" "$work/mutant.c" "$old" "$new"; then
        broken=$((broken + 1))
        continue
    fi
    compile=$(command_of "$part/CMakeFiles/airlift_$part.dir/${file#*/}.c.o" |
        sed "s|-Werror|-w|; s|-MD -MT [^ ]* -MF [^ ]*||; s|-o [^ ]*|-o $work/mutant.o -I$(dirname "$source")|; s|-c .*|-c $work/mutant.c|")
    if ! (cd "$build" && eval "$compile") 2> "$work/log"; then
        broken=$((broken + 1))
        echo "does not compile: $file: $old -> $new"
        continue
    fi
    link "$part" "$work/mutant.o"
    if passes "$part"; then
        survived=$((survived + 1))
        echo "survives: $file: $old -> $new"
    fi
    link "$part" ""
done < scripts/mutants-fleet.txt
echo "$n mutants, $survived survive, $broken can't be made"
[ "$survived" -eq 0 ] && [ "$broken" -eq 0 ]
