"""airlift provision: NVS partitions, read here by the format's description; devices in bulk.

    python3 provision.py STAGE [test names]
"""

import csv
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

AIRLIFT = None


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF)


def read_nvs(data):
    """{(namespace, key): value} of a partition; every CRC is checked on the way."""
    names, values, chunks = {}, {}, {}
    for at in range(0, len(data), 4096):
        page = data[at:at + 4096]
        if page == b"\xff" * 4096:
            continue
        assert page[8] == 0xFE and crc(page[4:28]) == struct.unpack("<I", page[28:32])[0]
        i = 0
        while i < 126:
            if page[32 + i // 4] >> (i % 4 * 2) & 3 != 2:
                i += 1
                continue
            e = page[64 + 32 * i:96 + 32 * i]
            ns, kind, span, chunk = e[:4]
            assert crc(e[:4] + e[8:32]) == struct.unpack("<I", e[4:8])[0]
            key, value = e[8:24].rstrip(b"\0").decode(), e[24:]
            if kind in (0x21, 0x42):
                size, check = struct.unpack("<H2xI", value)
                body = page[96 + 32 * i:][:size]
                assert crc(body) == check
                if kind == 0x21:
                    values[ns, key] = body[:-1].decode()
                else:
                    chunks[ns, key, chunk] = body
            elif kind == 0x48:
                size, count, start = struct.unpack("<IBB", value[:6])
                values[ns, key] = b"".join(chunks[ns, key, start + n] for n in range(count))
                assert len(values[ns, key]) == size
            else:
                number = int.from_bytes(value[:kind & 15], "little", signed=bool(kind & 16))
                if ns == 0:
                    names[number] = key
                else:
                    values[ns, key] = number
            i += span
    return {(names[ns], key): value for (ns, key), value in values.items()}


class World(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="airlift-provision-")
        self.addCleanup(shutil.rmtree, self.dir)

    def run_airlift(self, *args):
        return subprocess.run([AIRLIFT, *args], capture_output=True, text=True, cwd=self.dir, timeout=120)

    def provision(self, *args):
        return self.run_airlift("provision", *args)

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name):
        with open(os.path.join(self.dir, name), "rb") as f:
            return f.read()

    def assertDone(self, result):
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def assertFailed(self, result, contains, code=1):
        self.assertEqual((result.returncode, result.stdout), (code, ""), result)
        self.assertIn(contains, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)


class Nvs(World):
    def test_all_types_and_encodings(self):
        self.file("blob.bin", bytes(range(256)) * 20)  # more than a page
        self.file("cert.pem", "-----BEGIN\nline, \"two\"\n")
        self.file("hex.txt", "00ff\n")
        self.file("in.csv", "# made by hand\nkey,type,encoding,value\none,namespace,,\na,data,u8,255\nb,data,i8,-128\n"
                  "c,data,u16,65535\nd,data,i16,-5\ne,data,u32,4294967295\nf,data,i32,-7\ng,data,u64,18446744073709551615\n"
                  "h,data,i64,-9\n#i,data,u8,1\ns,data,string,\"quoted, \"\"text\"\"\nover two lines\"\nx,data,hex2bin,00FF10\n"
                  "y,data,base64,MTIz\nz,data,binary,äb\n\ntwo,namespace,,\ncert,file,string,cert.pem\nblob,file,binary,blob.bin\n"
                  "hex,file,hex2bin,hex.txt\n")
        self.assertDone(self.provision("in.csv", "-o", "nvs.bin", "--size", "0x6000"))
        data = self.read("nvs.bin")
        self.assertEqual(len(data), 0x6000)
        self.assertEqual(read_nvs(data), {
            ("one", "a"): 255, ("one", "b"): -128, ("one", "c"): 65535, ("one", "d"): -5, ("one", "e"): 2**32 - 1,
            ("one", "f"): -7, ("one", "g"): 2**64 - 1, ("one", "h"): -9, ("one", "s"): 'quoted, "text"\nover two lines',
            ("one", "x"): b"\0\xff\x10", ("one", "y"): b"123", ("one", "z"): "äb".encode(),
            ("two", "cert"): '-----BEGIN\nline, "two"\n', ("two", "blob"): bytes(range(256)) * 20, ("two", "hex"): b"\0\xff"})

    def test_mistakes_name_the_row(self):
        head = "key,type,encoding,value\n"
        for text, contains in ((head + "a,data,u8,1\n", "row 2, key a: it stands before the first namespace"),
                               (head + "n,namespace,,\na,data,u8,300\n", "row 3, key a: 300: not a number that u8 holds"),
                               (head + "n,namespace,,\na,data,u8,1\na,data,u8,1\n", "row 4, key a: this key was there before"),
                               (head + "n,namespace,,\na,date,u8,1\n", "no type"),
                               (head + "n,namespace,,\na,data,u9,1\n", "no encoding"),
                               (head + "n,namespace,,\na,file,string,none.txt\n", "none.txt: No such file"),
                               (head + "sixteen_letters_,namespace,,\n", "1 to 15 bytes"),
                               (head + "n,namespace,,\"\n", "a quote is not closed"),
                               (head + "n,namespace,,\na,data,string,b,c\n", "row 3: more fields than the first row has columns"),
                               ("key,type,value\n", "no column encoding"), ("", "no row with the columns' names")):
            self.file("in.csv", text)
            self.assertFailed(self.provision("in.csv", "-o", "nvs.bin"), contains)
        self.file("in.csv", head + "n,namespace,,\n" + "".join(f"k{i},data,string,{'x' * 3900}\n" for i in range(3)))
        self.assertFailed(self.provision("in.csv", "-o", "nvs.bin", "--size", "0x3000"), "the partition is full")
        self.assertFailed(self.provision("in.csv", "-o", "nvs.bin", "--size", "5000"), "multiple of 4096", 2)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "nvs.bin")))

    def test_one_device_by_options(self):
        self.assertDone(self.provision("--wifi-ssid", "lab", "--wifi-password", "secret", "--mqtt-url", "mqtts://b:8883",
                                       "--set", "app/level:u8=40", "--set", "app/text=a=b", "--out", "nvs.bin"))
        self.assertEqual(read_nvs(self.read("nvs.bin")), {
            ("wifi", "ssid"): "lab", ("wifi", "password"): "secret", ("mqtt", "url"): "mqtts://b:8883",
            ("app", "level"): 40, ("app", "text"): "a=b"})
        self.assertEqual(os.stat(os.path.join(self.dir, "nvs.bin")).st_mode & 0o777, 0o600)
        self.assertFailed(self.provision("--out", "nvs.bin"), "nothing to write", 2)
        self.assertFailed(self.provision("--set", "app=1", "--out", "n.bin"), "NAMESPACE/KEY")


class Table(World):
    TABLE = "id,serial,wifi_ssid,app/level:u8,mac\nlamp-1,0001,home,7,24:0a:c4:00:00:01\nlamp-2,0002,\"a, b\",,\n"

    def public_key(self, name):
        return subprocess.run(["openssl", "pkey", "-in", os.path.join(self.dir, name), "-pubout", "-outform", "DER"],
                              capture_output=True, check=True).stdout

    def test_each_device_gets_its_own(self):
        self.file("devices.csv", self.TABLE)
        self.file("all.csv", "key,type,encoding,value\napp,namespace,,\nmode,data,string,fast\n")
        self.assertDone(self.provision("--table", "devices.csv", "--out", "made", "all.csv"))
        made = list(csv.DictReader(self.read("made/made.csv").decode().splitlines()))
        self.assertEqual([m["id"] for m in made], ["lamp-1", "lamp-2"])
        keys = [self.read(f"made/lamp-{n}.key.pem").decode() for n in (1, 2)]
        self.assertNotEqual(*keys)
        self.assertEqual(read_nvs(self.read("made/lamp-1.nvs.bin")), {
            ("device", "id"): "lamp-1", ("device", "serial"): "0001", ("wifi", "ssid"): "home", ("app", "level"): 7,
            ("app", "mode"): "fast", ("device", "key"): keys[0]})
        self.assertEqual(read_nvs(self.read("made/lamp-2.nvs.bin"))["wifi", "ssid"], "a, b")
        self.assertNotIn(("app", "level"), read_nvs(self.read("made/lamp-2.nvs.bin")))

        self.assertEqual(made[0]["public_key_sha256"], hashlib.sha256(self.public_key("made/lamp-1.key.pem")).hexdigest())
        self.assertEqual(made[1]["nvs_sha256"], hashlib.sha256(self.read("made/lamp-2.nvs.bin")).hexdigest())
        self.assertEqual(os.stat(os.path.join(self.dir, "made")).st_mode & 0o777, 0o700)
        for name in ("lamp-1.key.pem", "lamp-1.nvs.bin"):
            self.assertEqual(os.stat(os.path.join(self.dir, "made", name)).st_mode & 0o777, 0o600)

    def test_again_completes_and_changes_nothing(self):
        self.file("devices.csv", self.TABLE)
        self.assertDone(self.provision("--table", "devices.csv", "--out", "made"))
        names = sorted(os.listdir(os.path.join(self.dir, "made")))
        before = {name: self.read("made/" + name) for name in names}
        os.unlink(os.path.join(self.dir, "made/lamp-2.nvs.bin"))
        os.unlink(os.path.join(self.dir, "made/made.csv"))
        result = self.provision("--table", "devices.csv", "--out", "made", "--json")
        self.assertDone(result)
        self.assertEqual([d["id"] for d in json.loads(result.stdout)], ["lamp-1", "lamp-2"])
        self.assertEqual({name: self.read("made/" + name) for name in names}, before)
        self.assertEqual(sorted(os.listdir(os.path.join(self.dir, "made"))), names)

    def test_whole_flash_images(self):
        self.assertDone(self.run_airlift("flash", "new", "base.bin", "--table", "two_ota"))
        self.file("devices.csv", self.TABLE)
        self.assertDone(self.provision("--table", "devices.csv", "--out", "made", "--flash", "base.bin", "--no-keys",
                                       "--key-at", "x/y"))
        base, flash = self.read("base.bin"), self.read("made/lamp-1.flash.bin")
        at = next(i for i in range(0, len(base), 4096) if flash[i:i + 4096] != base[i:i + 4096])
        self.assertEqual(at, 0x9000)
        size = len(self.read("made/lamp-1.nvs.bin"))
        self.assertEqual(flash, base[:at] + self.read("made/lamp-1.nvs.bin") + base[at + size:])
        self.assertEqual(json.loads(self.read("made/lamp-1.flash.bin.json"))["mac"], "24:0a:c4:00:00:01")
        self.assertFalse(os.path.exists(os.path.join(self.dir, "made/lamp-1.key.pem")))
        self.assertEqual(os.stat(os.path.join(self.dir, "made/lamp-1.flash.bin")).st_mode & 0o777, 0o600)
        for mac in ("-1:00:00:00:00:00", "24: a:c4:00:00:01", "24:0a:c4:00:00", "24:0a:c4:00:00:01:", "24:0a:c4:00:00:0x"):
            self.file("devices.csv", f"id,mac\na,{mac}\n")
            self.assertFailed(self.provision("--table", "devices.csv", "--out", "more", "--flash", "base.bin"), "a MAC address is")

    def test_mistakes(self):
        for text, contains in (("serial\n1\n", "no column id"), ("id\na/b\n", "can't name a file"),
                               ("id\n..\n", "can't name a file"), ("id\na\na\n", "both have the id a"),
                               ("id,wifi_password\na,se,cret\n", "row 2: more fields"),
                               ("id,colour\na,red\n", "column colour: colour: neither a setting"),
                               ("id,n/k:u8\na,red\n", "row 2 (a): column n/k:u8: red: not a number")):
            self.file("devices.csv", text)
            self.assertFailed(self.provision("--table", "devices.csv", "--out", "made"), contains)
        self.file("devices.csv", "id\na\n")
        os.makedirs(os.path.join(self.dir, "made"), exist_ok=True)
        self.file("made/a.key.pem", "not a key")
        self.assertFailed(self.provision("--table", "devices.csv", "--out", "made"), "not a private key")
        self.assertEqual(self.read("made/a.key.pem"), b"not a key")


if __name__ == "__main__":
    AIRLIFT = os.path.join(os.path.abspath(sys.argv.pop(1)), "bin", "airlift")
    unittest.main(verbosity=2)
