#!/usr/bin/env python3
"""`airlift image` on files that are cut short, and on images that say strange things of themselves.

    image.py STAGE [TEST ...]
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

FIRMWARE = os.path.join("share", "airlift", "demo", "wled-esp32c3-0.14.2.bin")


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(stage, FIRMWARE), "rb") as f:
            cls.good = f.read()

    def run_on(self, data, *args, name=b"image.bin"):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(os.fsencode(d), name)
            with open(path, "wb") as f:
                f.write(data)
            command = [os.path.join(stage, "bin", "airlift"), "image", *args, path]
            return subprocess.run(command, capture_output=True, timeout=60)

    def test_a_file_that_ends_early_is_called_truncated(self):
        for length in (23, 24, 31, 40, 287, 288, 500000, len(self.good) - 32, len(self.good) - 1):
            done = self.run_on(self.good[:length], "verify")
            self.assertEqual(done.returncode, 1, length)
            self.assertIn(b": truncated (ESP_ERR_IMAGE_INVALID)", done.stderr, length)
            info = json.loads(self.run_on(self.good[:length], "info", "--json").stdout)
            self.assertEqual((info["valid"], info["reason"]), (False, "truncated"), length)
            self.assertEqual(info["app"] is not None, length >= 288, length)
        flipped = bytearray(self.good)
        flipped[500000] ^= 1
        self.assertIn(b"checksum is wrong", self.run_on(flipped, "verify").stderr)
        self.assertEqual(self.run_on(self.good, "verify").returncode, 0)

    def test_names_are_no_controls_of_the_terminal_and_json_is_utf8(self):
        odd = bytearray(self.good)
        odd[0x30:0x50] = b"\x1b[31m\xff\n1.0".ljust(32, b"\0")
        odd[0x50:0x70] = bytes(range(0xE0, 0x100))
        said = self.run_on(odd, "info", name=b"b\xff d.bin").stdout
        self.assertIn(b"?[31m??1.0", said)
        self.assertNotIn(b"\x1b", said)
        info = json.loads(self.run_on(odd, "info", "--json", name=b"b\xff d.bin").stdout.decode("utf-8"))
        self.assertEqual(info["app"]["version"], "?[31m??1.0")
        self.assertEqual(info["app"]["project_name"], "?" * 32)
        self.assertTrue(info["file"].endswith("/b? d.bin"))


if __name__ == "__main__":
    stage = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
