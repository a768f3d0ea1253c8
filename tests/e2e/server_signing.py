"""Signed images on the server: who may publish, who signed, what could leave devices behind. Part of server.py."""

import hashlib
import json
import os
import subprocess
import urllib.parse
import zlib

import server_world as world
from server_world import ESP32, Case, make_image
from signing_world import DATA, DIGEST, key, sign, signers


class World(Case):
    def signed(self, image, *keys):
        return sign(world.AIRLIFT, image, *keys)


class Signing(World):
    def test_only_images_with_the_right_signature_are_taken(self):
        public = self.path("rsa-pub.pem")
        subprocess.run([world.AIRLIFT, "keys", "public", key("rsa_a"), "-o", public], check=True)
        s = self.server("--require-signature", DIGEST["p256_a"], "--require-signature", public)
        plain = make_image("1.0.0")
        self.assertError(s.publish(plain), 422, "signature_required", "the image is not signed;")
        other = self.signed(plain, "p256_b")
        self.assertError(s.publish(other), 422, "signature_required", "key that is not trusted")
        self.assertError(s.publish(plain + bytes(68)), 422, "signature_required", "V1")
        self.assertEqual(os.listdir(os.path.join(self.data, "artifacts")), [])
        status, release = s.publish(self.signed(plain, "p256_b", "p256_a"))
        self.assertEqual((status, release["signers"]), (201, signers("p256_b", "p256_a")))
        self.assertEqual(s.publish(self.signed(make_image("1.1.0"), "rsa_a"), "other")[1]["signers"], signers("rsa_a"))
        # An ESP32 looks at the first block only.
        image = make_image("1.0.0", chip=ESP32)
        self.assertError(s.publish(self.signed(image, "p256_b", "p256_a"), "esp32"), 422, "signature_required", "not trusted")
        self.assertEqual(s.publish(self.signed(image, "p256_a", "p256_b"), "esp32")[0], 201)

    def test_wrong_signatures_are_refused_by_every_server(self):
        s, plain = self.server(), make_image("1.0.0")
        good = self.signed(plain, "p256_a", "p256_b")
        sector = len(good) - 4096
        for off, why in ((sector + 110, "damaged"), (sector - 1, "other bytes"), (sector + 1216, "damaged"), (sector + 4000, "damaged")):
            bad = bytearray(good)
            bad[off] ^= 1
            self.assertError(s.publish(bytes(bad)), 422, "bad_signature", "")
        self.assertError(s.publish(good[:-1]), 422, "bad_image", "")
        # A block that is intact, with a signature that is not its key's.
        forged = bytearray(good)
        forged[sector + 110] ^= 1
        forged[sector + 1196:sector + 1200] = zlib.crc32(forged[sector:sector + 1196]).to_bytes(4, "little")
        self.assertError(s.publish(bytes(forged)), 422, "bad_signature", "")
        # A block of another image, intact in itself.
        alien = self.signed(make_image("2.0.0"), "p256_a")
        self.assertError(s.publish(good[:sector] + alien[-4096:]), 422, "bad_signature", "")
        self.assertEqual(s.publish(good)[0], 201)

    def test_the_whole_file_is_stored_served_and_named(self):
        s, plain = self.server(), make_image("1.0.0")
        image = self.signed(plain, "rsa_b", "p384")
        status, release = s.publish(image, "lamp")
        self.assertEqual((status, release["size"], release["sha256"]), (201, len(image), hashlib.sha256(image).hexdigest()))
        self.assertBody(s.call("GET", "/firmware/lamp/1.0.0.bin"), 200, image)
        self.assertBody(s.call("GET", "/v1/artifacts/" + release["sha256"]), 200, image)
        self.assertBody(s.call("GET", "/firmware/lamp/1.0.0.bin", headers={"Range": "bytes=-4096"}), 206, image[-4096:])
        manifest = json.loads(s.call("GET", "/firmware/lamp/version.json")[2])
        self.assertEqual((manifest["size"], manifest["sha256"], manifest["secure_version"], manifest["signers"]),
                         (len(image), release["sha256"], 0, signers("rsa_b", "p384")))
        self.assertEqual(json.loads(s.call("GET", "/v1/products/lamp/releases")[2])["releases"], [release])
        # Arduino's device names its image by the hash inside, which is not the file's end.
        device = {"x-ESP32-STA-MAC": "24:0A:C4:00:00:01", "x-ESP32-mode": "sketch"}
        self.assertBody(s.call("GET", "/firmware/lamp/update", headers=device), 200, image)
        has = dict(device, **{"x-ESP32-sketch-sha256": plain[-32:].hex()})
        self.assertEqual(s.call("GET", "/firmware/lamp/update", headers=has)[0], 304)
        # `airlift image info` has the same names.
        info = json.loads(self.airlift("image", "info", self.path("signed.bin", image), "--json").stdout)
        self.assertEqual([{k: b[k] for k in ("type", "key_digest", "valid")} for b in info["signature_blocks"]], release["signers"])

    def test_kinds_that_are_not_checked_are_named(self):
        with open(os.path.join(DATA, "app.bin"), "rb") as app, open(os.path.join(DATA, "p192.sector"), "rb") as sector:
            image = app.read()
            image += b"\xff" * (-len(image) % 4096) + sector.read()
        status, release = self.server().publish(image)
        self.assertEqual((status, release["signers"]), (201, [{"type": "ECDSA P-192", "key_digest": DIGEST["p192"], "valid": False}]), release)
        strict = self.server("--require-signature", DIGEST["p192"], data=os.path.join(self.dir, "strict"))
        self.assertError(strict.publish(image), 422, "signature_required", "")

    def test_wrong_keys_are_told(self):
        for value, contains in (("beef", "beef"), (key("p192"), "too short")):
            self.assertFailed(self.airlift("serve", "--data", self.data, "--require-signature", value), contains)


class Check(World):
    """GET /v1/products/P/check: what publishing would be answered, before the bytes are sent."""

    def check(self, s, image, version, product="demo", chip="linux", token=True, **query):
        query = dict({"version": version, "chip": chip, "sha256": hashlib.sha256(image).hexdigest()}, **query)
        status, _, data = s.call("GET", f"/v1/products/{product}/check", token=s.token if token is True else token,
                                 query=urllib.parse.urlencode(query))
        return status, json.loads(data)

    def test_it_answers_as_publishing_does(self):
        s = self.server()
        first, both = self.signed(make_image("1.0.0"), "p256_a"), f"{DIGEST['p256_b']},{DIGEST['p256_a']}"
        self.assertEqual(self.check(s, first, "1.0.0", signers=DIGEST["p256_a"]),
                         (200, {"product": "demo", "version": "1.0.0", "exists": False}))
        s.publish(first)
        self.assertEqual(self.check(s, first, "1.0.0", signers=DIGEST["p256_a"])[1]["exists"], True)
        self.assertError(self.check(s, b"other", "1.0.0"), 409, "version_exists", "other bytes")
        self.assertError(self.check(s, b"other", "1.1.0", chip="esp32"), 409, "wrong_chip", "esp32")
        self.assertError(self.check(s, b"other", "1.1.0"), 409, "needs_confirmation", "it is not signed, but 1.0.0 is")
        self.assertError(self.check(s, b"other", "1.1.0", signers="-"), 409, "needs_confirmation", "not signed")
        self.assertError(self.check(s, b"other", "1.1.0", signers=both, secure_version=2), 409, "needs_confirmation", "can't go back")
        self.assertEqual(self.check(s, b"other", "1.1.0", signers=both)[0], 200)
        status, answer = self.check(s, b"other", "1.1.0", confirm="true")
        self.assertEqual((status, len(answer["warnings"])), (200, 1))
        listed = json.loads(s.call("GET", "/v1/products/demo/releases")[2])["releases"]
        self.assertEqual([r["version"] for r in listed], ["1.0.0"])

    def test_nonsense_is_refused(self):
        s, d = self.server(), "0" * 64
        self.assertError(self.check(s, b"", "1.0.0", token="no"), 401, "unauthorized")
        for more in ({"chip": "z80"}, {"sha256": "beef"}, {"secure_version": "-1"}, {"secure_version": "4294967296"}, {"secure_version": ""},
                     {"secure_version": "1x"}, {"signers": d + ","}, {"signers": "," + d}, {"signers": "beef"},
                     {"signers": ",".join([d] * 4)}, {"confirm": "maybe"}):
            self.assertError(self.check(s, b"", "1.0.0", **more), 400, "bad_request")
        self.assertError(self.check(s, b"", "latest"), 400, "bad_version")
        self.assertError(self.check(s, b"", "1.0.0", notes="\x1b[2J"), 400, "bad_notes")
        self.assertEqual(self.check(s, b"", "1.0.0", signers=",".join([d, "-", d]), secure_version="0")[0], 200)

    def test_a_server_that_asks_for_signatures_says_so(self):
        s = self.server("--require-signature", DIGEST["p256_a"])
        for keys in ("", "-", DIGEST["p256_b"]):
            self.assertError(self.check(s, b"", "1.0.0", signers=keys), 422, "signature_required")
        both = f"{DIGEST['p256_b']},{DIGEST['p256_a']}"
        self.assertEqual(self.check(s, b"", "1.0.0", signers=both)[0], 200)
        self.assertError(self.check(s, b"", "1.0.0", signers=both, chip="esp32"), 422, "signature_required", "not trusted")


class Releases(World):
    """airlift releases."""

    def releases(self, s, *words):
        return self.airlift("releases", *words, "--server", s.url, "--ca", s.cert, env={"AIRLIFT_TOKEN": s.token})

    def test_lists_versions_signers_and_what_devices_run(self):
        s = self.server()
        done = self.releases(s)
        self.assertEqual((done.returncode, done.stdout), (0, "nothing is published yet: airlift publish\n"))
        first = self.signed(make_image("1.0.0"), "p256_a", "rsa_a")
        s.publish(first, "lamp"), s.publish(make_image("1.1.0"), "lamp", query="confirm=true&mandatory=true")
        s.publish(make_image("0.9.0", chip=ESP32), "clock")
        s.call("DELETE", "/v1/products/clock/releases/0.9.0", token=s.token)
        s.call("GET", "/firmware/lamp/version.json", headers={"Airlift-Running": hashlib.sha256(first).hexdigest()})
        done = self.releases(s)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        day = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        lines = done.stdout.splitlines()
        self.assertEqual((lines[0], lines[4]), ("clock (esp32)", "lamp (linux)"))
        self.assertRegex(lines[2], rf"^  0\.9\.0 +\d+  {day} +0  -  +withdrawn$")
        self.assertRegex(lines[6], rf"^  1\.1\.0 +\d+  {day} +0  -  +newest, mandatory$")
        self.assertRegex(lines[7], rf"^  1\.0\.0 +{len(first)}  {day} +\d+  {day[:-11]}:00:00Z *$")
        self.assertEqual([line.strip() for line in lines[8:]],
                         [f"signed: ECDSA P-256, key {DIGEST['p256_a']}", f"signed: RSA-3072, key {DIGEST['rsa_a']}"])
        product, = json.loads(self.releases(s, "lamp", "--json").stdout)["products"]
        self.assertEqual([(r["version"], r["signers"]) for r in product["releases"]],
                         [("1.1.0", []), ("1.0.0", signers("p256_a", "rsa_a"))])

    def test_what_is_wrong_is_told(self):
        s = self.server()
        self.assertFailed(self.releases(s, "lamp"), "no product lamp")
        self.assertFailed(self.releases(s, "lamp", "clock"), "one product", 2)
        self.assertFailed(self.airlift("releases", "--server", s.url, "--ca", s.cert, env={"AIRLIFT_TOKEN": "no"}), "not the admin token")


class Risks(World):
    """What could leave devices behind has to be confirmed."""

    def refused(self, s, image, contains, **more):
        self.assertError(s.publish(image, **more), 409, "needs_confirmation", contains)

    def test_keys_are_not_lost_by_accident(self):
        s = self.server()
        self.assertEqual(s.publish(make_image("1.0.0"))[0], 201)
        self.assertEqual(s.publish(self.signed(make_image("1.1.0"), "p256_a"))[0], 201)
        self.refused(s, make_image("1.2.0"), "it is not signed, but 1.1.0 is")
        self.refused(s, self.signed(make_image("1.2.0"), "p256_b"), "none of the keys of 1.1.0")
        both = self.signed(make_image("1.2.0"), "p256_b", "p256_a")
        self.assertEqual(s.publish(both)[0], 201)
        only_new = self.signed(make_image("1.3.0"), "p256_b")
        self.refused(s, only_new, f"not signed with key {DIGEST['p256_a']}, as 1.2.0 is")
        status, release = s.publish(only_new, query="confirm=true")
        self.assertEqual((status, len(release["warnings"])), (201, 1))
        self.assertEqual(s.publish(only_new)[0], 200)  # it stands
        self.assertEqual(s.publish(self.signed(make_image("1.4.0"), "p256_b"))[0], 201)
        # What was withdrawn is not what devices run.
        s.call("DELETE", "/v1/products/demo/releases/1.3.0", token=s.token)
        s.call("DELETE", "/v1/products/demo/releases/1.4.0", token=s.token)
        self.assertEqual(s.publish(self.signed(make_image("1.5.0"), "p256_b", "p256_a"))[0], 201)
        s.call("DELETE", "/v1/products/demo/releases/1.5.0", token=s.token)
        s.call("DELETE", "/v1/products/demo/releases/1.2.0", token=s.token)
        self.assertEqual(s.publish(self.signed(make_image("1.6.0"), "p256_a"))[0], 201)
        self.assertError(s.publish(only_new, query="confirm=maybe"), 400, "bad_request", "confirm")

    def test_an_esp32_needs_its_key_in_front(self):
        s = self.server()
        self.assertEqual(s.publish(self.signed(make_image("1.0.0", chip=ESP32), "p256_a"))[0], 201)
        self.refused(s, self.signed(make_image("1.1.0", chip=ESP32), "p256_b", "p256_a"), "none of the keys")
        self.assertEqual(s.publish(self.signed(make_image("1.1.0", chip=ESP32), "p256_a", "p256_b"))[0], 201)
        self.assertEqual(s.publish(self.signed(make_image("1.2.0", chip=ESP32), "p256_a"))[0], 201)

    def test_secure_versions_are_confirmed(self):
        s = self.server()
        self.refused(s, make_image("1.0.0", secure_version=17), "more than the eFuses of linux can count (16)")
        self.assertEqual(s.publish(make_image("1.0.0", secure_version=1))[0], 201)
        self.refused(s, make_image("1.1.0", secure_version=2), "can't go back")
        self.assertEqual(s.publish(make_image("1.1.0", secure_version=2), query="confirm=true")[0], 201)
        # Devices have burnt it, also when the release is gone.
        s.call("DELETE", "/v1/products/demo/releases/1.1.0", token=s.token)
        self.refused(s, make_image("1.2.0", secure_version=1), "lower than 2, that of 1.1.0")
        self.assertEqual(s.publish(make_image("1.2.0", secure_version=2))[0], 201)

    def test_the_command_asks_for_yes(self):
        s = self.server()

        def publish(image, *words):
            return self.airlift("publish", self.path("app.bin", image), "-p", "demo", "--server", s.url, "--ca", s.cert,
                                *words, env={"AIRLIFT_TOKEN": s.token})

        done = publish(self.signed(make_image("1.0.0"), "p256_a"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"signed: ECDSA P-256, key {DIGEST['p256_a']}\n", done.stdout)
        self.assertFailed(publish(make_image("1.1.0", secure_version=3)), "it is not signed, but 1.0.0 is")
        self.assertFailed(publish(make_image("1.0.0")), "version 1.0.0 exists with other bytes")
        done = publish(make_image("1.1.0", secure_version=3), "--yes")
        self.assertEqual((done.returncode, done.stderr.count("airlift: warning: ")), (0, 2), done)
        self.assertFailed(publish(make_image("1.2.0", secure_version=2)), "give --yes")
        bad = bytearray(self.signed(make_image("1.3.0", secure_version=3), "p256_a"))
        bad[-4096 + 110] ^= 1
        self.assertFailed(publish(bytes(bad)), "its signature is not right")
        self.assertEqual(s.stop(), 0)
        self.assertEqual(world.read(s.log.name).count("method=POST"), 2)  # the question came before the bytes
