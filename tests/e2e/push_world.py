"""A device that waits for firmware to be pushed, and senders of both kinds.

The device runs images for an ESP32-C3, so the reference agent runs in their place and listens.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import agent
from agent import make_image

PATIENCE_S = agent.PATIENCE_S


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World(unittest.TestCase):
    """A device with 1.4.2 in its factory partition; 1.4.3 is to be pushed."""

    factory_image = make_image("1.4.2")
    image = make_image("1.4.3")
    table = "two_ota"

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="airlift-push-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.flash = os.path.join(self.dir, "dev.bin")
        self.image_path = self.write("1.4.3.bin", self.image)
        subprocess.run([agent.AIRLIFT, "flash", "new", self.flash, "--table", self.table, "--factory",
                        self.write("factory.bin", self.factory_image)], check=True, stdout=subprocess.DEVNULL)
        self.device = None
        self.addCleanup(self.clean_up_device)
        self.port = free_port()

    def clean_up_device(self):
        if self.device is not None and self.device.process.poll() is None:
            self.device.pull_the_plug()

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def boot(self, options=(), **settings):
        """Switch the device on. Returns when it is ready for a push."""
        self.device = agent.Device(self, None, None, options, **settings)
        seen = []
        for line in (r"running \S+ from ", r"waiting for firmware on port|waits for invitations"):  # in any order
            self.device.cursor = 0
            self.device.expect(line)
            seen.append(self.device.cursor)
        self.device.cursor = max(seen)
        return self.device

    def stop(self):
        return self.device.switch_off()

    def airlift(self, *words, env=None, timeout=PATIENCE_S):
        return subprocess.run([agent.AIRLIFT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, env=dict(os.environ, **(env or {})))

    def partition(self, label):
        path = os.path.join(self.dir, "part.bin")
        subprocess.run([agent.AIRLIFT, "flash", "read", self.flash, "--partition", label, path], check=True,
                       stdout=subprocess.DEVNULL)
        with open(path, "rb") as file:
            return file.read()

    def expect_installed(self, version="1.4.3", slot="ota_0"):
        self.device.expect(r"running %s from %s" % (version.replace(".", r"\."), slot))
        self.device.expect(r"%s confirmed after its health check" % version.replace(".", r"\."))


def digest(data, algorithm="sha256"):
    return hashlib.new(algorithm, data).hexdigest()


def main(doc, argv):
    if len(argv) < 2:
        raise SystemExit(doc)
    agent.AIRLIFT = os.path.join(os.path.abspath(argv[1]), "bin", "airlift")
    unittest.main(module="__main__", argv=[argv[0]] + argv[2:], verbosity=2, warnings="ignore")
