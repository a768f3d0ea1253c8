#!/usr/bin/env python3
"""How near a push comes to what the flash alone allows, at the speed of a real chip.

    push.py STAGE FLASH_ONLY

FLASH_ONLY (bench_flash_only) erases and programs as many bytes, with nothing else to do. The time of a push is the
sender's: from its first word until the device has verified and selected the image.
"""

import json
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
import agent  # noqa: E402
import push_arduino  # noqa: E402
import push_tcp  # noqa: E402
import push_world  # noqa: E402

CHIP = "w25q32"
PASSWORD = "a-real-password"


class Bench(push_world.World):
    image = agent.make_image("1.4.3", size=1000 * 1024)

    def run_push(self, kind, way):
        self.port = push_world.free_port(socket.SOCK_DGRAM if kind == "arduino" else socket.SOCK_STREAM)
        settings = {"push_" + kind: self.port}
        self.boot(["--flash-timing", CHIP], **settings)
        time.sleep(0.5)
        seconds = way(self)
        self.device.expect(r"installed 1\.4\.3 in ota_0")
        self.device.pull_the_plug()
        return seconds


def ours(kind):
    def push(world):
        done = world.airlift("push", kind, "127.0.0.1:%d" % world.port, world.image_path, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        if result["attempts"] != 1:
            print("(%d attempts)" % result["attempts"])
        return result["seconds"]
    return push


def old_script(world):
    sender = push_tcp.OldSender(world.port)
    begun = time.monotonic()
    assert set(sender.push(world.image)) == {b"OK\r\n"}
    return time.monotonic() - begun


def espota(world):
    host = push_arduino.Host(world.port, world.image)
    begun = time.monotonic()
    assert host.push()
    seconds = time.monotonic() - begun
    host.close()
    return seconds


def main():
    agent.AIRLIFT = os.path.join(os.path.abspath(sys.argv[1]), "bin", "airlift")
    size = len(Bench.image)
    alone = float(subprocess.run([sys.argv[2], CHIP, str(size)], check=True, stdout=subprocess.PIPE, text=True).stdout)
    print("flash alone, %s: %d bytes in %.2f s, %.1f KiB/s" % (CHIP, size, alone, size / 1024 / alone))
    for name, kind, way in (("airlift push tcp", "tcp", ours("tcp")),
                            ("airlift push arduino", "arduino", ours("arduino")),
                            ("record by record, as the script of 2016", "tcp", old_script),
                            ("1024 bytes by 1024, as espota.py", "arduino", espota)):
        world = Bench()
        world.setUp()
        try:
            seconds = world.run_push(kind, way)
        finally:
            world.doCleanups()
        print("%-42s %.2f s, %.1f KiB/s, %.1f %% of the flash alone" % (name + ":", seconds, size / 1024 / seconds,
                                                                      100 * alone / seconds))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
