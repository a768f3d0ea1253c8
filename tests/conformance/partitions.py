"""Golden partition tables through the command line: partitions.py STAGE_DIR

Runs every row of partitions.jsonl (tests/data/vectors/FORMAT.md) through
`airlift partitions gen`: the bytes and the number of warnings of an accepted
table; exit code 1, one line on stderr and no output file for a refused one.
What is accepted also goes through `show` and back: the CSV printed for the
binary must give the same binary, and the table by itself or within a flash
file the same JSON. Predefined tables also go by name.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "data/vectors/partitions"


def check_accepted(row, result, out):
    """What is wrong with the result of an acceptable table, or None."""
    if result.returncode != 0:
        return f"exit code {result.returncode}: {result.stderr.strip()}"
    if out.read_bytes() != (VECTORS / row["bin"]).read_bytes():
        return "other bytes"
    warnings = result.stderr.splitlines()
    if len(warnings) != row["warnings"]:
        return f"{len(warnings)} lines on stderr, {row['warnings']} warnings expected"
    return None


def check_refused(row, result, out):
    """What is wrong with the result of a table to be refused, or None."""
    lines = result.stderr.splitlines()
    if result.returncode != 1:
        return f"exit code {result.returncode}"
    if len(lines) != 1:
        return f"{len(lines)} lines on stderr"
    if out.exists():
        return "an output file was written"
    if "line" in row and f":{row['line']}: " not in lines[0]:
        return f"line {row['line']} is not named: {lines[0]}"
    return None


def run(*command):
    return subprocess.run(command, capture_output=True, timeout=60)


def check_shown(row, airlift, directory):
    """What is wrong with show, or None."""
    table = VECTORS / row["bin"]
    csv, again, flash = directory / "shown.csv", directory / "again.bin", directory / "flash.bin"
    csv.write_bytes(run(airlift, "partitions", "show", table).stdout)
    run(airlift, "partitions", "gen", csv, again, *row["options"])
    if again.read_bytes() != table.read_bytes():
        return "what show prints makes another table"
    flash.write_bytes((b"\xff" * 0x8000 + table.read_bytes()).ljust(0x400000, b"\xff"))
    shown = [json.loads(run(airlift, "partitions", "show", one, "--json").stdout) for one in (table, flash)]
    if shown[0] != shown[1] or len(shown[0]) != len(csv.read_text().splitlines()) - 2:
        return "show differs between table and flash file"
    return None


def check_named(row, airlift, directory):
    """What is wrong with a predefined table by its name, which the vector's CSV begins with, or None."""
    names = run(airlift, "partitions", "list").stdout.decode().split()
    name = max((name for name in names if row["csv"].startswith(f"pre_{name}")), key=len)
    out = directory / f"{row['id']}-named.bin"
    run(airlift, "partitions", "gen", name, out, *row["options"])
    same = out.exists() and out.read_bytes() == (VECTORS / row["bin"]).read_bytes()
    return None if same else f"'{name}' gives other bytes"


def check(row, airlift, directory):
    out = directory / f"{row['id']}.bin"
    command = [airlift, "partitions", "gen", VECTORS / row["csv"], out, *row["options"]]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if result.stdout:
        return "output on stdout"
    if not row["ok"]:
        return check_refused(row, result, out)
    return (check_accepted(row, result, out) or check_shown(row, airlift, directory) or
            (row["kind"] == "predefined" and check_named(row, airlift, directory)))


def main():
    airlift = os.path.join(sys.argv[1], "bin/airlift")
    rows = [json.loads(line) for line in (VECTORS / "partitions.jsonl").read_text().splitlines()]
    n_failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for row in rows:
            fault = check(row, airlift, pathlib.Path(directory))
            if fault:
                n_failed += 1
                print(f"{row['id']} ({row['csv']}): {fault}")
    print(f"{len(rows) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
