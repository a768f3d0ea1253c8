"""airlift keys and airlift image sign: blocks that another hand made and judges (tests/tools/signing),
keys with a passphrase, signatures from elsewhere, keys in a real token (SoftHSM). And devices with secure boot.

    python3 sign.py STAGE [test names]
"""

import hashlib
import json
import os
import pty
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools", "signing"))
import blocks  # noqa: E402

DATA = os.path.join(HERE, "..", "data", "signing")
AIRLIFT = None
TYPES = ("rsa3072", "ecdsa256", "ecdsa384")
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def data(name):
    return os.path.join(DATA, name)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, content):
    with open(path, "wb") as f:
        f.write(content)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="airlift-sign-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.env = dict(os.environ)

    def path(self, name):
        return os.path.join(self.dir, name)

    def run_it(self, *words, code=0):
        done = subprocess.run([AIRLIFT, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.env, start_new_session=True)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        if code == 1:
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True, env=self.env)

    def key(self, kind, name=None):
        path = self.path((name or kind) + ".pem")
        self.run_it("keys", "new", "--type", kind, "-o", path)
        return path

    def signed(self, *keys):
        out = self.path("signed.bin")
        words = [word for key in keys for word in ("--key", key)]
        self.run_it("image", "sign", *words, data("app.bin"), "-o", out)
        return out


class Keys(Case):
    def test_digests_are_those_of_the_vectors(self):
        for name, digest in json.loads(read(data("keys.json")))["keys"].items():
            if name == "p192":
                self.assertIn("too short", self.run_it("keys", "digest", data("p192.pem"), code=1))
                continue
            public = self.path(name + "-pub.pem")
            cert = self.path(name + "-cert.pem")
            self.run_it("keys", "public", data(name + ".pem"), "-o", public)
            self.openssl("req", "-new", "-x509", "-key", data(name + ".pem"), "-subj", "/CN=x", "-out", cert)
            for half in (data(name + ".pem"), public, cert):
                self.assertEqual(self.run_it("keys", "digest", half), digest + "\n")
            self.run_it("keys", "digest", public, "-o", self.path("digest.bin"))
            self.assertEqual(read(self.path("digest.bin")).hex(), digest)

    def test_new_keys_are_the_owners_alone_and_never_overwritten(self):
        for kind in TYPES:
            path = self.key(kind)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            said = json.loads(self.run_it("keys", "digest", path, "--json"))
            self.assertEqual(said["digest"], blocks.key_digest(blocks.load(path)).hex())
            before = read(path)
            self.assertIn("never overwritten", self.run_it("keys", "new", "-o", path, code=1))
            self.assertEqual(read(path), before)

    def test_a_passphrase_protects(self):
        write(self.path("right"), b"correct horse\n")
        write(self.path("wrong"), b"battery\n")
        write(self.path("empty"), b"\n")
        key = self.path("k.pem")
        self.run_it("keys", "new", "--encrypt", "--passphrase-file", self.path("right"), "-o", key)
        self.assertIn(b"BEGIN ENCRYPTED PRIVATE KEY", read(key))
        sign = ("image", "sign", "--key", key, data("app.bin"), "-o", self.path("s.bin"), "--passphrase-file")
        self.assertIn("passphrase is wrong", self.run_it(*sign, self.path("wrong"), code=1))
        self.assertIn("first line is empty", self.run_it(*sign, self.path("empty"), code=1))
        self.assertFalse(os.path.exists(self.path("s.bin")))
        self.run_it(*sign, self.path("right"))
        self.assertEqual(len(blocks.blocks(read(self.path("s.bin")))), 1)

    def test_other_keys_are_refused(self):
        key = self.path("k.pem")
        self.openssl("genrsa", "-out", key, "2048")
        self.assertIn("RSA-3072", self.run_it("keys", "digest", key, code=1))
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        self.assertIn("RSA-3072", self.run_it("keys", "digest", key, code=1))
        self.assertIn("neither", self.run_it("keys", "digest", data("app.bin"), code=1))
        self.assertIn("not a private key", self.run_it(
            "image", "sign", "--key", data("keys.json"), data("app.bin"), "-o", self.path("s"), code=1))


class Blocks(Case):
    def test_signed_here_judged_there(self):
        for kind in TYPES:
            key = self.key(kind)
            out = self.signed(key)
            self.assertEqual(len(read(out)), 12288)
            self.assertIsNone(blocks.verify(out, blocks.load(key)))
            self.assertEqual(blocks.blocks(read(out))[0][1200:1216], bytes(16))
            changed = bytearray(read(out))
            changed[100] ^= 1
            write(out, changed)
            self.assertIsNotNone(blocks.verify(out, blocks.load(key)))

    def test_signed_there_judged_here(self):
        names = {"rsa_a": "RSA-3072", "rsa_b": "RSA-3072", "p256_a": "ECDSA P-256", "p256_b": "ECDSA P-256",
                 "p384": "ECDSA P-384"}
        digests = json.loads(read(data("keys.json")))["keys"]
        for name, kind in names.items():
            path = self.path("s.bin")
            write(path, blocks.pad(read(data("app.bin"))) + read(data(name + ".sector")))
            self.run_it("image", "verify", path, "--key", data(name + ".pem"))
            self.run_it("image", "verify", path, "--digest", digests["p192"], "--digest", digests[name])
            other = "rsa_b" if name != "rsa_b" else "rsa_a"
            self.assertIn("not trusted", self.run_it("image", "verify", path, "--digest", digests[other], code=1))
            said = json.loads(self.run_it("image", "info", path, "--json"))
            self.assertEqual(said["signature_blocks"], [
                {"type": kind, "key_digest": digests[name], "valid": True, "reason": "signed"}])

    def test_all_but_the_signature_is_the_same(self):
        """Deterministic parts are bit for bit what the other hand makes."""
        for name in ("rsa_a", "p256_a", "p384"):
            self.signed(data(name + ".pem"))
            mine, theirs = read(self.path("signed.bin"))[8192:], read(data(name + ".sector"))
            at = {"rsa_a": (812, 1196), "p256_a": (101, 165), "p384": (149, 245)}[name]
            self.assertEqual(mine[:at[0]], theirs[:at[0]])
            self.assertNotEqual(mine[at[0]:at[1]], theirs[at[0]:at[1]])
            self.assertEqual(mine[at[1]:1196], theirs[at[1]:1196])
            self.assertEqual(mine[1200:], theirs[1200:])

    def test_up_to_three(self):
        out = self.signed(data("rsa_a.pem"))
        self.assertIn("--append", self.run_it("image", "sign", "--key", data("rsa_b.pem"), out, "-o", out, code=1))
        first = read(out)
        self.run_it("image", "sign", "--append", "--key", data("rsa_b.pem"), "--key", data("p384.pem"), out, "-o", out)
        self.assertEqual(read(out)[:8192 + 1216], first[:8192 + 1216])
        for name in ("rsa_a", "rsa_b", "p384"):
            self.assertIsNone(blocks.verify(out, blocks.load(data(name + ".pem"))))
            self.run_it("image", "verify", out, "--key", data(name + ".pem"))
        before = read(out)
        self.assertIn("room for three", self.run_it(
            "image", "sign", "--append", "--key", data("p256_a.pem"), out, "-o", out, code=1))
        self.assertIn("already", self.run_it(
            "image", "sign", "--append", "--key", data("rsa_b.pem"), out, "-o", out, code=1))
        self.assertEqual(read(out), before)

    def test_appending_to_a_changed_image_is_refused(self):
        out = self.signed(data("rsa_a.pem"))
        changed = bytearray(read(out))
        changed[8191] = 0
        write(out, changed)
        words = ("image", "sign", "--append", "--key", data("rsa_b.pem"), out, "-o", out)
        self.assertIn("was changed", self.run_it(*words, code=1))
        changed[8191] = 0xFF
        changed[8192 + 4] ^= 1  # the digest in the block
        write(out, changed)
        self.assertIn("damaged", self.run_it(*words, code=1))

    def test_strip_gives_back_the_image(self):
        out = self.signed(data("rsa_a.pem"))
        self.run_it("image", "strip-signature", out, "-o", self.path("plain.bin"))
        self.assertEqual(read(self.path("plain.bin")), read(data("app.bin")))
        write(out, read(data("app.bin")) + read(data("app_v1.sig")))
        self.assertIn("Secure Boot V1", self.run_it(
            "image", "sign", "--key", data("rsa_a.pem"), out, "-o", self.path("s.bin"), code=1))
        self.assertIn("Secure Boot V1", self.run_it("image", "verify", out, "--key", data("p256_a.pem"), code=1))
        self.run_it("image", "strip-signature", out, "-o", self.path("plain.bin"))
        self.assertEqual(read(self.path("plain.bin")), read(data("app.bin")))

    def test_only_the_first_block_counts_on_chips_of_one_key(self):
        write(self.path("s.bin"), blocks.pad(read(data("app.bin"))) + read(data("two.sector")))
        verify = ("image", "verify", self.path("s.bin"), "--chip", "esp32c3", "--key")
        self.run_it(*verify, data("rsa_b.pem"))
        app = bytearray(read(data("app.bin"))[:-32])
        app[12:14] = (12).to_bytes(2, "little")  # ESP32-C2
        write(self.path("c2.bin"), bytes(app) + hashlib.sha256(app).digest())
        self.run_it("image", "sign", "--key", data("p256_a.pem"), "--key", data("p256_b.pem"), self.path("c2.bin"),
                    "-o", self.path("c2s.bin"))
        verify = ("image", "verify", self.path("c2s.bin"), "--chip", "esp32c2", "--key")
        self.run_it(*verify, data("p256_a.pem"))
        self.assertIn("not trusted", self.run_it(*verify, data("p256_b.pem"), code=1))

    def test_data_that_is_no_image(self):
        write(self.path("table"), b"calibration" * 1000)
        words = ("image", "sign", "--key", data("p256_a.pem"), self.path("table"), "-o", self.path("t.bin"))
        self.assertIn("--data", self.run_it(*words, code=1))
        self.run_it(*words, "--data")
        self.assertIsNone(blocks.verify(self.path("t.bin"), blocks.load(data("p256_a.pem"))))
        self.run_it("image", "sign", "--data", "--append", "--key", data("p256_b.pem"), self.path("t.bin"), "-o",
                    self.path("t.bin"))
        self.assertEqual(len(blocks.blocks(read(self.path("t.bin")))), 2)


class Elsewhere(Case):
    def test_signed_elsewhere_and_brought_back(self):
        digests = json.loads(self.run_it("image", "digest", data("app.bin"), "--json"))
        known = json.loads(read(data("keys.json")))
        self.assertEqual((digests["sha256"], digests["sha384"]), (known["sha256"], known["sha384"]))
        out, sig, digest = self.path("out.bin"), self.path("sig"), self.path("digest")
        for name, kind, md in (("rsa_a", "rsa3072", "sha256"), ("p256_a", "ecdsa256", "sha256"),
                               ("p384", "ecdsa384", "sha384")):
            pss = ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32"] if name == "rsa_a" else []
            self.run_it("image", "digest", data("app.bin"), "--type", kind, "-o", digest)
            self.openssl("pkeyutl", "-sign", "-inkey", data(name + ".pem"), "-in", digest, "-out", sig,
                         "-pkeyopt", "digest:" + md, *pss)
            public = self.path("pub.pem")
            self.run_it("keys", "public", data(name + ".pem"), "-o", public)
            attach = ("image", "attach-signature", "--pub-key", public, "--signature", sig, data("app.bin"), "-o", out)
            self.run_it(*attach)
            self.assertIsNone(blocks.verify(out, blocks.load(public)))
            raw = bytearray(read(sig))
            raw[-1] ^= 1
            write(sig, raw)
            os.remove(out)
            self.assertIn("does not fit", self.run_it(*attach, code=1))
            self.assertFalse(os.path.exists(out))

    def test_a_signer_that_hashes_by_itself(self):
        content, sig = self.path("content"), self.path("sig")
        self.run_it("image", "digest", data("app.bin"), "--content", content)
        self.assertEqual(read(content), blocks.pad(read(data("app.bin"))))
        self.openssl("dgst", "-sha256", "-sign", data("p256_a.pem"), "-out", sig, content)
        self.run_it("image", "attach-signature", "--pub-key", data("p256_a.pem"), "--signature", sig,
                    data("app.bin"), "-o", self.path("out.bin"))

    def test_a_salt_of_another_length_is_refused(self):
        digest, sig = self.path("digest"), self.path("sig")
        self.run_it("image", "digest", data("app.bin"), "-o", digest)
        self.openssl("pkeyutl", "-sign", "-inkey", data("rsa_a.pem"), "-in", digest, "-out", sig, "-pkeyopt",
                     "digest:sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:20")
        self.assertIn("salt of 32", self.run_it(
            "image", "attach-signature", "--pub-key", data("rsa_a.pem"), "--signature", sig, data("app.bin"), "-o",
            self.path("out.bin"), code=1))


class Token(Case):
    """A real PKCS #11 token: SoftHSM, through the engine that Debian has."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("tokens"))
        write(self.path("softhsm.conf"), b"directories.tokendir = " + self.path("tokens").encode() + b"\n")
        self.env.update(SOFTHSM2_CONF=self.path("softhsm.conf"), PKCS11_MODULE_PATH=SOFTHSM)
        self.tool("softhsm2-util", "--init-token", "--free", "--label", "release", "--pin", "1234", "--so-pin", "12345678")
        write(self.path("pin"), b"1234\n")

    def tool(self, *words):
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, env=self.env)

    def test_a_key_in_a_token_signs(self):
        for kind, label in (("rsa:3072", "fw-rsa"), ("EC:prime256v1", "fw-p256"), ("EC:secp384r1", "fw-p384")):
            self.tool("pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", "1234", "--keypairgen", "--key-type",
                      kind, "--label", label, "--id", {"fw-rsa": "01", "fw-p256": "02", "fw-p384": "03"}[label])
            uri = "pkcs11:token=release;object=" + label
            out, public = self.path("s.bin"), self.path("pub.pem")
            self.run_it("image", "sign", "--key", uri + ";type=private", "--passphrase-file", self.path("pin"),
                        data("app.bin"), "-o", out)
            self.run_it("keys", "public", uri, "--passphrase-file", self.path("pin"), "-o", public)
            self.assertIsNone(blocks.verify(out, blocks.load(public)))
            self.run_it("image", "verify", out, "--key", public)
            self.assertEqual(self.run_it("keys", "digest", uri + "?pin-value=1234"),
                             self.run_it("keys", "digest", public))

    def test_a_key_that_is_not_there_is_said(self):
        # libp11 0.4.12 loses its method tables (RSA_meth_dup) where no key was found; other tests look for leaks.
        self.env["ASAN_OPTIONS"] = ":".join(filter(None, [self.env.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        self.assertIn("no such private key", self.run_it(
            "image", "sign", "--key", "pkcs11:token=release;object=nothing", "--passphrase-file", self.path("pin"),
            data("app.bin"), "-o", self.path("s.bin"), code=1))


class SecureBoot(Case):
    """A device's eFuses: burnt as espefuse.py would, and asked at each boot."""

    def setUp(self):
        super().setUp()
        self.flash = self.path("dev.bin")
        keys = json.loads(read(data("keys.json")))["keys"]
        self.a, self.b = keys["p256_a"], keys["p256_b"]
        for name in ("p256_a", "p256_b"):
            self.run_it("image", "sign", "--key", data(name + ".pem"), data("app.bin"), "-o", self.path(name))
        self.run_it("flash", "new", self.flash, "--size", "4MB", "--table", "two_ota", "--chip", "esp32c3",
                    "--factory", self.path("p256_a"))

    def put(self, slot, image):
        self.run_it("flash", "write", self.flash, "--partition", "ota_%d" % slot, image)
        self.run_it("otadata", "switch", self.flash, "--slot", str(slot))

    def efuse(self, *words, code=0):
        return self.run_it("device", "efuse", self.flash, *words, code=code)

    def burn(self, *words):
        return json.loads(self.efuse(*words, "--yes", "--json"))

    def refused(self, *words, says, yes=True):
        before = read(self.flash + ".json")
        self.assertIn(says, self.efuse(*words, *(["--yes"] if yes else []), code=1))
        self.assertEqual(read(self.flash + ".json"), before)

    def boot(self):
        return json.loads(self.run_it("boot", self.flash, "--dry-run", "--json"))

    def trust(self):
        for digest in (self.a, self.b):
            self.burn("burn-key-digest", digest)
        self.burn("enable-secure-boot")

    def test_keys_go_to_the_next_place_and_only_once(self):
        self.assertEqual(self.efuse("show"), self.efuse())
        self.assertIn("key 2           -\n", self.efuse())
        done = self.burn("burn-key-digest", data("p256_a.pem"))
        self.assertTrue(done["burnt"])
        self.assertEqual(done["keys"][0], {"digest": self.a, "revoked": False})
        again = self.burn("burn-key-digest", self.a)
        self.assertFalse(again["burnt"])
        self.assertEqual(again["keys"], done["keys"])
        self.burn("revoke", "1")  # a place that shall stay empty
        self.assertEqual([key["digest"] for key in self.burn("burn-key-digest", self.b)["keys"]], [self.a, None, self.b])
        self.refused("burn-key-digest", data("rsa_a.pem"), says="no place is left")
        self.refused("burn-key-digest", self.path("none.pem"), says="none.pem")
        self.refused("burn-key-digest", "0" * 64, says="no place is left")

    def test_chips_of_one_key(self):
        self.run_it("flash", "new", self.path("c2.bin"), "--size", "2MB", "--table", "singleapp", "--chip", "esp32c2")
        self.flash = self.path("c2.bin")
        self.burn("burn-key-digest", self.a)
        self.refused("burn-key-digest", self.b, says="no place is left for a key: esp32c2 has 1")
        self.refused("revoke", "0", says="esp32c2 can't revoke a key")

    def test_what_would_stop_the_device_is_not_burnt(self):
        self.refused("enable-secure-boot", says="nothing would boot any more: signed with a key that is not trusted")
        self.run_it("flash", "new", self.path("empty.bin"), "--size", "4MB", "--table", "two_ota", "--chip", "esp32c3")
        self.run_it("device", "efuse", self.path("empty.bin"), "burn-key-digest", self.a, "--yes")
        self.assertIn("nothing would boot", self.run_it("device", "efuse", self.path("empty.bin"), "enable-secure-boot",
                                                        "--yes", code=1))
        self.trust()
        self.refused("revoke", "0", says="nothing would boot any more: signed with a key that was revoked")
        self.put(1, self.path("p256_b"))
        self.assertEqual(self.boot()["boot"], "ota_1")
        self.refused("revoke", "1", says="ota_1 would not boot any more: signed with a key that was revoked")
        self.burn("revoke", "0")
        self.refused("burn-key-digest", self.a, says="this is key 0, which was revoked")
        self.refused("revoke", "1", says="no key would be left")
        self.assertTrue(self.burn("revoke", "1", "--force")["keys"][1]["revoked"])
        self.assertIn("nothing boots: no_bootable_app", self.run_it("boot", self.flash, "--json", code=1))

    def test_secure_version_only_rises(self):
        self.assertEqual(self.burn("secure-version", "2")["secure_version"], 2)
        self.assertFalse(self.burn("secure-version", "2")["burnt"])
        self.refused("secure-version", "1", says="2 is burnt already")
        self.refused("secure-version", "17", says="esp32c3 holds at most 16")

    def test_the_bootloader_says_who_was_refused_and_why(self):
        self.trust()
        self.put(0, self.path("p256_a"))
        self.put(1, self.path("p256_b"))
        self.burn("revoke", "1", "--force")
        said = self.boot()
        self.assertEqual((said["boot"], said["reason"]), ("ota_0", "fallback"))
        self.assertEqual(said["tried"], [{"app": "ota_1", "verdict": "signed with a key that was revoked"},
                                         {"app": "ota_0", "verdict": "good"}])
        self.assertIn("ota_1 refused: signed with a key that was revoked\n", self.run_it("boot", self.flash, "--dry-run"))
        done = subprocess.run([AIRLIFT, "device", "run", self.flash, "--max-boots", "1"], capture_output=True, text=True,
                              env=dict(self.env, AIRLIFT_REFERENCE_AGENT="/bin/true"), timeout=60, check=True)
        self.assertRegex(done.stdout + done.stderr, r"W \(\d+\) secure_boot_v2: ota_1 app skipped: signed with a key that "
                         r"was revoked\n(.*\n)*I \(\d+\) secure_boot_v2: signature verified: ECDSA P-256, key 0\n")
        self.put(1, data("app.bin"))
        self.assertEqual(self.boot()["tried"][0], {"app": "ota_1", "verdict": "not signed"})
        status = json.loads(self.run_it("device", "status", self.flash, "--json"))
        self.assertTrue(status["secure_boot"])
        self.assertEqual(status["keys"][:2], [{"digest": self.a, "revoked": False}, {"digest": self.b, "revoked": True}])
        self.assertEqual({app["label"]: app["error"] for app in status["apps"]},
                         {"factory": None, "ota_0": None, "ota_1": "not signed"})
        self.assertIn("secure boot on, key 0 %s..., key 1 %s... (revoked)\n" % (self.a[:12], self.b[:12]),
                      self.run_it("device", "status", self.flash))

    def test_burning_is_asked_for(self):
        self.refused("burn-key-digest", self.a, says="burning can't be undone; --yes", yes=False)
        for answer, code in (("yes\n", 1), ("BURN\n", 0)):
            master, terminal = pty.openpty()
            os.write(master, answer.encode())
            done = subprocess.run([AIRLIFT, "device", "efuse", self.flash, "burn-key-digest", self.a], stdin=terminal,
                                  capture_output=True, text=True, env=self.env, check=False)
            os.close(master)
            os.close(terminal)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn("key 0: " + self.a, done.stderr)
            self.assertEqual("not burnt" in done.stderr, code == 1)
        self.assertIn("key 0           " + self.a, self.efuse())

    def test_usage(self):
        for words, says in (((), "name one flash file"), ((self.flash, "revok", "0"), "did you mean revoke?"),
                            ((self.flash, "9"), "is none of show, "), ((self.flash, "revoke"), "name a key's number"),
                            ((self.flash, "revoke", "3"), "is not a key's number"),
                            ((self.flash, "secure-version", "x"), "is not a number"),
                            ((self.flash, "enable-secure-boot", "now"), "name nothing more")):
            self.assertIn(says, self.run_it("device", "efuse", *words, code=2))


if __name__ == "__main__":
    AIRLIFT = os.path.join(sys.argv.pop(1), "bin", "airlift")
    unittest.main(verbosity=2)
