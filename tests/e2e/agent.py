#!/usr/bin/env python3
"""The update agent on a virtual device, against a server that fails on purpose.

    agent.py STAGE [TEST ...]

Each test is a small whole world: a server, a device with version 1.4.2 in its
factory partition, and what is published. The device runs images for an ESP32-C3,
so the reference agent runs in their place.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faulty_server import FaultyServer, Route  # noqa: E402
from shares import load_tests  # noqa: E402,F401

AIRLIFT = ""  # the staged program
SECTOR = 4096
SLOT_SIZE = 1 << 20  # of table two_ota
PATIENCE_S = float(os.environ.get("AIRLIFT_E2E_PATIENCE_S", "60"))  # for what must happen; only a failing test waits so long

ESP32C3, ESP32S3 = 5, 9


# ---- images ------------------------------------------------------------------------

def make_image(version, size=200000, chip=ESP32C3, project="lamp", secure_version=0):
    """An app image of about `size` bytes, intact by ESP-IDF's rules."""
    noise = random.Random("%s %d" % (version, size))
    data = struct.pack("<II8x32s32s16s16s32s32sHHB3x72x", 0xABCD5432, secure_version, version.encode(), project.encode(),
                       b"12:00:00", b"Jan  1 2026", b"v5.5", noise.randbytes(32), 0, 0, 0)
    data += noise.randbytes((size - 320) // 16 * 16)
    address = 0x3C000020  # flash-mapped data, at the image's offset within an MMU page
    image = struct.pack("<BBBBIB3xHBHH4xB", 0xE9, 1, 2, 0x20, 0x42000000, 0xEE, chip, 0, 0, 0xFFFF, 1)
    image += struct.pack("<II", address, len(data)) + data
    checksum = 0xEF
    for byte in data:
        checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()


def make_manifest(version, image, **changes):
    """version.json as a well-behaved server publishes it; None drops a field."""
    fields = {"version": version, "url": version + ".bin", "sha256": hashlib.sha256(image).hexdigest(),
              "md5": hashlib.md5(image).hexdigest(), "size": len(image), "mandatory": False}
    fields.update(changes)
    return json.dumps({k: v for k, v in fields.items() if v is not None}).encode()


# ---- the device ----------------------------------------------------------------------

class Device:
    """`airlift device run` under observation."""

    def __init__(self, world, url, ca, options=(), **settings):
        env = dict(os.environ, AIRLIFT_AGENT_STABILISATION_S="0", AIRLIFT_AGENT_ATTEMPT_DELAY_S="0",
                   AIRLIFT_AGENT_INTERVAL_S="5", AIRLIFT_AGENT_TIMEOUT_S="5",
                   AIRLIFT_AGENT_HEALTH_TIMEOUT_S="30")
        env.update({("AIRLIFT_" if k.startswith("mqtt_") else "AIRLIFT_AGENT_") + k.upper(): str(v)
                    for k, v in settings.items()})
        command = [AIRLIFT, "device", "run", world.flash, "--json", *options]
        if url:
            command += ["--manifest-url", url]
        if ca:
            command += ["--ca", ca]
        self.lines = []
        self.cursor = 0  # lines before it have been waited for
        self.grown = threading.Condition()
        self.ended = False
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.grown:
                self.lines.append(line.rstrip("\n"))
                self.grown.notify_all()
        with self.grown:
            self.ended = True
            self.grown.notify_all()

    def expect(self, pattern):
        """Wait for a log line behind the last one expected. Returns its match."""
        with self.grown:
            def find():
                while self.cursor < len(self.lines):
                    self.cursor += 1
                    match = re.search(pattern, self.lines[self.cursor - 1])
                    if match:
                        return match
                return self.ended
            found = self.grown.wait_for(find, PATIENCE_S)
        if found in (True, False, None):
            raise AssertionError("no line with %r in the device's log:\n%s" % (pattern, "\n".join(self.lines)))
        return found

    def has(self, pattern):
        return any(re.search(pattern, line) for line in list(self.lines))

    def pull_the_plug(self):
        """No goodbye: what is on flash now stays."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.reader.join()
        self.process.stderr.close()

    def switch_off(self):
        """Orderly, and whatever happened, no program needed a 1 where a 0 was."""
        self.process.send_signal(signal.SIGTERM)
        out = self.process.stdout.read()
        self.process.wait()
        self.process.stdout.close()
        self.reader.join()
        self.process.stderr.close()
        result = json.loads(out)
        assert result["violations"] == 0, result
        return result


class World(unittest.TestCase):
    """A server, and a device that runs 1.4.2 from its factory partition."""

    factory_image = make_image("1.4.2")
    image = make_image("1.4.3")  # the usual update
    table = None  # of partitions, as CSV; None: two_ota

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="airlift-agent-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.server = FaultyServer().start()
        self.addCleanup(self.server.stop)
        self.flash = os.path.join(self.dir, "dev.bin")
        self.new_flash()
        self.device = None
        self.addCleanup(self.clean_up_device)

    def new_flash(self):
        factory = self.write("factory.bin", self.factory_image)
        table = "two_ota" if self.table is None else self.write("table.csv", self.table.encode())
        self.airlift("flash", "new", self.flash, "--table", table, "--factory", factory)

    def clean_up_device(self):
        if self.device is not None and self.device.process.poll() is None:
            self.device.pull_the_plug()

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def airlift(self, *words):
        subprocess.run([AIRLIFT, *words], check=True, stdout=subprocess.DEVNULL)

    def publish(self, version="1.4.3", image=None, body=None, **changes):
        """Put manifest and image on the server. Keyword arguments change the manifest."""
        image = self.image if image is None else image
        self.server.routes["/fw/version.json"] = Route(make_manifest(version, image, **changes) if body is None
                                                       else body, content_type="application/json")
        self.server.routes["/fw/%s.bin" % version] = Route(image)
        return self.server.routes["/fw/%s.bin" % version]

    def start(self, url=None, ca=None, **settings):
        self.device = Device(self, url or self.server.url("/fw/version.json"), ca or self.server.ca, **settings)
        return self.device

    def stop(self):
        return self.device.switch_off()

    def asked(self, path):
        return [r for r in self.server.requests if r.path.partition("?")[0] == path]

    def slot(self, label):
        path = os.path.join(self.dir, "slot.bin")
        self.airlift("flash", "read", self.flash, "--partition", label, path)
        with open(path, "rb") as file:
            return file.read()

    def expect_installed(self, device, version="1.4.3", slot="ota_0"):
        device.expect(r"installed %s in %s" % (re.escape(version), slot))
        device.expect(r"running %s from %s" % (re.escape(version), slot))
        device.expect(r"%s confirmed after its health check" % re.escape(version))

    def check_refused(self, reason, erased_nothing=True):
        """1.4.2 says why and goes on; it still runs after a power cycle, and tries again."""
        device = self.start()
        device.expect(r"running 1\.4\.2 from factory")
        device.expect(reason)
        device.expect(r"next check in")
        self.stop()
        self.assertFalse(device.has("installed"))
        if erased_nothing:
            self.assertEqual(self.slot("ota_0"), b"\xff" * SLOT_SIZE)
        self.publish("1.4.5", make_image("1.4.5"))
        device = self.start()
        device.expect(r"running 1\.4\.2 from factory")
        self.expect_installed(device, "1.4.5")
        self.stop()


# ---- the good way ----------------------------------------------------------------------

class Update(World):
    def test_newer_version_is_installed_and_confirmed(self):
        self.publish()
        device = self.start()
        device.expect(r"running 1\.4\.2 from factory")
        device.expect(r"update 1\.4\.3 available, 0\.2 MB")
        device.expect(r"1\.4\.3 verified")
        self.expect_installed(device)
        device.expect(r"up to date: 1\.4\.3")
        self.stop()
        self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)
        self.assertEqual({r.method for r in self.server.requests}, {"GET"})  # HEAD breaks presigned URLs
        self.assertEqual(len(self.asked("/fw/1.4.3.bin")), 1)
        self.assertNotIn("range", self.asked("/fw/1.4.3.bin")[0].headers)

    def test_each_sector_is_erased_once(self):
        self.publish()
        device = self.start()
        self.expect_installed(device)
        # The image's sectors; for OTA data: selected, on trial, confirmed; a page of NVS may come.
        erases = self.stop()["erases"]
        sectors = -(-len(self.image) // SECTOR)
        self.assertTrue(sectors + 3 <= erases <= sectors + 4, (erases, sectors))

    def test_two_updates_use_both_slots(self):
        self.publish()
        device = self.start()
        self.expect_installed(device)
        self.publish("1.4.4", make_image("1.4.4"))
        self.expect_installed(device, "1.4.4", "ota_1")
        self.publish("1.10.0", make_image("1.10.0"))
        self.expect_installed(device, "1.10.0", "ota_0")
        self.stop()

    def test_equal_and_older_versions_are_left_alone(self):
        for version in ("1.4.2", "1.4.1", "1.4.2-rc.1", "v1.4.2+build.7"):
            self.publish(version, make_image(version))
            device = self.start()
            device.expect(r"up to date: 1\.4\.2 runs, %s is published" % re.escape(version))
            self.stop()
        self.assertEqual([r.path for r in self.server.requests if r.path.endswith(".bin")], [])

    def test_manifest_without_hashes_or_size_is_enough(self):
        self.publish(sha256=None, md5=None, size=None, mandatory=None)
        self.expect_installed(self.start())
        self.stop()

    def test_url_of_4_kib_and_redirects_work(self):
        query = "?X-Amz-Signature=" + "5" * (4096 - len(self.server.url("/s3/fw.bin?X-Amz-Signature=")))
        self.server.routes["/s3/fw.bin"] = Route(self.image)
        self.server.routes["/latest"] = Route(redirect="/s3/fw.bin" + query)
        self.publish(url=self.server.url("/s3/fw.bin" + query))
        device = self.start()
        self.expect_installed(device)
        self.publish("1.4.4", make_image("1.4.4"), url="/moved")
        self.server.routes["/moved"] = Route(redirect="/moved/again?" + "6" * 3000, redirect_status=307)
        self.server.routes["/moved/again"] = Route(redirect="https://localhost:{port}/fw/1.4.4.bin")
        self.expect_installed(device, "1.4.4", "ota_1")
        self.stop()

    def test_server_is_told_who_asks_and_nobody_else_is(self):
        self.publish("1.4.2", self.factory_image)
        self.server.routes["/moved/version.json"] = self.server.routes["/fw/version.json"]
        self.server.routes["/fw/version.json"] = Route(redirect="/moved/version.json")
        device = self.start()
        device.expect(r"up to date: 1\.4\.2")
        self.stop()
        with open(self.flash + ".json") as file:
            mac = json.load(file)["mac"]
        first, second = self.asked("/fw/version.json")[0].headers, self.asked("/moved/version.json")[0].headers
        self.assertEqual((first["airlift-device"], first["airlift-version"]), (mac, "1.4.2"))
        self.assertNotIn("airlift-device", second)
        self.assertNotIn("airlift-version", second)
        device = self.start(device_id="hall <3>")
        device.expect(r"up to date: 1\.4\.2")
        self.stop()
        self.assertEqual(self.asked("/fw/version.json")[-1].headers["airlift-device"], "hall <3>")

    def test_image_that_lies_in_the_slot_is_not_fetched(self):
        self.publish()
        path = self.write("1.4.3.bin", self.image)
        self.airlift("flash", "write", self.flash, "--partition", "ota_0", path)
        device = self.start()
        device.expect(r"1\.4\.3 lies complete in ota_0 already")
        self.expect_installed(device)
        self.stop()
        self.assertEqual(self.asked("/fw/1.4.3.bin"), [])

    def test_firmware_without_release_version_updates_once(self):
        # As Arduino builds: the description carries the version of its core library.
        core = make_image("esp-idf: v4.4.3 6407ecb3f8", size=150000)
        self.publish("1.14.3", core)
        device = self.start()
        self.expect_installed(device, "1.14.3")
        device.expect(r"up to date: 1\.14\.3 runs")
        self.stop()
        device = self.start()
        device.expect(r"running 1\.14\.3 from ota_0")
        device.expect(r"up to date: 1\.14\.3 runs")
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.14.3.bin")), 1)


# ---- lost connections, lost power -----------------------------------------------------------

class Resume(World):
    def check_ranges(self, path="/fw/1.4.3.bin"):
        """All requests but the first went on where the one before had stopped."""
        first, *others = self.asked(path)
        self.assertNotIn("range", first.headers)
        for request in others:
            self.assertRegex(request.headers["range"], r"^bytes=[1-9]\d*-$")
            self.assertRegex(request.headers["if-range"], r'^"\w+"$')
            self.assertEqual(request.status, 206)

    def test_connection_lost_is_taken_up_at_the_byte(self):
        self.publish().close_after = 50001
        self.expect_installed(self.start())
        self.stop()
        self.check_ranges()
        self.assertEqual([r.headers.get("range") for r in self.asked("/fw/1.4.3.bin")][1:],
                         ["bytes=%d-" % n for n in range(50001, len(self.image), 50001)])

    def test_server_that_hangs_is_left_and_asked_again(self):
        route = self.publish()
        route.hang_after, route.times = 70000, 1
        self.expect_installed(self.start(timeout_s=1))
        self.stop()
        self.check_ranges()

    def test_download_goes_on_after_the_plug_was_pulled(self):
        route = self.publish()
        route.drip, route.drip_s, route.times = 8192, 0.05, 1
        device = self.start()
        device.expect(r"update 1\.4\.3 available")
        request = None
        while request is None or request.sent < 100000:
            request = (self.asked("/fw/1.4.3.bin") or [None])[0]
        device.pull_the_plug()

        device = self.start()
        device.expect(r"download goes on at .* of 0\.2 MB")
        self.expect_installed(device)
        self.stop()
        self.check_ranges()
        start = int(re.search(r"\d+", self.asked("/fw/1.4.3.bin")[-1].headers["range"]).group())
        self.assertEqual(start % SECTOR, 0)
        # What was sent, less what was on its way and one journal step.
        self.assertGreaterEqual(start, SECTOR * 4)
        self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)

    def test_other_image_after_the_plug_was_pulled_is_not_mixed_in(self):
        route = self.publish()
        route.hang_after = 100000
        device = self.start()
        while not (self.asked("/fw/1.4.3.bin") and self.asked("/fw/1.4.3.bin")[0].sent >= 100000):
            pass
        device.pull_the_plug()
        other = make_image("1.4.3", size=230000)
        self.publish(image=other)
        self.expect_installed(self.start())
        self.stop()
        self.assertEqual(self.slot("ota_0")[:len(other)], other)

    def test_range_ignored_begins_again(self):
        self.publish()
        answers = [Route(self.image, ranges="ignore", close_after=90000), Route(self.image, ranges="ignore")]
        self.server.routes["/fw/1.4.3.bin"] = lambda path, query: answers.pop(0) if answers else None
        device = self.start()
        device.expect(r"ignores Range: beginning again")
        self.expect_installed(device)
        self.stop()
        self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)

    def test_answers_that_do_not_fit_the_range_begin_again(self):
        for ranges in ("refuse", "shifted", "other"):
            with self.subTest(ranges):
                self.tearDownWorld()
                answers = [Route(self.image, close_after=90000), Route(self.image, ranges=ranges),
                           Route(self.image)]
                self.publish()
                self.server.routes["/fw/1.4.3.bin"] = lambda path, query: answers.pop(0) if answers else None
                device = self.start()
                device.expect(r"beginning again")
                self.expect_installed(device)
                self.stop()
                self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)

    def tearDownWorld(self):
        """The next one begins with a new device."""
        os.remove(self.flash)
        self.airlift("flash", "new", self.flash, "--table", "two_ota", "--factory",
                     os.path.join(self.dir, "factory.bin"))

    def test_range_answered_with_wrong_bytes_is_caught_by_the_hash(self):
        # One byte late, under a header that lies: only the SHA-256 can tell.
        answers = [Route(self.image, close_after=90000), Route(self.image, ranges="lying"), Route(self.image)]
        self.publish()
        self.server.routes["/fw/1.4.3.bin"] = lambda path, query: answers.pop(0) if answers else None
        device = self.start()
        device.expect(r"no update \(hash\)")
        self.stop()
        self.assertFalse(device.has("installed"))

    def test_file_changed_in_mid_download_begins_again_with_the_new_one(self):
        other = make_image("1.4.3", size=220000)
        answers = [Route(self.image, close_after=90000), Route(other)]
        self.publish(sha256=None, md5=None, size=None)
        self.server.routes["/fw/1.4.3.bin"] = lambda path, query: answers.pop(0) if answers else None
        self.expect_installed(self.start())
        self.stop()
        self.assertEqual(self.slot("ota_0")[:len(other)], other)


# ---- bad input ---------------------------------------------------------------------------------

class BadDownload(World):
    def test_truncated_for_good_is_refused(self):
        route = self.publish()
        route.body = self.image[:150000]
        self.check_refused(r"no update \(size\): the server sends 150000 bytes, the manifest says")

    def test_truncated_without_manifest_size_is_refused(self):
        route = self.publish(size=None, sha256=None, md5=None)
        route.body = self.image[:150000]
        self.check_refused(r"no update \(image\): the image does not verify", erased_nothing=False)

    def test_connection_that_always_breaks_off_is_given_up(self):
        route = self.publish()
        route.ranges, route.close_after = "ignore", 3000
        self.check_refused(r"no update \(\w+.*\): ", erased_nothing=True)

    def test_oversized_is_refused(self):
        self.publish(size=len(self.image) - 16)
        self.check_refused(r"no update \(size\)")

    def test_larger_than_the_slot_is_refused_unasked(self):
        self.publish(size=SLOT_SIZE + 1)
        self.check_refused(r"no update \(size\): 1048577 bytes do not fit slot ota_0")
        self.assertEqual(self.asked("/fw/1.4.3.bin"), [])

    def test_larger_than_the_slot_by_its_length_is_refused(self):
        self.publish(image=self.image + bytes(SLOT_SIZE), size=None)
        self.check_refused(r"no update \(size\): .* do not fit slot ota_0")

    def test_length_not_said_is_refused(self):
        self.publish().chunked = True
        self.check_refused(r"no update \(size\): the server does not say how long")

    def test_wrong_sha256_is_refused(self):
        self.publish(sha256="00" * 32)
        self.check_refused(r"no update \(hash\): the image's SHA-256", erased_nothing=False)

    def test_wrong_md5_is_refused(self):
        self.publish(md5="00" * 16)
        self.check_refused(r"no update \(hash\): the image's MD5", erased_nothing=False)

    def test_damaged_image_is_refused(self):
        damaged = bytearray(self.image)
        damaged[100000] ^= 1
        self.publish(image=bytes(damaged))
        self.check_refused(r"no update \(image\): the image does not verify", erased_nothing=False)

    def test_changed_in_mid_download_is_refused(self):
        route = self.publish()
        route.change_after, route.next_body = 100000, make_image("1.4.9", size=len(self.image))
        self.check_refused(r"no update \(hash\)", erased_nothing=False)

    def test_html_is_refused(self):
        page = b"<!doctype html><title>Sign in</title>" + b" " * 5000
        route = self.publish(size=None)
        route.body, route.content_type = page, "text/html"
        self.check_refused(r"no update \(image\): not an app image: it starts with 0x3c, as a web page does")

    def test_few_bytes_are_refused(self):
        route = self.publish(size=None)
        route.body = self.image[:100]
        self.check_refused(r"no update \(image\): 100 bytes are no app image")

    def test_error_status_is_refused(self):
        self.publish().status = 403
        self.check_refused(r"no update \(expired\): the server answers 403")

    def test_the_server_is_told_what_failed(self):
        self.publish().status = 500
        device = self.start()
        device.expect(r"no update \(http status\).* 500")
        device.expect(r"next check in")
        self.stop()
        said = [r.headers.get("airlift-failure") for r in self.asked("/fw/version.json")]
        self.assertEqual(said, [None, "http status", "http status"])

    def test_redirect_loop_is_refused(self):
        self.publish().loop = True
        self.check_refused(r"no update \(url\): more than 10 redirects")

    def test_redirect_to_plain_http_is_refused(self):
        self.publish(url="/away")
        self.server.routes["/away"] = Route(redirect="http://127.0.0.1:{plain_port}/fw/1.4.3.bin")
        self.check_refused(r"no update \(url\)")
        self.assertEqual([r for r in self.server.requests if not r.tls], [])

    def test_other_chip_is_refused(self):
        self.publish(image=make_image("1.4.3", chip=ESP32S3))
        self.check_refused(r"no update \(chip\): the image is for chip id 0x0009, this is 0x0005")

    def test_image_with_the_running_version_is_refused(self):
        self.publish("1.4.3", self.factory_image)
        self.check_refused(r"no update \(version\): the image says it is 1\.4\.2, the manifest says 1\.4\.3")


class BadManifest(World):
    def test_not_json_is_refused(self):
        self.publish(body=b"<html>welcome</html>")
        self.check_refused(r"no update \(manifest\): the manifest is not JSON")

    def test_lacking_fields_is_refused(self):
        self.publish(version="1.4.3", body=b'{"version":"1.4.3"}')
        self.check_refused(r'no update \(manifest\): the manifest has no text "url"')

    def test_lacking_version_is_refused(self):
        self.publish(body=b'{"url":"1.4.3.bin"}')
        self.check_refused(r'no update \(manifest\): the manifest has no text "version"')

    def test_string_of_a_mebibyte_is_refused(self):
        self.publish(body=json.dumps({"version": "1" * (1 << 20), "url": "1.4.3.bin"}).encode())
        self.check_refused(r"no update \(manifest\): the manifest has 10\d+ bytes, more than 8192")

    def test_string_of_a_mebibyte_without_length_is_refused(self):
        self.publish(body=json.dumps({"version": "1" * (1 << 20), "url": "1.4.3.bin"}).encode())
        self.server.routes["/fw/version.json"].chunked = True
        self.check_refused(r"no update \(manifest\): the manifest has more than 8192 bytes")

    def test_truncated_is_refused(self):
        self.publish()
        self.server.routes["/fw/version.json"].close_after = 50
        self.check_refused(r"no update \(network\): the connection broke off within the manifest")

    def test_server_that_hangs_is_given_up(self):
        self.publish()
        self.server.routes["/fw/version.json"].hang_headers = True
        device = self.start(timeout_s=1)
        device.expect(r"no update \(network\): the server did not answer within 1 s")
        device.expect(r"attempt 3 of 3 follows")
        device.expect(r"next check in")
        self.stop()
        self.assertEqual(len(self.asked("/fw/version.json")), 3)

    def test_plain_http_image_is_refused(self):
        self.publish(url=self.server.plain_url("/fw/1.4.3.bin"))
        self.check_refused(r"no update \(url\): the manifest's url is refused: plain HTTP is not allowed")

    def test_plain_http_manifest_is_not_even_tried(self):
        self.publish()
        device = self.start(url=self.server.plain_url("/fw/version.json"))
        device.expect(r"the agent does not start: ESP_ERR_INVALID_ARG")
        self.stop()
        self.assertEqual(self.server.requests, [])

    def test_server_with_another_certificate_is_not_trusted(self):
        self.publish()
        with FaultyServer() as other:
            device = self.start(ca=other.ca)
            device.expect(r"no update \(network\): no connection to the server, or it is not to be trusted")
            device.expect(r"next check in")
            self.stop()
        self.assertEqual(self.server.requests, [])


# ---- trial and rollback ------------------------------------------------------------------------------

class Trial(World):
    def check_rolled_back(self, reason, told, **settings):
        """1.4.4 fails its trial, is let alone, and does not stand in the way of 1.4.5."""
        self.publish()
        self.expect_installed(self.start())
        self.stop()

        self.publish("1.4.4", make_image("1.4.4"))
        device = self.start(**settings)
        device.expect(r"installed 1\.4\.4 in ota_1")
        device.expect(r"running 1\.4\.4 from ota_1")
        device.expect(r"running 1\.4\.3 from ota_0")
        device.expect(r"1\.4\.4 was rolled back: " + reason)
        for _ in range(2):
            device.expect(r"no update \(known bad\): 1\.4\.4 was rolled back on this device")
            device.expect(r"next check in")
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.4.4.bin")), 1)
        said = [r.headers.get("airlift-failure") for r in self.asked("/fw/version.json")]
        self.assertEqual(said[-2:], [told, "known bad"])

        self.publish("1.4.5", make_image("1.4.5"))
        self.expect_installed(self.start(**settings), "1.4.5", "ota_1")
        self.stop()

    def test_sick_version_is_rolled_back_and_not_tried_again(self):
        self.check_rolled_back("health check failed", "health", sick_version="1.4.4")

    def test_hung_health_check_is_a_failed_one(self):
        self.check_rolled_back("health check failed", "health", hung_version="1.4.4", health_timeout_s=2)

    def test_crashing_version_is_rolled_back_and_not_tried_again(self):
        self.check_rolled_back("it restarted before its health check had passed", "trial reset", crashing_version="1.4.4")

    def test_other_image_of_the_same_version_is_tried(self):
        self.publish()
        device = self.start(sick_version="1.4.3")
        device.expect(r"1\.4\.3 was rolled back")
        device.expect(r"no update \(known bad\)")
        self.stop()
        self.publish(image=make_image("1.4.3", size=210000))
        self.expect_installed(self.start())
        self.stop()

    def test_bad_image_is_known_without_nvs(self):
        # An erased NVS forgets the agent's own record; OTA data still tells.
        self.publish()
        device = self.start(sick_version="1.4.3")
        device.expect(r"1\.4\.3 was rolled back")
        self.stop()
        self.airlift("flash", "erase", self.flash, "--partition", "nvs")
        device = self.start()
        device.expect(r"no update \(known bad\)")
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.4.3.bin")), 1)

    def test_power_lost_during_trial_is_no_verdict(self):
        self.publish()
        device = self.start(hung_version="1.4.3")
        for trial in range(1, 4):
            device.expect(r"1\.4\.3 runs on trial")
            device.pull_the_plug()
            device = self.start(hung_version="1.4.3" if trial < 3 else "none")
            device.expect(r"running 1\.4\.2 from factory")
            device.expect(r"power was lost during trial %d of 1\.4\.3: it gets another one" % trial)
            device.expect(r"1\.4\.3 lies complete in ota_0 already")
        self.expect_installed(device)
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.4.3.bin")), 1)

    def test_power_lost_in_every_trial_is_a_verdict(self):
        self.publish()
        device = self.start(hung_version="1.4.3")
        for _ in range(4):
            device.expect(r"1\.4\.3 runs on trial")
            device.pull_the_plug()
            device = self.start(hung_version="1.4.3")
        device.expect(r"1\.4\.3 was rolled back: it restarted before its health check had passed")
        device.expect(r"no update \(known bad\)")
        self.stop()

    def test_update_that_otadata_forgot_is_selected_again(self):
        # As after a power cut between the erase and the write of OTA data.
        self.publish()
        device = self.start()
        device.expect(r"installed 1\.4\.3 in ota_0")
        device.pull_the_plug()
        self.airlift("otadata", "erase", self.flash)
        device = self.start()
        device.expect(r"running 1\.4\.2 from factory")
        device.expect(r"1\.4\.3 is installed, but did not run")
        device.expect(r"1\.4\.3 lies complete in ota_0 already")
        self.expect_installed(device)
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.4.3.bin")), 1)


def main():
    global AIRLIFT
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    AIRLIFT = os.path.join(os.path.abspath(sys.argv[1]), "bin", "airlift")
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2, warnings="ignore")


if __name__ == "__main__":
    main()
