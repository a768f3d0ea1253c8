#!/usr/bin/env python3
"""Updates by patches on a virtual device: from a server that fails on purpose, and from airlift's own.

    delta.py STAGE [TEST ...]
    delta.py STAGE --corpus DIR [CUTS] [tight]

The second form updates a device by a patch for each pair of releases in DIR that PAIRS names, and cuts its
power CUTS times (500) in all, at instants chosen by a seed. In tight slots patches of more than 56 KiB are decoded as they come.
"""

import hashlib
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402
import server_world  # noqa: E402
from agent import Device, World, make_manifest  # noqa: E402
from faulty_server import FaultyServer, Route  # noqa: E402
from shares import load_tests  # noqa: E402,F401

OWN, ESP = "airlift-delta-1", "esp_delta_ota"  # as manifests and devices call the formats
FORMATS = OWN + ", " + ESP
COMMAND_FORMAT = {OWN: "airlift", ESP: "esp_delta_ota"}  # as `airlift delta make` does
SECTOR = 4096
CUT_COSTS = 8192  # bytes of a patch that a cut may let the device fetch twice


# ---- images that have something in common ---------------------------------------------

def make_image(version, seed="lamp", size=200000, changes=40, body=None):
    """An app image; those of one seed differ here and there, and by an insertion."""
    body = body or random.Random(seed).randbytes(size)
    size = len(body)
    noise = random.Random(version)
    body = body[:5000] + noise.randbytes(64 * noise.randrange(1, 5)) + body[5000:size - 400]
    changed = bytearray(body)
    for _ in range(changes):
        at = noise.randrange(len(changed) - 8)
        changed[at:at + 8] = noise.randbytes(8)
    data = struct.pack("<II8x32s32s16s16s32s32sHHB3x72x", 0xABCD5432, 0, version.encode(), b"lamp", b"12:00:00",
                       b"Jan  1 2026", b"v5.5", noise.randbytes(32), 0, 0, 0) + bytes(changed)
    data += bytes(-len(data) % 16)
    image = struct.pack("<BBBBIB3xHBHH4xB", 0xE9, 1, 2, 0x20, 0x42000000, 0xEE, agent.ESP32C3, 0, 0, 0xFFFF, 1)
    image += struct.pack("<II", 0x3C000020, len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes([0xEF ^ server_world.xor_of(data)])
    return image + hashlib.sha256(image).digest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def make_patch(old, new, format=OWN):
    """By the program under test; old None: the new image, compressed."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [os.path.join(directory, name) for name in ("old", "new", "patch")]
        for path, data in zip(paths, (old or b"", new)):
            with open(path, "wb") as file:
                file.write(data)
        words = ["--whole" if old is None else paths[0], paths[1], "-o", paths[2], "--format", COMMAND_FORMAT[format]]
        subprocess.run([agent.AIRLIFT, "delta", "make", *words], check=True, stdout=subprocess.DEVNULL)
        with open(paths[2], "rb") as file:
            return file.read()


def entry(old, patch, **changes):
    """One of the manifest's patches."""
    fields = {"from": sha256(old), "from_size": len(old)} if old else {}
    fields.update({"url": "patch", "size": len(patch), "sha256": sha256(patch), "format": OWN, "ram": 1})
    fields.update(changes)
    return fields


def blocks_of(image, size=65536):
    """The manifest's hashes of an image's blocks."""
    return {"size": size, "sha256": "".join(sha256(image[at:at + size])[:16] for at in range(0, len(image), size))}


# ---- the commands ----------------------------------------------------------------------------

# What a device says of a patch whose result is wrong; which of them depends on where that shows first.
NOT_THE_IMAGE = r"(the patch (cannot be applied|does not give the manifest's image)|of what the patch gives is not the manifest's)"


class EspFormat(server_world.Case):
    """airlift delta --format esp_delta_ota."""

    def setUp(self):
        super().setUp()
        self.old = self.path("old.bin", make_image("1.4.2"))
        self.new = self.path("new.bin", make_image("1.4.3"))
        self.patch = self.path("p")

    def make(self):
        result = self.airlift("delta", "make", self.old, self.new, "-o", self.patch, "--format", "esp_delta_ota")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_esp_delta_ota_patch_gives_the_new_image(self):
        self.make()
        out = self.path("out.bin")
        self.assertEqual(self.airlift("delta", "apply", self.old, self.patch, "-o", out).returncode, 0)
        with open(out, "rb") as a, open(self.new, "rb") as b:
            self.assertTrue(a.read() == b.read())
        with open(self.patch, "rb") as file:
            header = file.read(67)
        old = make_image("1.4.2")
        self.assertEqual(header[:64], bytes.fromhex("10decdfc") + old[-32:] + bytes(28))
        self.assertEqual(header[64], 4)
        told = json.loads(self.airlift("delta", "info", self.patch, "--json").stdout)
        self.assertEqual(told, {"format": "esp_delta_ota", "base_sha256": old[-32:].hex(),
                                "to_size": os.path.getsize(self.new), "size": os.path.getsize(self.patch)})

    def test_what_is_wrong_with_esp_delta_ota_patches_is_told(self):
        self.make()
        with open(self.patch, "rb") as file:
            good = file.read()
        bad = self.path("bad")
        for data, why in ((good[:-5], "the patch is damaged"), (good + b"\0", "the patch is damaged"),
                          (good[:100] + bytes([good[100] ^ 4]) + good[101:], "the patch ")):
            self.path("bad", data)
            self.assertFailed(self.airlift("delta", "apply", self.old, bad, "-o", self.path("x")), why)
            self.assertFalse(os.path.exists(self.path("x")))
        self.assertFailed(self.airlift("delta", "apply", self.new, self.patch, "-o", self.path("x")), "another old file")
        old = make_image("1.4.2")
        without_hash = self.path("n", old[:23] + b"\0" + old[24:-32])
        self.assertFailed(self.airlift("delta", "make", without_hash, self.new, "-o", bad, "--format", "esp_delta_ota"),
                          "no appended SHA-256")
        self.assertFailed(self.airlift("delta", "make", self.patch, self.new, "-o", bad, "--format", "esp_delta_ota"),
                          "no whole app image")
        self.assertFailed(self.airlift("delta", "make", self.old, "-o", bad), "are needed", code=2)


class OwnFormat(server_world.Case):
    """airlift delta, as it is without --format."""

    def delta(self, *words):
        return self.airlift("delta", *words)

    def make(self, old, new, *options):
        out = self.path("patch")
        result = self.delta("make", *options, *([self.path("old", old)] if old is not None else []),
                            self.path("new", new), "-o", out)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        return out

    def test_patch_gives_the_new_file(self):
        old, new = make_image("1.4.2"), make_image("1.4.3", changes=70)
        for options in ([], ["--ram", "12K"]):
            patch = self.make(old, new, *options)
            self.assertLess(os.path.getsize(patch), len(new) // 4)
            made = self.path("made")
            self.assertEqual(self.delta("apply", self.path("old"), patch, "-o", made).returncode, 0)
            with open(made, "rb") as f:
                self.assertTrue(f.read() == new)
            says = json.loads(self.delta("info", patch, "--json").stdout)
            self.assertEqual((says["format"], says["from_size"], says["from_sha256"], says["to_size"], says["to_sha256"]),
                             (OWN, len(old), sha256(old), len(new), sha256(new)))
            self.assertEqual(says["ram"], 12288 if options else 20480)
        # Bytes that are no image, none at all, and no old file.
        for a, b in ((b"abc" * 1000, b"abd" * 1100), (b"", b"x"), (b"x" * 5000, b"")):
            self.assertEqual(self.delta("apply", self.path("old", a), self.make(a, b), "-o", self.path("made")).returncode, 0)
            with open(self.path("made"), "rb") as f:
                self.assertEqual(f.read(), b)
        whole = self.make(None, new, "--whole")
        self.assertEqual(self.delta("apply", "--whole", whole, "-o", self.path("made")).returncode, 0)

    def test_what_is_wrong_is_told(self):
        old, new = make_image("1.4.2"), make_image("1.4.3")
        patch = self.make(old, new)
        self.assertFailed(self.delta("apply", self.path("new"), patch, "-o", self.path("x")), "for another old file")
        with open(patch, "rb") as f:
            data = bytearray(f.read())
        data[200] ^= 4
        self.assertFailed(self.delta("apply", self.path("old"), self.path("bad", data), "-o", self.path("x")), "damaged")
        self.assertFailed(self.delta("apply", self.path("old"), self.path("bad", data[:-1]), "-o", self.path("x")), "damaged")
        self.assertFailed(self.delta("info", self.path("bad", data[:-1])), "damaged or cut short")
        self.assertFailed(self.delta("make", "--ram", "5K", "a", "b", "-o", "c"), "20K or 12K", 2)
        self.assertFalse(os.path.exists(self.path("x")))


# ---- a device, and a server that fails on purpose ----------------------------------------

class PatchWorld(World):
    factory_image = make_image("1.4.2")
    image = make_image("1.4.3")
    format = OWN

    def setUp(self):  # the patch is made once
        if "patch" not in type(self).__dict__:
            type(self).patch = make_patch(self.factory_image, self.image, self.format)
        super().setUp()

    def offer(self, patch=None, entries=None, blocks=None):
        patch = self.patch if patch is None else patch
        entries = [entry(self.factory_image, patch, format=self.format)] if entries is None else entries
        self.publish()
        manifest = json.loads(make_manifest("1.4.3", self.image))
        manifest.update(patches=entries, blocks=blocks or blocks_of(self.image))
        self.server.routes["/fw/version.json"] = Route(json.dumps(manifest).encode(), content_type="application/json")
        self.server.routes["/fw/patch"] = Route(patch)
        return self.server.routes["/fw/patch"]

    def check_by_patch(self):
        self.assertEqual(self.asked("/fw/1.4.3.bin"), [])
        self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)

    def check_whole_instead(self, device, why):
        device.expect(why + r".*: the whole image instead")
        device.expect(r"1\.4\.3 verified.*\(whole, \d+ bytes fetched for %d\)" % len(self.image))
        self.expect_installed(device)
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.4.3.bin")), 1)
        self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)


class Patches(PatchWorld):
    def test_patch_is_fetched_in_place_of_the_image(self):
        self.offer()
        device = self.start()
        device.expect(r"a patch of .* serves for 0\.2 MB")
        device.expect(r"1\.4\.3 verified.*\(by a patch, %d bytes fetched for %d\)" % (len(self.patch), len(self.image)))
        self.expect_installed(device)
        erases = self.stop()["erases"]
        self.check_by_patch()
        self.assertLess(len(self.patch), len(self.image) // 10)
        sectors = -(-len(self.image) // SECTOR) + -(-len(self.patch) // SECTOR)
        self.assertTrue(sectors + 3 <= erases <= sectors + 5, (erases, sectors))

    def test_device_says_what_it_runs(self):
        self.offer()
        device = self.start()
        self.expect_installed(device)
        device.expect(r"up to date")
        self.stop()
        asked = [r.headers["airlift-running"] for r in self.asked("/fw/version.json")]
        self.assertEqual(asked[0], sha256(self.factory_image))
        self.assertEqual(asked[-1], sha256(self.image))
        first = self.asked("/fw/version.json")[0].headers
        self.assertEqual((first["airlift-patch-formats"], first["airlift-patch-ram"]), (FORMATS, "20480"))
        self.assertNotIn("airlift-running", self.asked("/fw/patch")[0].headers)

    def test_patches_are_not_taken_where_the_app_does_not_want_them(self):
        self.offer()
        self.expect_installed(self.start(no_patches="1"))
        self.stop()
        self.assertEqual(self.asked("/fw/patch"), [])
        self.assertNotIn("airlift-running", self.asked("/fw/version.json")[0].headers)

    def test_patch_of_no_use_is_passed_over(self):
        other = make_image("1.4.1")
        self.offer(entries=[entry(other, self.patch), entry(self.factory_image, self.patch, format="zip"),
                            entry(self.factory_image, self.patch, ram=10 ** 6),
                            entry(self.factory_image, self.patch, size=agent.SLOT_SIZE - len(self.image)), 7])
        self.expect_installed(self.start())
        self.stop()
        self.assertEqual(self.asked("/fw/patch"), [])

    def test_missing_patch_falls_back(self):
        self.offer().status = 404
        self.check_whole_instead(self.start(), r"the server answers 404 to the patch's URL")

    def test_damaged_patch_falls_back_and_is_not_tried_again(self):
        damaged = bytearray(self.patch)
        damaged[len(damaged) // 2] ^= 1
        self.offer().body = bytes(damaged)
        self.server.routes["/fw/1.4.3.bin"].close_headers = True
        device = self.start()
        device.expect(r"the patch's SHA-256 is not the manifest's: the whole image instead")
        device.expect(r"no update \(network\)")
        self.device.pull_the_plug()
        self.server.routes["/fw/1.4.3.bin"].close_headers = False
        self.expect_installed(self.start())
        self.stop()
        self.assertEqual(len(self.asked("/fw/patch")), 1)
        self.assertEqual(self.slot("ota_0")[:len(self.image)], self.image)

    def test_patch_that_is_none_falls_back(self):
        self.offer(patch=random.Random(5).randbytes(9000))
        self.check_whole_instead(self.start(), r"the patch cannot be applied")

    def test_patch_to_or_from_another_image_falls_back_before_the_slot_is_touched(self):
        other = make_image("1.4.3", changes=41)
        for patch, why in ((make_patch(self.factory_image, other), "does not give the manifest's image"),
                           (make_patch(other, self.image), "is for another old image")):
            self.offer(patch=patch)
            self.server.routes["/fw/1.4.3.bin"].close_headers = True
            device = self.start()
            device.expect(r"the patch %s: the whole image instead" % why)
            device.expect(r"no update \(network\)")
            result = self.stop()
            self.assertLessEqual(result["erases"], -(-len(patch) // SECTOR) + 4)
            self.assertEqual(self.slot("ota_0")[:SECTOR], b"\xff" * SECTOR)
            os.remove(self.flash)
            self.new_flash()
        self.server.reset()
        # What a damaged patch makes is noticed while it is made, though its own hash is right.
        bad = bytearray(self.patch)
        bad[len(bad) // 3] ^= 1
        self.offer(patch=bytes(bad))
        self.check_whole_instead(self.start(), NOT_THE_IMAGE)

    def test_wrong_block_falls_back_before_it_is_written(self):
        blocks = blocks_of(self.image, 16384)
        blocks["sha256"] = blocks["sha256"][:32] + "0" * 16 + blocks["sha256"][48:]
        self.offer(blocks=blocks)
        self.server.routes["/fw/1.4.3.bin"].close_headers = True
        device = self.start()
        device.expect(r"block 2 of what the patch gives is not the manifest's: the whole image instead")
        device.expect(r"no update \(network\)")
        self.stop()
        slot = self.slot("ota_0")
        self.assertTrue(slot[:11 * SECTOR] == self.image[:11 * SECTOR])
        self.assertEqual(slot[11 * SECTOR:12 * SECTOR], b"\xff" * SECTOR)

    def test_connection_lost_is_taken_up_at_the_byte(self):
        self.offer().close_after = 1500
        self.expect_installed(self.start())
        self.stop()
        self.check_by_patch()
        self.assertEqual([r.headers.get("range") for r in self.asked("/fw/patch")],
                         [None] + ["bytes=%d-" % n for n in range(1500, len(self.patch), 1500)])

    def test_power_cuts_cost_a_sector_each(self):
        self.offer().lockstep = True
        cuts = run_with_cuts(self.flash, self.server.plain_url("/fw/version.json"), "1.4.3", seed=1, cuts=12, most=16)
        self.assertEqual(cuts, 12)
        self.check_by_patch()
        fetched = sum(r.sent for r in self.asked("/fw/patch"))
        self.assertLessEqual(fetched, len(self.patch) + cuts * CUT_COSTS)


class Esp(PatchWorld):
    """A patch of Espressif's format serves as well."""

    format = ESP

    def test_patch_is_fetched_in_place_of_the_image(self):
        self.offer()
        device = self.start()
        device.expect(r"1\.4\.3 verified.*\(by a patch, %d bytes fetched for %d\)" % (len(self.patch), len(self.image)))
        self.expect_installed(device)
        self.stop()
        self.check_by_patch()


TABLE = """nvs,     data, nvs,     0x9000,  0x5000
otadata, data, ota,     0xe000,  0x2000
factory, app,  factory, 0x10000, %d
ota_0,   app,  ota_0,   %d,      %d
"""


def tight_table(image_size, sectors_behind):
    size = (-(-image_size // SECTOR) + sectors_behind) * SECTOR
    return TABLE % (size, 0x10000 + -(-size // 0x10000) * 0x10000, size)


class Streamed(PatchWorld):
    """A patch that does not fit behind the image."""

    factory_image = make_image("1.4.2", changes=100)
    image = make_image("1.4.3", changes=7000)
    bank = 7  # sectors that the decoder's state takes at most, twice
    table = tight_table(len(image), 2 * bank)

    def setUp(self):
        super().setUp()
        self.assertGreater(len(self.patch), 2 * self.bank * SECTOR)

    def check_each_sector_but_the_banks_is_erased_once(self):
        self.offer()
        device = self.start()
        device.expect(r"1\.4\.3 verified.*\(by a patch, %d bytes fetched for %d\)" % (len(self.patch), len(self.image)))
        self.expect_installed(device)
        result = self.stop()
        self.check_by_patch()
        image, saves = -(-len(self.image) // SECTOR), len(self.patch) // SECTOR
        self.assertGreaterEqual(result["erases"], image + (self.bank - 1) * saves)
        self.assertLessEqual(result["erases"], image + self.bank * saves + 8)
        self.assertLessEqual(result["max_wear"], saves // 2 + 2)

    def test_each_sector_but_the_banks_is_erased_once(self):
        self.check_each_sector_but_the_banks_is_erased_once()

    def test_power_cuts_cost_two_sectors_each(self):
        self.offer().lockstep = True
        cuts = run_with_cuts(self.flash, self.server.plain_url("/fw/version.json"), "1.4.3", seed=3, cuts=8, most=60)
        self.assertEqual(cuts, 8)
        self.check_by_patch()
        self.assertLessEqual(sum(r.sent for r in self.asked("/fw/patch")), len(self.patch) + cuts * CUT_COSTS)

    def test_damaged_patch_falls_back(self):
        damaged = bytearray(self.patch)
        damaged[len(damaged) // 2] ^= 1
        self.offer().body = bytes(damaged)
        self.check_whole_instead(self.start(), NOT_THE_IMAGE)

    def test_server_that_ignores_range_makes_it_fall_back(self):
        self.offer()
        answers = [Route(self.patch, close_after=30000), Route(self.patch, ranges="ignore")]
        self.server.routes["/fw/patch"] = lambda path, query: answers.pop(0) if answers else None
        self.check_whole_instead(self.start(), r"the server does not go on with the patch")


class StreamedEsp(Streamed):
    format = ESP
    bank = 2
    table = tight_table(len(Streamed.image), 2 * bank)

    test_power_cuts_cost_two_sectors_each = test_damaged_patch_falls_back = None
    test_server_that_ignores_range_makes_it_fall_back = None


class Packed(World):
    """No patch for this device, but the image in fewer bytes."""

    factory_image = agent.make_image("1.4.0")

    def test_whole_image_comes_compressed(self):
        text = " ".join(random.Random(3).choice(["lamp", "dim", "colour", "scene", "timer"]) for _ in range(90000))
        image = make_image("1.4.3", seed=text, body=text.encode())
        patch = make_patch(None, image)
        self.assertLess(len(patch), len(image) * 0.6)
        self.publish(image=image)
        manifest = json.loads(make_manifest("1.4.3", image))
        manifest.update(patches=[entry(None, patch)], blocks=blocks_of(image, 16384))
        self.server.routes["/fw/version.json"] = Route(json.dumps(manifest).encode(), content_type="application/json")
        self.server.routes["/fw/patch"] = Route(patch, lockstep=True)
        cuts = run_with_cuts(self.flash, self.server.plain_url("/fw/version.json"), "1.4.3", seed=2, cuts=5, most=120)
        self.assertEqual(cuts, 5)
        self.assertEqual(self.asked("/fw/1.4.3.bin"), [])
        self.assertTrue(self.slot("ota_0")[:len(image)] == image)


# ---- a device, and airlift's server ----------------------------------------------------------

class Served(server_world.Case):
    def server(self, *args):
        return super().server(*(args or ("--patches", "4")))

    old, new = make_image("1.4.2"), make_image("1.4.3")

    def publish(self, server, image):
        status, document = server.publish(image, product="lamp")
        self.assertEqual(status, 201, document)

    def manifest(self, server, running=None, formats=FORMATS, **headers):
        """As a device sees it that runs this; formats None: an agent from before formats had names."""
        if running:
            headers["Airlift-Running"] = sha256(running)
            if formats:
                headers["Airlift-Patch-Formats"] = formats
        status, _, body = server.call("GET", "/firmware/lamp/version.json", headers=headers)
        self.assertEqual(status, 200)
        return json.loads(body)

    def wait_for_patches(self, server, count, running=None, **headers):
        """Until the manifest offers so many."""
        until = time.monotonic() + agent.PATIENCE_S
        while time.monotonic() < until:
            patches = self.manifest(server, running, **headers).get("patches", [])
            if len(patches) == count:
                return patches
            time.sleep(0.1)
        self.fail("no %d patches: %s\n%s" % (count, patches, server_world.read(server.log.name)[-3000:]))

    def metrics(self, server):
        status, headers, body = server.call("GET", "/metrics", token=server.token)
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4"))
        lines = [l.rsplit(" ", 1) for l in body.decode().splitlines() if not l.startswith("#")]
        return {name: float(value) for name, value in lines}

    def new_device(self, image):
        self.flash = self.path("dev.bin")
        self.assertEqual(self.airlift("flash", "new", self.flash, "--table", "two_ota", "--factory",
                                      self.path("old.bin", image)).returncode, 0)

    def run_device(self, server):
        device = Device(self, server.url + "/firmware/lamp/version.json", server.cert)
        self.addCleanup(lambda: device.process.poll() is None and device.pull_the_plug())
        return device

    def test_device_updates_by_a_patch_that_the_server_made(self):
        server = self.server()
        self.publish(server, self.old)
        self.publish(server, self.new)
        patch, = [p for p in self.wait_for_patches(server, 1, self.old) if "from" in p]
        self.assertEqual((patch["from"], patch["from_size"], patch["format"]), (sha256(self.old), len(self.old), OWN))
        self.assertLess(patch["size"], len(self.new) // 10)
        self.assertEqual(self.manifest(server, self.old)["blocks"], blocks_of(self.new))
        self.assertEqual(patch["ram"], 20480)  # whatever this machine's pointers take
        before = self.metrics(server)
        self.new_device(self.old)
        device = self.run_device(server)
        device.expect(r"1\.4\.3 verified.*\(by a patch, %d bytes fetched" % patch["size"])
        device.expect(r"1\.4\.3 confirmed")
        device.switch_off()
        after = self.metrics(server)
        self.assertEqual(after['airlift_artifact_bytes_total{kind="patch"}'], patch["size"])
        self.assertEqual(after['airlift_artifact_bytes_total{kind="image"}'], before['airlift_artifact_bytes_total{kind="image"}'])
        self.assertEqual(after["airlift_saved_bytes_total"], len(self.new) - patch["size"])
        self.assertGreaterEqual(after['airlift_patches_total{result="made"}'], 1)
        self.assertEqual(after["airlift_patches_missing"], 0)
        status, _, body = server.call("GET", "/v1/stats", token=server.token)
        self.assertEqual((status, json.loads(body)["saved_bytes"]), (200, len(self.new) - patch["size"]))
        saved = {"product": "lamp", "version": "1.4.3", "image_bytes": 0, "patch_bytes": patch["size"],
                 "saved_bytes": len(self.new) - patch["size"]}
        self.assertEqual(json.loads(body)["releases"], [saved])
        access = ("--server", server.url, "--ca", server.cert)
        told = self.airlift("stats", *access, env={"AIRLIFT_TOKEN": server.token})
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertRegex(told.stdout, r"lamp +1\.4\.3 +0 +%d +%d +\d\d\.\d %%\n" % (patch["size"], saved["saved_bytes"]))
        told = self.airlift("stats", *access, "--json", env={"AIRLIFT_TOKEN": server.token})
        self.assertEqual(json.loads(told.stdout)["releases"], [saved])
        self.assertFailed(self.airlift("stats", *access, env={"AIRLIFT_TOKEN": "x" * 43}), "refused: ")
        told = self.airlift("releases", "lamp", *access, env={"AIRLIFT_TOKEN": server.token})
        self.assertIn("patch: %d bytes, from 1.4.2, %s, decoder takes 20480 bytes\n" % (patch["size"], OWN), told.stdout)
        label = '{product="lamp",version="1.4.3"}'
        self.assertEqual(after["airlift_release_saved_bytes_total" + label], saved["saved_bytes"])
        self.assertEqual(after["airlift_release_bytes_total" + label[:-1] + ',kind="patch"}'], patch["size"])
        # Totals outlive the server; the patch is there, too, and not made again.
        server.stop()
        server = self.server()
        self.wait_for_patches(server, 1, self.old)
        again = self.metrics_of(server)
        self.assertEqual(again["airlift_saved_bytes_total"], len(self.new) - patch["size"])
        self.assertEqual(again["airlift_release_saved_bytes_total" + label], len(self.new) - patch["size"])
        self.assertEqual(again['airlift_patches_total{result="made"}'], 0)
        stats = json.loads(server.call("GET", "/v1/stats", token=server.token)[2])
        self.assertEqual(sum(hour["saved_bytes"] for hour in stats["hours"]), len(self.new) - patch["size"])

    def metrics_of(self, server):
        server.token = self.servers[0].token
        return self.metrics(server)

    def test_patches_are_for_those_who_can_use_them(self):
        server = self.server()
        self.publish(server, self.old)
        self.publish(server, self.new)
        patches = self.wait_for_patches(server, 1)
        self.assertEqual(self.manifest(server, self.old)["patches"], patches)
        self.assertEqual([p for p in self.manifest(server, self.new).get("patches", []) if "from" in p], [])
        self.assertNotIn("patches", self.manifest(server, self.old, **{"Airlift-Patch-RAM": "10"}))
        self.assertNotIn("patches", self.manifest(server, self.old, formats="zip, airlift-delta-0"))
        self.assertNotIn("blocks", self.manifest(server, self.old, formats="zip, airlift-delta-0"))
        self.assertEqual(self.manifest(server, **{"Airlift-Running": "../../etc", "Airlift-Patch-Formats": OWN})["patches"],
                         patches)
        url = re.sub(r"https://[^/]+", "", patches[0]["url"])
        status, headers, body = server.call("GET", url, headers={"Range": "bytes=10-"})
        self.assertEqual((status, headers["Content-Range"]), (206, "bytes 10-%d/%d" % (patches[0]["size"] - 1, patches[0]["size"])))
        self.assertEqual(sha256(server.call("GET", url)[2]), patches[0]["sha256"])
        server.call("DELETE", "/v1/products/lamp/releases/1.4.3", token=server.token)
        self.assertEqual(server.call("GET", url)[0], 410)
        self.assertEqual([p for p in self.manifest(server).get("patches", []) if "from" in p], [])

    def test_devices_with_other_decoders_get_theirs(self):
        server = self.server()
        self.publish(server, self.old)
        self.publish(server, self.new)
        own, = self.wait_for_patches(server, 1, self.old)
        self.assertEqual((own["format"], own["ram"]), (OWN, 20480))
        # By asking: nobody had wanted such patches before. An agent of before names no format.
        esp, = self.wait_for_patches(server, 1, self.old, formats=None, **{"Airlift-Patch-RAM": "512"})
        self.assertEqual((esp["format"], esp["ram"]), (ESP, 512))
        small, = self.wait_for_patches(server, 1, self.old, formats=OWN, **{"Airlift-Patch-RAM": "12288"})
        self.assertEqual((small["format"], small["ram"]), (OWN, 12288))
        self.assertEqual([p["format"] for p in self.manifest(server, self.old)["patches"]], [OWN, OWN, ESP])
        result = self.airlift("delta", "apply", self.path("old.bin", self.old), self.path("small", server.call(
            "GET", re.sub(r"https://[^/]+", "", small["url"]))[2]), "-o", self.path("made.bin"))
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(self.path("made.bin"), "rb") as file:
            self.assertTrue(file.read() == self.new)

    def test_patch_that_was_being_made_when_the_server_was_killed_is_made(self):
        server = self.server()
        self.publish(server, self.old)
        large = [make_image(v, size=500000, changes=1500) for v in ("1.5.0", "1.5.1")]
        self.publish(server, large[0])
        self.publish(server, large[1])
        while 'patch_' not in server_world.read(server.log.name) and not self.metrics(server)["airlift_patches_missing"]:
            pass
        server.kill()
        server = self.server()
        from_large = [p for p in self.wait_for_patches(server, 1) if p.get("from") == sha256(large[0])]
        self.assertEqual(len(from_large), 1)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server_world.files_in(self.data, "incoming"), [])

    def test_damaged_patch_makes_the_device_take_the_image(self):
        server = self.server()
        self.publish(server, self.old)
        self.publish(server, self.new)
        patch, = [p for p in self.wait_for_patches(server, 1, self.old) if "from" in p]
        path = os.path.join(self.data, "artifacts", patch["sha256"])
        with open(path, "r+b") as file:
            file.seek(patch["size"] // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        self.new_device(self.old)
        device = self.run_device(server)
        device.expect(r"the patch's SHA-256 is not the manifest's: the whole image instead")
        device.expect(r"1\.4\.3 confirmed")
        device.switch_off()

    def test_no_patches_are_made_where_none_are_wanted(self):
        server = self.server("--patches", "0")
        self.publish(server, self.old)
        self.publish(server, self.new)
        self.assertEqual(self.metrics(server)["airlift_patches_missing"], 0)
        self.assertNotIn("patches", self.manifest(server, self.old))
        self.assertError(server.call("GET", "/metrics"), 401, "unauthorized")


# ---- power cuts ------------------------------------------------------------------------------

def run_with_cuts(flash, url, version, seed, cuts, most):
    """
    Switch the device on again and again. The power goes at an operation from 1 to `most` after each
    power-on, `cuts` times; then it stays. Ends when `version` runs, confirmed. Returns the cuts that came.
    """
    chance = random.Random(seed)
    env = dict(os.environ, AIRLIFT_AGENT_STABILISATION_S="0", AIRLIFT_AGENT_ATTEMPT_DELAY_S="0",
               AIRLIFT_AGENT_INTERVAL_S="5", AIRLIFT_AGENT_TIMEOUT_S="20", AIRLIFT_AGENT_HEALTH_TIMEOUT_S="60")
    done = 0
    for power_on in range(50 * cuts + 50):
        words = ["--power-cut", str(chance.randint(1, most))] if done < cuts else []
        process = subprocess.Popen([agent.AIRLIFT, "device", "run", flash, "--json", "--manifest-url", url, *words],
                                   env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace")
        finished = False
        log = []
        for line in process.stderr:
            log.append(line)
            if re.search(r"up to date: %s runs" % re.escape(version), line):
                finished = True
                process.terminate()
        result = json.loads(process.stdout.read())
        process.stdout.close()
        process.stderr.close()
        process.wait()
        if result["violations"]:
            raise AssertionError("a program needed a 1 where a 0 was:\n" + "".join(log))
        done += result["stop"] == "power_cut"
        if finished:
            return done
        if result["stop"] != "power_cut":
            raise AssertionError("the device stopped (%s):\n%s" % (result["stop"], "".join(log)))
    raise AssertionError("the update does not complete")


# ---- real firmware -----------------------------------------------------------------------------

PAIRS = {  # id: old file, new file, the new version
    "S1": ("wled-esp32-0.13.0", "wled-esp32-0.13.1", "0.13.1"),
    "S2": ("wled-esp32c3-0.14.1", "wled-esp32c3-0.14.2", "0.14.2"),
    "S3": ("wled-esp32c3-0.14.2", "wled-esp32c3-0.14.3", "0.14.3"),
    "S4": ("wled-esp32c3-0.14.2", "wled-esp32c3-0.15.0-b1", "0.15.0-b1"),
    "S5": ("fluidnc-esp32s3-wifi-4.0.0", "fluidnc-esp32s3-wifi-4.0.1", "4.0.1"),
    "S6": ("fluidnc-esp32-wifi-3.9.9", "fluidnc-esp32-wifi-4.0.0", "4.0.0"),
    "S7": ("fluidnc-esp32-noradio-3.9.8", "fluidnc-esp32-noradio-3.9.9", "3.9.9"),
    "S8": ("rtk-esp32-3.6", "rtk-esp32-3.7", "3.7.0"),
}
CORPUS_TABLE = """nvs,     data, nvs,   0x9000,  0x5000
otadata, data, ota,   0xe000,  0x2000
ota_0,   app,  ota_0, 0x10000, %d
ota_1,   app,  ota_1, %d, %d
"""
CUTS_PER_UPDATE = 25


def table(image_size, tight):
    """Two slots: large ones, or such that hold an image and two states of a decoder."""
    slot = (-(-image_size // SECTOR) + 14) * SECTOR if tight else 0x300000
    return CORPUS_TABLE % (slot, 0x10000 + -(-slot // 0x10000) * 0x10000, slot)


def update_with_cuts(directory, server, old_path, new, patch, version, seed, cuts, tight):
    """One update by `patch`. Returns (cuts that came, bytes of the patch fetched)."""
    flash, csv = os.path.join(directory, "dev.bin"), os.path.join(directory, "table.csv")
    with open(csv, "w") as file:
        file.write(table(max(os.path.getsize(old_path), len(new)), tight))
    subprocess.run([agent.AIRLIFT, "flash", "new", flash, "--size", "8MB", "--table", csv, "--factory", old_path],
                   check=True, stdout=subprocess.DEVNULL)
    server.reset()
    done = run_with_cuts(flash, server.plain_url("/fw/version.json"), version, seed, cuts, most=60)
    if any(r.path == "/fw/image" for r in server.requests):
        raise AssertionError("the whole image was fetched")
    slot = os.path.join(directory, "slot.bin")
    subprocess.run([agent.AIRLIFT, "flash", "read", flash, "--partition", "ota_1", slot], check=True,
                   stdout=subprocess.DEVNULL)
    with open(slot, "rb") as file:
        if file.read(len(new)) != new:
            raise AssertionError("the slot holds something else")
    os.remove(flash)
    return done, sum(r.sent for r in server.requests if r.path == "/fw/patch")


def update_pair(name, directory, firmware, server, cuts, tight):
    old_name, new_name, version = PAIRS[name]
    files = [os.path.join(firmware, f + ".bin") for f in (old_name, new_name)]
    old, new = (open(path, "rb").read() for path in files)
    patch = make_patch(old, new)
    manifest = {"version": version, "url": "image", "sha256": sha256(new), "size": len(new),
                "patches": [entry(old, patch)], "blocks": blocks_of(new)}
    server.routes["/fw/version.json"] = Route(json.dumps(manifest).encode(), content_type="application/json")
    server.routes["/fw/image"] = Route(new)
    server.routes["/fw/patch"] = Route(patch, lockstep=True)
    total_cuts = updates = worst = 0
    start = time.time()
    while total_cuts < cuts:
        done, fetched = update_with_cuts(directory, server, files[0], new, patch, version, seed=updates + 1,
                                         cuts=min(CUTS_PER_UPDATE, cuts - total_cuts), tight=tight)
        if fetched > len(patch) + done * CUT_COSTS:
            raise AssertionError("%s: %d bytes fetched for a patch of %d in %d cuts" % (name, fetched, len(patch), done))
        worst = max(worst, (fetched - len(patch)) / max(done, 1))
        total_cuts += done
        updates += 1
    print("%s  %7d  %6d (%4.1f %%)  %3d updates  %4d cuts  at most %4d bytes fetched twice per cut  %4d s" % (
        name, len(new), len(patch), 100 * len(patch) / len(new), updates, total_cuts, worst, time.time() - start),
        flush=True)
    return total_cuts


def corpus(firmware, cuts, tight):
    print("pair   image   patch")
    there = [name for name, files in PAIRS.items()
             if all(os.path.exists(os.path.join(firmware, f + ".bin")) for f in files[:2])]
    total = 0
    with FaultyServer() as server, tempfile.TemporaryDirectory(prefix="airlift-delta-") as directory:
        for i, name in enumerate(there):
            total += update_pair(name, directory, firmware, server, -(-(cuts - total) // (len(there) - i)), tight)
    print("%d power cuts; every update completed by its patch" % total)
    return 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    agent.AIRLIFT = server_world.AIRLIFT = os.path.join(os.path.abspath(sys.argv[1]), "bin", "airlift")
    if sys.argv[2:3] == ["--corpus"]:
        tight = sys.argv[-1] == "tight"
        sys.exit(corpus(sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 + tight else 500, tight))
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2, warnings="ignore")


if __name__ == "__main__":
    main()
