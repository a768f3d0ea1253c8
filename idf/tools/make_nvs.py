#!/usr/bin/python3
"""An NVS partition from the CSV of ESP-IDF's generator, as large as the partition table says."""

import argparse
import struct
import subprocess
import sys

DATA = 1
NVS = 2


def partition_size(path, label):
    with open(path, "rb") as f:
        table = f.read()
    names = []
    for off in range(0, len(table) - 31, 32):
        magic, kind, subtype, _, size, name = struct.unpack_from("<HBBII16s", table, off)
        if magic != 0x50AA:
            break
        name = name.rstrip(b"\0").decode("utf-8", "replace")
        if name == label and (kind, subtype) == (DATA, NVS):
            return size
        if (kind, subtype) == (DATA, NVS):
            names.append(name)
    sys.exit("nvs_create_partition_image: the partition table has no NVS partition '%s'%s"
             % (label, ", but " + ", ".join(names) if names else ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, help="the airlift program")
    parser.add_argument("--table", required=True, help="partition-table.bin")
    parser.add_argument("--partition", required=True)
    parser.add_argument("--version", default="2", help="of NVS's format: 1 or 2")
    parser.add_argument("--out", required=True)
    parser.add_argument("csv")
    args = parser.parse_args()
    size = partition_size(args.table, args.partition)
    sys.exit(subprocess.run([args.tool, "provision", args.csv, "--out", args.out, "--size", hex(size),
                             "--version", args.version], stdout=subprocess.DEVNULL, check=False).returncode)


if __name__ == "__main__":
    main()
