#!/usr/bin/python3
"""make_mutant.py SOURCE TO OLD NEW: write SOURCE to TO with the one place that reads OLD changed to NEW.

For the scripts/mutate-*.sh. A text that is not there, or more than once, is an error that says so.
"""

import sys


def main():
    source, to, old, new = sys.argv[1:]
    with open(source, encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        sys.exit("%s: %d times: %s" % (source, text.count(old), old))
    with open(to, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))


main()
