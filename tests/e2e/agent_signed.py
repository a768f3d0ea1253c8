#!/usr/bin/env python3
"""What an agent on a device with secure boot makes of images that are not trusted, however they come.

    agent_signed.py STAGE [TEST ...]

The device's eFuses hold the digests of keys p256_a and rsa_a, of which rsa_a is revoked (tests/data/signing).
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402
import delta  # noqa: E402
import mqtt  # noqa: E402
import push_world  # noqa: E402
import server_world  # noqa: E402
from agent import make_image  # noqa: E402
from push_arduino import Host  # noqa: E402
from shares import load_tests  # noqa: E402,F401
from signing_world import DIGEST, sign  # noqa: E402


class Efuses:
    """For a World: sign images, and burn what the device trusts."""

    def signed(self, image, *keys):
        return sign(agent.AIRLIFT, image, *keys)

    def burn(self, **efuses):
        with open(self.flash + ".json") as f:
            description = json.load(f)
        description.update(efuses)
        with open(self.flash + ".json", "w") as f:
            json.dump(description, f)

    def prepare(self):
        """1.4.2, signed, in the factory partition, and eFuses that ask for that."""
        factory = self.write("signed_factory.bin", self.signed(self.factory_image, "p256_a"))
        subprocess.run([agent.AIRLIFT, "flash", "write", self.flash, "--partition", "factory", factory], check=True,
                       capture_output=True)
        self.burn(secure_boot=True, key_digests=[DIGEST["p256_a"], DIGEST["rsa_a"]], revoked_keys=[1])


class Pull(Efuses, agent.World):
    def setUp(self):
        super().setUp()
        self.prepare()

    def offer(self, version, image, **changes):
        self.publish(version, image, **changes)
        return "/fw/%s.bin" % version

    def boot(self):
        """Switch it on anew, which is quicker than to wait for its next check."""
        if self.device is not None:
            self.device.pull_the_plug()
        device = self.start()
        device.expect(r"running 1\.4\.2 from factory")
        return device

    def test_each_reason_is_named_and_the_image_fetched_once(self):
        plain = self.offer("1.4.3", make_image("1.4.3"))
        self.boot().expect(r"no update \(unsigned\): the image is refused: not signed")
        self.boot().expect(r"no update \(unsigned\): 1\.4\.3 was refused here before")
        self.assertEqual(len(self.asked(plain)), 1)
        self.offer("1.4.4", self.signed(make_image("1.4.4"), "p256_b"))
        self.boot().expect(r"no update \(unknown key\): the image is refused: signed with a key that is not trusted")
        self.offer("1.4.5", self.signed(make_image("1.4.5"), "rsa_a"))
        self.boot().expect(r"no update \(revoked key\): the image is refused: .*revoked")
        damaged = bytearray(self.signed(make_image("1.4.7"), "p256_a"))
        damaged[-4096 - 1] ^= 1  # padding, which only the signature covers
        again = self.offer("1.4.7", bytes(damaged))
        self.boot().expect(r"no update \(bad signature\): the image is refused: ")
        self.boot().expect(r"no update \(bad signature\): 1\.4\.7 was refused here before")
        self.assertEqual(len(self.asked(again)), 1)
        # Another image may come.
        good = self.signed(make_image("1.4.6"), "p256_b", "p256_a")
        self.offer("1.4.6", good)
        device = self.boot()
        self.expect_installed(device, "1.4.6")
        device.expect("up to date")
        # What runs is named to the server as the file that was published.
        self.assertEqual(self.asked("/fw/version.json")[-1].headers.get("airlift-running"), hashlib.sha256(good).hexdigest())
        # Another app may see it otherwise, and is asked.
        self.offer("1.4.7", bytes(damaged))
        device.pull_the_plug()
        self.start().expect(r"no update \(bad signature\): the image is refused: ")
        self.assertEqual(len(self.asked(again)), 2)
        self.stop()

    def test_a_secure_version_that_is_too_low_costs_no_download_and_no_sector(self):
        self.burn(secure_version=2)
        path = self.offer("1.4.3", self.signed(make_image("1.4.3", secure_version=1), "p256_a"), secure_version=1)
        self.boot().expect(r"no update \(secure version\): the secure version of 1\.4\.3 is 1, below this device's 2")
        self.assertEqual(self.asked(path), [])
        # A manifest that says nothing, or lies: the first bytes tell.
        path = self.offer("1.4.4", self.signed(make_image("1.4.4", secure_version=1), "p256_a"), secure_version=2)
        self.boot().expect(r"no update \(secure version\): the image's secure version is 1, below this device's 2")
        self.boot().expect(r"no update \(secure version\): 1\.4\.4 was refused here before")
        self.assertEqual(len(self.asked(path)), 1)
        self.device.pull_the_plug()
        self.assertEqual(self.slot("ota_0"), b"\xff" * agent.SLOT_SIZE)
        self.offer("1.4.5", self.signed(make_image("1.4.5", secure_version=2), "p256_a"), secure_version=2)
        self.start().expect(r"installed 1\.4\.5 in ota_0")
        self.device.pull_the_plug()

    def test_what_is_not_trusted_any_more_at_the_boot_is_rolled_back_with_the_reason(self):
        self.burn(revoked_keys=[])
        self.offer("1.4.3", self.signed(make_image("1.4.3"), "rsa_a"))
        self.boot().expect(r"installed 1\.4\.3 in ota_0, restarting")
        self.device.pull_the_plug()
        self.burn(revoked_keys=[1])
        device = self.start()
        device.expect(r"running 1\.4\.2 from factory")
        device.expect(r"1\.4\.3 was rolled back: the image is refused: .*revoked")
        device.expect(r"no update \(known bad\)")
        device.pull_the_plug()

    def test_what_lies_in_the_slot_is_asked_who_signed_it(self):
        image = make_image("1.4.3")
        self.airlift("flash", "write", self.flash, "--partition", "ota_0", self.write("1.4.3.bin", image))
        path = self.offer("1.4.3", image)
        device = self.boot()
        device.expect(r"no update \(unsigned\)")
        self.assertEqual(self.asked(path), [])
        self.assertFalse(device.has("installed"))
        device.pull_the_plug()
        # The same for its secure version, of which the manifest says nothing.
        self.burn(secure_version=2)
        image = self.signed(make_image("1.4.4", secure_version=1), "p256_a")
        self.airlift("flash", "write", self.flash, "--partition", "ota_0", self.write("1.4.4.bin", image))
        path = self.offer("1.4.4", image)
        device = self.boot()
        device.expect(r"no update \(secure version\)")
        self.assertEqual(self.asked(path), [])
        self.assertFalse(device.has("installed"))
        device.pull_the_plug()


class Patch(Efuses, agent.World):
    """From airlift's own server, which makes patches between files with their signature sectors."""

    factory_image = delta.make_image("1.4.2")

    def setUp(self):
        super().setUp()
        self.prepare()
        server_world.AIRLIFT = agent.AIRLIFT
        self.airlift_server = server_world.Server(os.path.join(self.dir, "data"), "--patches", "1")
        self.addCleanup(self.airlift_server.kill)

    def publish_here(self, image):
        status, document = self.airlift_server.publish(image, "lamp", query="confirm=true")
        self.assertEqual(status, 201, document)

    def wait_for_patch(self, running):
        until = time.monotonic() + agent.PATIENCE_S
        while time.monotonic() < until:
            said = {"Airlift-Running": hashlib.sha256(running).hexdigest(), "Airlift-Patch-Formats": delta.FORMATS}
            manifest = json.loads(self.airlift_server.call("GET", "/firmware/lamp/version.json", headers=said)[2])
            if any("from" in patch for patch in manifest.get("patches", [])):
                return
            time.sleep(0.05)
        self.fail("no patch")

    def test_a_patch_brings_the_signature_or_is_refused_once(self):
        old, s = self.signed(self.factory_image, "p256_a"), self.airlift_server
        self.write("factory.bin", old)
        self.airlift("flash", "write", self.flash, "--partition", "factory", os.path.join(self.dir, "factory.bin"))
        self.publish_here(old)
        self.publish_here(self.signed(delta.make_image("1.4.3"), "p256_b"))
        self.wait_for_patch(old)
        where = s.url + "/firmware/lamp/version.json"
        device = self.start(where, s.cert)
        device.expect(r"a patch of .* serves")
        device.expect(r"no update \(unknown key\)")  # and not the whole image after it
        device.expect(r"next check in")
        device.pull_the_plug()
        stats = json.loads(s.call("GET", "/v1/stats", token=s.token)[2])
        self.assertEqual(stats["image_bytes"], 0)
        self.publish_here(self.signed(delta.make_image("1.4.4"), "p256_a"))
        self.wait_for_patch(old)
        device = self.start(where, s.cert)
        device.expect(r"1\.4\.4 verified.*\(by a patch")
        device.expect(r"installed 1\.4\.4 in ota_0")
        device.pull_the_plug()


class Message(Efuses, mqtt.MqttWorld):
    def test_the_status_topic_names_the_reason(self):
        self.prepare()
        self.start_and_wait()
        _, url = self.serve()
        self.watcher.publish(self.topic(), json.dumps({"update_url": url, "signature": "MEUC", "id": "c-1"}))
        self.assertIn("not signed", self.status("rejected", id="c-1", reason="unsigned")["text"])
        self.device.pull_the_plug()


class Push(Efuses, push_world.World):
    def setUp(self):
        super().setUp()
        self.prepare()

    def check_untouched(self):
        """The running app runs on, and after the power comes back, too."""
        self.assertFalse(self.device.has("installed|restarting"))
        self.stop()
        done = self.airlift("boot", self.flash, "--json")
        self.assertIn("factory", done.stdout, done.stderr)

    def test_tcp_ends_with_the_reason_before_the_slot_is_switched(self):
        self.boot(push_tcp=self.port)
        target = "127.0.0.1:%d" % self.port
        for image, why in ((self.image, "not signed"), (self.signed(self.image, "p256_b"), "signed with a key that is not trusted")):
            done = self.airlift("push", "tcp", target, self.write("push.bin", image))
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("the image is refused: " + why, done.stderr)
        done = self.airlift("push", "tcp", target, self.write("push.bin", self.signed(self.image, "p256_a")), "--no-restart")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.device.expect("installed 1.4.3 in ota_0")
        self.stop()

    def test_tcp_leaves_the_running_app_untouched(self):
        self.boot(push_tcp=self.port)
        self.assertEqual(self.airlift("push", "tcp", "127.0.0.1:%d" % self.port, self.image_path).returncode, 1)
        self.check_untouched()

    def test_tcp_is_told_of_a_low_secure_version_before_anything_is_erased(self):
        self.burn(secure_version=2)
        self.boot(push_tcp=self.port)
        image = self.write("push.bin", self.signed(make_image("1.4.3", secure_version=1), "p256_a"))
        done = self.airlift("push", "tcp", "127.0.0.1:%d" % self.port, image)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("secure version is 1, below this device's 2", done.stderr)
        self.check_untouched()
        self.assertEqual(set(self.partition("ota_0")), {0xFF})

    def test_arduino_ends_with_the_reason_before_the_slot_is_switched(self):
        port = push_world.free_port(socket.SOCK_DGRAM)
        self.boot(push_arduino=port)
        host = Host(port, self.image)
        self.addCleanup(host.close)
        self.assertFalse(host.push())
        self.assertEqual(host.result, b"Signature Verification Failed\r\n")
        done = self.airlift("push", "arduino", "127.0.0.1:%d" % port, self.image_path)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("Signature Verification Failed", done.stderr)
        self.check_untouched()


if __name__ == "__main__":
    push_world.main(__doc__, sys.argv)
