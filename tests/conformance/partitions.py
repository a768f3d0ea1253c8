"""Golden partition tables through the command line: partitions.py STAGE_DIR

Runs every row of partitions.jsonl (tests/data/vectors/FORMAT.md) through
`airlift partitions gen`: the bytes and the number of warnings of an accepted
table; exit code 1, one line on stderr and no output file for a refused one.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "data/vectors/partitions"


def check_accepted(row, run, out):
    """What is wrong with the result of an acceptable table, or None."""
    if run.returncode != 0:
        return f"exit code {run.returncode}: {run.stderr.strip()}"
    if out.read_bytes() != (VECTORS / row["bin"]).read_bytes():
        return "other bytes"
    warnings = run.stderr.splitlines()
    if len(warnings) != row["warnings"]:
        return f"{len(warnings)} lines on stderr, {row['warnings']} warnings expected"
    return None


def check_refused(row, run, out):
    """What is wrong with the result of a table to be refused, or None."""
    lines = run.stderr.splitlines()
    if run.returncode != 1:
        return f"exit code {run.returncode}"
    if len(lines) != 1:
        return f"{len(lines)} lines on stderr"
    if out.exists():
        return "an output file was written"
    if "line" in row and f":{row['line']}: " not in lines[0]:
        return f"line {row['line']} is not named: {lines[0]}"
    return None


def check(row, airlift, directory):
    out = directory / f"{row['id']}.bin"
    command = [airlift, "partitions", "gen", VECTORS / row["csv"], out, *row["options"]]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    fault = (check_accepted if row["ok"] else check_refused)(row, run, out)
    if run.stdout:
        return "output on stdout"
    return fault


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
