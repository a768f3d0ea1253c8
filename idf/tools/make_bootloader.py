#!/usr/bin/python3
"""The image that lies where a chip has its bootloader.

The virtual device boots without one: selecting and verifying apps is part of the device. But programs
hash the bootloader, read its description and replace it, so there is an image with a description and
nothing else in it. Its format is docs/SPEC.md's, like any other image's.
"""

import argparse
import hashlib
import os
import struct

MAGIC = 0xE9
CHIP_LINUX = 0xFFFF
NO_MAX_REVISION = 0xFFFF
DESCRIPTION_MAGIC = 80
CHECKSUM_SEED = 0xEF
PAYLOAD_SIZE = 4000  # an updater wants 1024 bytes of an image before it judges it


def description(version, idf_version, secure_version):
    desc = struct.pack("<B2xBI32s24s16x", DESCRIPTION_MAGIC, secure_version, version, idf_version.encode()[:31], b"")
    return desc.ljust(PAYLOAD_SIZE, b"\0")


def image(payload):
    header = struct.pack("<BBBBIB3sHBHHxxxxB", MAGIC, 1, 2, 0x20, 0, 0xEE, b"", CHIP_LINUX, 0, 0, NO_MAX_REVISION, 1)
    out = header + struct.pack("<II", 0, len(payload)) + payload
    checksum = CHECKSUM_SEED
    for byte in payload:
        checksum ^= byte
    out += bytes(15 - len(out) % 16) + bytes([checksum])
    return out + hashlib.sha256(out).digest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--secure-version", type=int, default=0)
    parser.add_argument("--idf-version", default="")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    with open(args.out, "wb") as f:
        f.write(image(description(args.version, args.idf_version, args.secure_version)))


if __name__ == "__main__":
    main()
