#!/usr/bin/python3
"""Put a built project into a fresh flash file: bootloader, partition table, app, description of the chip.

The chip is as it leaves the factory: no eFuse is burnt, so the secure version is 0 whatever the app's is. Secure
boot is the exception: a board burns it at its first boot, here it is on from the start.

The app goes where a bootloader with blank OTA data looks: factory, else the first OTA slot. It has to fit;
a slot with under 5 % left is worth a warning, as the next version may not fit.
"""

import argparse
import json
import os
import struct
import subprocess
import sys

APP = 0
TEE_SUBTYPES = (0x30, 0x31)
FIRST_OTA = 0x10
TEST = 0x20


def kib(n):
    return "%.1f KiB" % (n / 1024)


def app_partitions(table):
    """(subtype, size, label) of each app partition, in the order a bootloader prefers."""
    parts = []
    for off in range(0, len(table) - 31, 32):
        magic, kind, subtype, _, size, label = struct.unpack_from("<HBBII16s", table, off)
        if magic != 0x50AA:
            break
        if kind == APP and subtype not in TEE_SUBTYPES:
            parts.append((subtype, size, label.rstrip(b"\0").decode("utf-8", "replace")))
    return sorted(parts)


def burn_secure_boot(tool, key):
    """Lines of the description: secure boot is on, and takes what `key` signed."""
    if not key:
        print("warning: secure boot is left off in flash.bin, as the build signs nothing: sign the app, put it there, "
              "and burn the key with `airlift device efuse`")
        return []
    digest = subprocess.run([tool, "keys", "digest", key], stdout=subprocess.PIPE, text=True, check=False)
    if digest.returncode != 0:
        sys.exit(digest.returncode)
    return ["secure_boot=true", 'key_digests=["%s"]' % digest.stdout.split()[0]]


def describe(path, keys):
    with open(path, encoding="utf-8") as f:
        desc = json.load(f)
    for key in keys:
        name, value = key.split("=", 1)
        desc[name] = json.loads(value)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(desc, f, indent=4)
        f.write("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, help="the airlift program")
    parser.add_argument("--app", required=True)
    parser.add_argument("--table", required=True, help="partition-table.bin")
    parser.add_argument("--source", required=True, help="what that was made from, for messages")
    parser.add_argument("--offset", required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("--no-rollback", action="store_true")
    parser.add_argument("--anti-rollback", action="store_true")
    parser.add_argument("--secure-boot", metavar="KEY", help="burn secure boot, with this key; empty: none is at hand")
    parser.add_argument("--bootloader", required=True)
    parser.add_argument("--bootloader-offset", required=True)
    parser.add_argument("--key", action="append", default=[], help="KEY=JSON: more of the description")
    parser.add_argument("--data", action="append", default=[], help="PARTITION=FILE: what it holds")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    with open(args.table, "rb") as f:
        table = f.read()
    parts = app_partitions(table)
    if not parts:
        sys.exit("%s: no app partition in the table" % args.source)
    app_size = os.path.getsize(args.app)
    name = os.path.basename(args.app)
    _, size, label = parts[0]
    if app_size > size:
        sys.exit(
            "%s is too big: %d bytes (%s), but partition '%s' holds %d (%s): %d too many"
            % (name, app_size, kib(app_size), label, size, kib(size), app_size - size)
        )
    for _, other, other_label in parts[1:]:
        if app_size > other:
            print("warning: %s does not fit partition '%s' (%s): no update can go there" % (name, other_label, kib(other)))
    smallest = min(size for subtype, size, _ in parts if subtype != TEST or len(parts) == 1)
    free = (smallest - app_size) * 100 // smallest
    if 0 <= free < 5:
        print("warning: the smallest app partition is nearly full: %d %% free" % free)

    command = [args.tool, "flash", "new", args.out, "--force", "--size", args.size, "--chip", "linux"]
    command += ["--table", args.table, "--offset", args.offset, "--factory", args.app]
    if args.no_rollback:
        command.append("--no-rollback")
    if args.anti_rollback:
        command.append("--anti-rollback")
    result = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        sys.exit(result.returncode)
    with open(args.out, "r+b") as flash:
        with open(args.bootloader, "rb") as f:
            bootloader = f.read()
        flash.seek(int(args.bootloader_offset, 0))
        flash.write(bootloader)
    for data in args.data:
        partition, file = data.split("=", 1)
        result = subprocess.run([args.tool, "flash", "write", args.out, "--partition", partition, "--ignore-readonly",
                                 file], stdout=subprocess.DEVNULL, check=False)
        if result.returncode != 0:
            sys.exit(result.returncode)
    if args.secure_boot is not None:
        args.key += burn_secure_boot(args.tool, args.secure_boot)
    if args.key:
        describe(args.out + ".json", args.key)
    print("%s: %s in '%s', %s large: %d %% free" % (name, kib(app_size), label, kib(size), (size - app_size) * 100 // size))


if __name__ == "__main__":
    main()
