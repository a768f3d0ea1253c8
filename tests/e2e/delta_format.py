#!/usr/bin/env python3
"""Patches of airlift's own format, applied by the decoder that was written from docs/delta-format.md.

    delta_format.py STAGE
"""

import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

import delta_reference

HERE = os.path.dirname(os.path.abspath(__file__))
AIRLIFT = os.path.join(os.path.abspath(sys.argv.pop(1)), "bin", "airlift")
FIRMWARE = os.path.join(HERE, "../data/firmware")


def image(chip, segments):
    head = bytearray(24)
    head[0], head[1], head[12] = 0xE9, len(segments), chip
    return bytes(head) + b"".join(struct.pack("<II", addr, len(data)) + data for addr, data in segments)


def cut_down(name, size):
    """A real RISC-V image, of each segment only a piece."""
    with open(os.path.join(FIRMWARE, name), "rb") as file:
        data = file.read()
    segments, _ = delta_reference.read_segments(data)
    return image(5, [(addr, data[off:off + min(length, size)]) for off, length, addr in segments])


def xtensa(rng, inserted):
    """Literals, then code that loads and calls; `inserted` words at the beginning of both kinds of data."""
    words = [0x3F400020 + 4 * rng.randrange(500) if i % 3 else 0x400D0020 + rng.randrange(6000) for i in range(300)]
    data = bytes(4 * inserted) + struct.pack("<300I", *words) + bytes(rng.choices(b"text of a product\0\xff", k=400))
    base = 0x400D0020
    code = bytearray(bytes(8 * inserted) + struct.pack("<100I", *rng.choices(words, k=100)))
    for _ in range(1200):
        at, kind = base + len(code), rng.randrange(5)
        if kind == 0:
            target = base + 8 * inserted + 400 + 4 * rng.randrange(300)
            code += (0x25 | (((target & ~3) - (at & ~3) - 4 >> 2) & 0x3FFFF) << 6).to_bytes(3, "little")
        elif kind == 1:
            target = base + 8 * inserted + 4 * rng.randrange(100)
            code += (0x21 | ((target - (at + 3 & ~3) >> 2) & 0xFFFF) << 8).to_bytes(3, "little")
        elif kind == 2:
            code += (0x06 | (rng.randrange(-200, 200) & 0x3FFFF) << 6).to_bytes(3, "little")
        else:
            code += bytes(rng.choice([(0x0D, 0xF0), (0x8C, 0x32), (0x22, 0xA0, 0x01), (0x82, 0x27, 0x10)]))
    return image(0, [(0x3F400020, data), (base, bytes(code) + bytes(-len(code) % 4))])


class Reference(unittest.TestCase):
    def check(self, old, new, *options):
        with tempfile.TemporaryDirectory() as work:
            names = {}
            for name, content in (("old", old), ("new", new)):
                names[name] = os.path.join(work, name)
                with open(names[name], "wb") as file:
                    file.write(content)
            out = os.path.join(work, "patch")
            files = [names["new"]] if "--whole" in options else [names["old"], names["new"]]
            subprocess.run([AIRLIFT, "delta", "make", "--format", "airlift", *options, *files, "-o", out], check=True,
                           stdout=subprocess.DEVNULL)
            with open(out, "rb") as file:
                patch = file.read()
        self.assertEqual(delta_reference.apply(b"" if "--whole" in options else old, patch), new)
        return len(patch)

    def test_riscv_images(self):
        old, new = (cut_down("wled-esp32c3-0.14.%d.bin" % v, 9000) for v in (2, 3))
        self.assertLess(self.check(old, new), len(new) // 4)
        self.check(old, new, "--ram", "12K")

    def test_xtensa_images(self):
        old, new = (xtensa(random.Random(4), inserted) for inserted in (0, 3))
        self.assertLess(self.check(old, new), len(new) // 4)

    def test_whole_images(self):
        self.check(b"", cut_down("wled-esp32c3-0.14.2.bin", 2500), "--whole")
        self.check(b"", xtensa(random.Random(5), 1), "--whole")

    def test_any_bytes(self):
        rng = random.Random(6)
        old = rng.randbytes(3000)
        new = old[:1000] + rng.randbytes(300) + old[1000:2500] + b"abc" * 500
        self.check(old, new)
        self.check(old, xtensa(rng, 0))
        self.check(xtensa(rng, 0), old[:500])


if __name__ == "__main__":
    unittest.main()
