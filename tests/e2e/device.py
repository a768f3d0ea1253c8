"""airlift flash, airlift device and the command line itself, as a person uses them.

Apps are small C programs, compiled here, built into images by `airlift image build`
and run by `airlift device run`.

    python3 device.py STAGE [test names]
"""

import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

AIRLIFT = None  # the program under test
PATIENCE = 60  # seconds that no step comes near to, also on a slow machine with sanitizers

APP = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SCRIPT has a letter for each reset reason: poweron, sw, panic, wdt. */
int main(void)
{
    const char *reason = getenv("AIRLIFT_RESET_REASON");
    printf("app: running %s after %s from %s\n", getenv("AIRLIFT_RUNNING"), reason, getenv("AIRLIFT_FLASH"));
    fflush(stdout);
    const char *reasons = "poweron sw      panic   wdt     ";
    switch (SCRIPT[(strstr(reasons, reason) - reasons) / 8]) {
    case 'r': return 90; /* what esp_restart() ends with */
    case 'a': signal(SIGABRT, SIG_DFL); abort();
    case 'h': for (;;) pause();
    case 'i': {
        char line[100];
        if (fgets(line, sizeof line, stdin)) {
            printf("app: read %s", line);
            fflush(stdout);
        }
        return 90;
    }
    default: return 0;
    }
}
"""


def chip_image(chip, min_revision=0, min_block_revision=0):
    """An image for a real chip, made by the format's description. Its one segment is loaded nowhere."""
    desc = struct.pack("<IIII", 0xABCD5432, 0, 0, 0) + b"1.0".ljust(32, b"\0") + b"chip".ljust(32, b"\0")
    desc = desc.ljust(176, b"\0") + struct.pack("<HH", min_block_revision, 65535)
    data = desc.ljust(256, b"\0") + bytes(range(64))
    header = struct.pack("<BBBBI", 0xE9, 1, 0, 0, 0)
    header += struct.pack("<BBBBHBHHIB", 0xEE, 0, 0, 0, chip, 0, min_revision, 65535, 0, 1)
    image = header + struct.pack("<II", 0, len(data)) + data
    checksum = 0xEF
    for byte in data:
        checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="airlift-device-")
        source = cls.path("app.c")
        with open(source, "w") as f:
            f.write(APP)
        for name, script in (("restarts", "raha"), ("hangs", "hhhh"), ("reads", "ihhh"), ("ends", "0000")):
            program = cls.path(name)
            subprocess.run(["cc", "-O1", '-DSCRIPT="%s"' % script, "-o", program, source], check=True)
            cls.run_ok("image", "build", "--elf", program, "--project", name, "--version", "1.2.3",
                       "-o", program + ".img")
        for name, image in (("c3", chip_image(5, 4, 103)), ("c3-new", chip_image(5, 101))):
            with open(cls.path(name + ".img"), "wb") as f:
                f.write(image)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def setUp(self):
        self.flash = self.path("dev.bin")
        for name in (self.flash, self.flash + ".json"):
            if os.path.exists(name):
                os.unlink(name)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.dir, name)

    @staticmethod
    def airlift(*args, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        text = kwargs.pop("text", True)
        return subprocess.run([AIRLIFT, *args], capture_output=True, text=text, timeout=PATIENCE, **kwargs)

    @classmethod
    def run_ok(cls, *args, **kwargs):
        result = cls.airlift(*args, **kwargs)
        if result.returncode or result.stderr:
            raise AssertionError("%s: %d, %s" % (args, result.returncode, result.stderr))
        return result.stdout

    def refused(self, *args, status=1, says="", **kwargs):
        """Fails with one line on stderr that holds `says`."""
        result = self.airlift(*args, **kwargs)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("airlift"), result.stderr)
        self.assertIn(says, result.stderr)
        return result.stderr

    def new(self, *args, table="two_ota"):
        self.run_ok("flash", "new", self.flash, "--table", table, *args)

    def start(self, *args, **kwargs):
        process = subprocess.Popen([AIRLIFT, "device", "run", self.flash, *args], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, **kwargs)
        self.addCleanup(self.end, process)
        return process

    @classmethod
    def end(cls, process):
        """As pulling the plug; and should the app survive that, it does not outlive the test."""
        if process.poll() is None:
            apps = cls.apps_of(process)
            process.kill()
            process.wait()
            for app in apps:
                if cls.is_alive(app):
                    os.kill(app, signal.SIGKILL)
        if process.stdout:
            process.communicate()

    @staticmethod
    def apps_of(device):
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(device.pid)], capture_output=True, text=True)
        return [int(pid) for pid in children.stdout.split()]

    @staticmethod
    def is_alive(pid):
        try:
            with open("/proc/%d/stat" % pid) as f:
                return f.read().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def wait_for(self, process, text):
        """Read the device's log up to a line that holds `text`."""
        seen = []
        for line in process.stdout:
            seen.append(line)
            if text in line:
                return "".join(seen)
        self.fail("no '%s' in:\n%s%s" % (text, "".join(seen), process.stderr.read()))


class FlashNew(Case):
    def test_writes_flash_and_description(self):
        self.new("--size", "2MB", "--factory", self.path("hangs.img"), table="singleapp")
        with open(self.flash, "rb") as f:
            flash = f.read()
        with open(self.path("hangs.img"), "rb") as f:
            image = f.read()
        self.assertEqual(len(flash), 2 << 20)
        self.assertEqual(flash[:0x8000], b"\xff" * 0x8000)
        self.assertEqual(flash[0x8000:0x8002], b"\xaa\x50")
        self.assertEqual(flash[0x10000:0x10000 + len(image)], image)
        self.assertEqual(set(flash[0x10000 + len(image):]), {0xFF})
        with open(self.flash + ".json") as f:
            description = json.load(f)
        self.assertRegex(description.pop("mac"), "^24:0a:c4(:[0-9a-f]{2}){3}$")
        self.assertEqual(description, {
            "chip": "linux", "chip_revision": "0.0", "efuse_block_revision": "0.0",
            "partition_table_offset": "0x8000", "rollback": True, "anti_rollback": False, "secure_version": 0,
            "secure_boot": False, "key_digests": [], "revoked_keys": []})

    def test_takes_the_chip_from_the_image(self):
        self.new("--factory", self.path("c3.img"))
        with open(self.flash + ".json") as f:
            description = json.load(f)
        self.assertEqual(description["chip"], "esp32c3")
        self.assertEqual(description["chip_revision"], "0.4")
        self.assertEqual(description["efuse_block_revision"], "1.3")

    def test_options_go_into_the_description(self):
        self.new("--chip", "esp32", "--anti-rollback", "--secure-version", "7", "--chip-revision", "3.1")
        with open(self.flash + ".json") as f:
            description = json.load(f)
        self.assertEqual((description["chip"], description["anti_rollback"], description["secure_version"],
                          description["chip_revision"]), ("esp32", True, 7, "3.1"))
        self.run_ok("flash", "new", self.flash, "--table", "two_ota", "--no-rollback", "--force")
        with open(self.flash + ".json") as f:
            self.assertEqual(json.load(f)["rollback"], False)

    def test_places_apps_by_label(self):
        csv = self.path("t.csv")
        with open(csv, "w") as f:
            f.write("otadata,data,ota,0x9000,0x2000\nota_0,app,ota_0,0x10000,1M\nota_1,app,ota_1,,1M\n")
        self.new("--factory", self.path("hangs.img"), "--app", "ota_1=" + self.path("ends.img"), table=csv)
        for label, name in (("ota_0", "hangs.img"), ("ota_1", "ends.img")):
            data = self.airlift("flash", "read", self.flash, "--partition", label, text=False).stdout
            with open(self.path(name), "rb") as f:
                image = f.read()
            self.assertEqual(data[:len(image)], image)

    def test_takes_binary_tables_and_another_offset(self):
        csv, table = self.path("t.csv"), self.path("t.bin")
        with open(csv, "w") as f:
            f.write("factory,app,factory,0x20000,1M\n")
        self.run_ok("partitions", "gen", csv, table, "--offset", "0x10000")
        self.new("--offset", "0x10000", "--factory", self.path("hangs.img"), table=table)
        with open(self.flash, "rb") as f:
            f.seek(0x10000)
            with open(table, "rb") as g:
                self.assertEqual(f.read(0xC00), g.read())
        self.assertIn("factory", self.run_ok("device", "run", self.flash, "--watchdog", "0.2", "--max-boots", "1"))

    def test_table_as_asked_for(self):
        self.new("--offset", "0x10000", "--no-md5")  # a named table follows its offset
        with open(self.flash, "rb") as f:
            table = f.read()[0x10000:0x10C00]
        self.assertNotIn(b"\xeb\xeb" + b"\xff" * 14, table)
        self.assertEqual(struct.unpack_from("<I", table, 4)[0], 0x11000)
        other = self.path("other.bin")  # and a flash file gives its own, without MD5 again
        self.run_ok("flash", "new", other, "--table", self.flash, "--offset", "0x10000")
        with open(other, "rb") as f:
            self.assertEqual(f.read()[0x10000:0x10C00], table)

    def test_does_not_overwrite(self):
        self.new()
        self.refused("flash", "new", self.flash, "--table", "two_ota", says="exists already (--force replaces it)")
        device = self.start_hanging()
        self.refused("flash", "new", self.flash, "--table", "two_ota", "--force", says="in use by another device")
        self.end(device)

    def start_hanging(self):
        self.run_ok("flash", "new", self.flash, "--table", "two_ota", "--force", "--factory", self.path("hangs.img"))
        device = self.start()
        self.wait_for(device, "app: running factory")
        return device

    def test_refuses_what_would_not_boot_and_writes_nothing(self):
        damaged = self.path("damaged.img")
        with open(self.path("hangs.img"), "rb") as f:
            image = bytearray(f.read())
        image[5000] ^= 1
        with open(damaged, "wb") as f:
            f.write(image)
        csv = self.path("bad.csv")
        with open(csv, "w") as f:
            f.write("a,app,factory,0x10000,1M\nb,app,ota_0,0x10000,1M\n")
        table = self.path("two_ota.bin")
        self.run_ok("partitions", "gen", "two_ota", table)
        new = ("flash", "new", self.flash, "--table", "two_ota")
        self.refused(*new, "--factory", damaged, says="damaged.img: would not boot from 'factory' of chip linux")
        self.refused(*new, "--factory", self.path("app.c"), says="no app image")
        self.refused(*new, "--factory", self.path("hangs.img"), "--chip", "esp32", says="another chip")
        self.refused(*new, "--factory", self.path("c3-new.img"), "--chip-revision", "0.4", says="revision")
        self.refused(*new, "--factory", self.path("none.img"), says="none.img: No such file or directory")
        self.refused(*new, "--app", "nvs=" + self.path("hangs.img"), says="'nvs' is not for apps")
        self.refused(*new, "--app", "ota_7=" + self.path("hangs.img"), says="no partition ota_7")
        self.refused(*new, "--size", "1MB", says="ends at 1088K, the flash at 1M")
        self.refused("flash", "new", self.flash, "--table", table, "--offset", "0x9000",
                     says="'nvs' overlaps the partition table at 0x9000")
        self.refused(*new, "--chip", "esp33", says="esp33: not a known chip")
        self.refused("flash", "new", self.flash, "--table", "two_oto", says="neither a file nor one of ESP-IDF's")
        self.refused("flash", "new", self.flash, "--table", csv, says="bad.csv:2: ")
        self.refused("flash", "new", self.flash, "--table", self.path("none.csv"), says="No such file")
        big = self.path("big.img")
        with open(big, "wb") as f:
            f.write(bytes(0x100001))
        self.refused(*new, "--factory", big, says="1048577 bytes do not fit partition 'factory' of 1048576")
        self.assertFalse(os.path.exists(self.flash))
        self.assertFalse(os.path.exists(self.flash + ".json"))
        self.refused("flash", "new", self.path("no/dir/x.bin"), "--table", "two_ota", says="No such file")

    def test_wrong_usage_exits_2(self):
        new = ("flash", "new", self.flash)
        self.refused(*new, status=2, says="--table is missing")
        self.refused(*new, "--table", "two_ota", "--size", "4095K", status=2, says="multiple of 4K")
        self.refused(*new, "--table", "two_ota", "--size", "huge", status=2, says="'huge' is not a size")
        self.refused(*new, "--table", "two_ota", "--offset", "0x8001", status=2, says="multiple of 4K")
        self.refused(*new, "--table", "two_ota", "--no-rollback", "--anti-rollback", status=2, says="needs rollback")
        self.refused(*new, "--table", "two_ota", "--app", "x", status=2, says="write LABEL=IMG")
        self.refused(*new, "--table", "two_ota", "--secure-version", "17", status=2, says="16 bits")
        self.refused(*new, "--tabel", "two_ota", status=2, says="did you mean --table?")
        self.refused("flash", "new", "--table", "two_ota", status=2, says="name one flash file")


class FlashPartitions(Case):
    def test_write_read_erase(self):
        self.new()
        data = self.path("data")
        with open(data, "wb") as f:
            f.write(b"\x00" * 0x4000)
        self.run_ok("flash", "write", self.flash, "--partition", "nvs", data)
        self.assertEqual(self.airlift("flash", "read", self.flash, "-p", "nvs", text=False).stdout, bytes(0x4000))
        # The whole partition is erased first, so shorter contents leave nothing of the longer.
        with open(data, "wb") as f:
            f.write(b"short")
        self.run_ok("flash", "write", self.flash, "--partition", "nvs", data)
        copy = self.path("copy")
        self.run_ok("flash", "read", self.flash, "--partition", "nvs", copy)
        with open(copy, "rb") as f:
            self.assertEqual(f.read(), b"short" + b"\xff" * (0x4000 - 5))
        with open(data, "rb") as f:
            self.run_ok("flash", "write", self.flash, "-p", "nvs", "-", stdin=f)
        self.assertEqual(self.airlift("flash", "read", self.flash, "-p", "nvs", text=False).stdout[:6], b"short\xff")
        self.run_ok("flash", "erase", self.flash, "--partition", "nvs")
        self.assertEqual(self.airlift("flash", "read", self.flash, "-p", "nvs", text=False).stdout, b"\xff" * 0x4000)

    def test_refusals(self):
        csv = self.path("ro.csv")
        with open(csv, "w") as f:
            f.write("keys,data,undefined,0x9000,0x1000,readonly\nfactory,app,factory,0x10000,1M\n")
        self.new(table=csv)
        data = self.path("data")
        with open(data, "wb") as f:
            f.write(b"x")
        write = ("flash", "write", self.flash, "--partition")
        self.refused(*write, "keys", data, says="'keys' is read-only (--ignore-readonly overrides it)")
        self.refused("flash", "erase", self.flash, "--partition", "keys", says="read-only")
        self.run_ok(*write, "keys", data, "--ignore-readonly")
        self.refused(*write, "nvs", data, says="no partition 'nvs'; there are: keys, factory")
        self.refused(*write, "keys", status=2, says="name the file to write")
        self.refused("flash", "write", self.flash, data, status=2, says="--partition is missing")
        with open(data, "wb") as f:
            f.write(bytes(0x1001))
        self.refused(*write, "keys", data, "--ignore-readonly", says="4097 bytes do not fit partition 'keys' of 4096")
        blank = self.path("blank.bin")
        with open(blank, "wb") as f:
            f.write(b"\xff" * 0x100000)
        self.refused("flash", "read", blank, "-p", "nvs", says="no valid partition table at 0x8000")

    def test_a_full_disk_is_an_error(self):
        self.new()
        for words in (("flash", "read", self.flash, "-p", "nvs"), ("--version",)):
            with open("/dev/full", "w") as full:
                result = subprocess.run([AIRLIFT, *words], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr, "airlift: standard output: No space left on device\n")


class DeviceRun(Case):
    def test_boots_restarts_panics_and_bites(self):
        self.new("--factory", self.path("restarts.img"))
        log = self.run_ok("device", "run", self.flash, "--watchdog", "0.5", "--max-boots", "4")
        expected = [
            r"ESP-ROM:airlift-\S+",
            r"rst:0x1 \(POWERON\),boot:0x8 \(SPI_FAST_FLASH_BOOT\)",
            r"I \(\d+\) boot: Partition Table:",
            r"I \(\d+\) boot: ## Label            Usage          Type ST Offset   Length",
            r"I \(\d+\) boot:  0 nvs              WiFi data        01 02 00009000 00004000",
            r"I \(\d+\) boot:  3 factory          factory app      00 00 00010000 00100000",
            r"I \(\d+\) boot: End of partition table",
            r"I \(\d+\) boot: Loaded app from partition at offset 0x10000",
            r"I \(\d+\) boot: factory: restarts 1.2.3 \(default\)",
            r"app: running factory after poweron from " + re.escape(self.flash),
            r"rst:0xc \(RTC_SW_CPU_RST\)",
            r"app: running factory after sw",
            r"Guru Meditation Error: Core  0 panic'ed \(SIGABRT: Aborted\)\.",
            r"app: running factory after panic",
            r"E \(\d+\) task_wdt: Task watchdog got triggered: no sign of life for 0.5 s",
            r"rst:0x7 \(TG0WDT_SYS_RST\)",
            r"app: running factory after wdt",
            r"--- device off: the number of boots asked for is reached; 4 boots, last from factory",
        ]
        at = 0
        for pattern in expected:
            match = re.compile("^" + pattern, re.M).search(log, at)
            self.assertIsNotNone(match, "no %s behind %d in:\n%s" % (pattern, at, log))
            at = match.end()

    def test_json_has_standard_output_to_itself(self):
        self.new("--factory", self.path("ends.img"))
        result = self.airlift("device", "run", self.flash, "--max-boots", "1", "--json")
        self.assertEqual(result.returncode, 0)
        document = json.loads(result.stdout)
        wear = document.pop("wear")
        self.assertEqual(document, {
            "stop": "max_boots", "boots": 1, "last_booted": "factory", "programs": 0, "erases": 0, "violations": 0,
            "max_wear": 0})
        self.assertEqual([row["label"] for row in wear], ["nvs", "otadata", "phy_init", "factory", "ota_0", "ota_1"])
        self.assertEqual(wear[3], {"label": "factory", "sectors": 256, "erases": 0, "max_erases": 0, "programs": 0,
                                   "max_programs": 0})
        self.assertIn("app: running factory", result.stderr)
        self.assertIn("boot: Loaded app", result.stderr)

    def test_broken_apps_are_skipped_with_the_reason(self):
        self.new("--factory", self.path("ends.img"), "--app", "ota_0=" + self.path("hangs.img"))
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        with open(self.flash, "r+b") as f:
            f.seek(0x110000 + 5000)
            f.write(b"\x55\xaa")
        log = self.run_ok("device", "run", self.flash, "--max-boots", "1")
        self.assertRegex(log, r"W \(\d+\) boot: ota_0 app skipped: \S")
        self.assertRegex(log, r"I \(\d+\) boot: factory: ends 1.2.3 \(fallback\)")

    def test_what_the_bootloader_writes_is_in_the_log(self):
        self.new("--factory", self.path("ends.img"), "--app", "ota_0=" + self.path("restarts.img"))
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        with open(self.flash, "r+b") as f:  # as esp_ota_set_boot_partition() leaves it: state NEW
            f.seek(0xD000 + 24)
            f.write(struct.pack("<I", 0))
        log = self.run_ok("device", "run", self.flash, "--max-boots", "2")
        self.assertIn("OTA data, sector 0: seq 1 NEW -> seq 1 PENDING_VERIFY", log)
        self.assertIn("OTA data, sector 0: seq 1 PENDING_VERIFY -> seq 1 ABORTED: not confirmed before the reset", log)
        self.assertIn("last from factory", log)

    def test_pins_are_held_for_a_boot_and_for_a_device(self):
        csv = self.path("pins.csv")
        with open(csv, "w") as f:
            f.write("nvs, data, nvs, , 0x3000\notadata, data, ota, , 0x2000\nfactory, app, factory, , 1M\n"
                    "test, app, test, , 1M\n")
        image = self.path("ends.img")
        self.run_ok("flash", "new", self.flash, "--table", csv, "--factory", image, "--app", "test=" + image)
        self.assertIn("boots test ", self.run_ok("boot", self.flash, "--hold", "test"))
        self.assertIn("boots factory ", self.run_ok("boot", self.flash))
        result = self.airlift("boot", self.flash, "--hold", "reset")
        self.assertEqual(result.returncode, 2)
        self.assertIn("'reset' is neither factory-reset nor test", result.stderr)
        with open(self.flash, "r+b") as f:
            f.seek(0x9000)
            f.write(bytes(0x3000))
        self.run_ok("boot", self.flash, "--hold", "factory-reset", "--dry-run")
        self.assertEqual(self.run_ok("flash", "read", self.flash, "-p", "nvs", text=False), bytes(0x3000))
        self.run_ok("boot", self.flash, "--hold", "factory-reset")
        self.assertEqual(self.run_ok("flash", "read", self.flash, "-p", "nvs", text=False), b"\xff" * 0x3000)

        with open(self.flash + ".json") as f:
            desc = json.load(f)
        desc.update(test_pin=7, test_pin_level=1, pin_hold_s=0)
        with open(self.flash + ".json", "w") as f:
            json.dump(desc, f)
        held = self.run_ok("device", "run", self.flash, "--max-boots", "1", "--gpio", "7=1")
        self.assertIn("Detect a boot condition of the test firmware", held)
        self.assertIn("app: running test after poweron", held)
        free = self.run_ok("device", "run", self.flash, "--max-boots", "1", "--gpio", "7=0")
        self.assertIn("app: running factory", free)
        # The bootloader's own pull is up, so a pin that nobody drives is 1.
        self.assertIn("app: running test", self.run_ok("device", "run", self.flash, "--max-boots", "1"))

    def test_nothing_bootable_ends_with_1(self):
        self.new()
        result = self.airlift("device", "run", self.flash)
        self.assertEqual(result.returncode, 1)
        self.assertIn("No bootable app partitions in the partition table", result.stdout)
        self.assertRegex(result.stderr, r"^airlift: .*dev.bin: nothing boots \(.*\)\n$")
        document = self.airlift("device", "run", self.flash, "--json")
        self.assertEqual(json.loads(document.stdout)["stop"], "no_app")
        self.assertIsNone(json.loads(document.stdout)["last_booted"])

    def test_a_power_cut_in_the_bootloader_is_a_success(self):
        self.new("--app", "ota_0=" + self.path("hangs.img"), table="two_ota")
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        with open(self.flash, "r+b") as f:
            f.seek(0xD000 + 24)
            f.write(struct.pack("<I", 0))
        result = self.airlift("device", "run", self.flash, "--power-cut", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("--- device off: power cut in flash operation 1; 0 boots", result.stdout)

    def test_signals_switch_it_off_with_its_app(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.setUp()
            self.new("--factory", self.path("hangs.img"))
            device = self.start()
            self.wait_for(device, "app: running factory")
            (app,) = self.apps_of(device)
            device.send_signal(number)
            out, err = device.communicate(timeout=PATIENCE)
            self.assertEqual((device.returncode, err), (0, ""))
            self.assertIn("--- device off: switched off; 1 boot, last from factory", out)
            self.assertFalse(os.path.exists("/proc/%d" % app))

    def test_the_app_does_not_outlive_a_killed_device(self):
        self.new("--factory", self.path("hangs.img"))
        device = self.start()
        self.wait_for(device, "app: running factory")
        (app,) = self.apps_of(device)
        self.addCleanup(lambda: self.is_alive(app) and os.kill(app, signal.SIGKILL))
        device.kill()
        deadline = time.monotonic() + PATIENCE
        while self.is_alive(app):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_two_devices_on_one_flash_file(self):
        self.new("--factory", self.path("hangs.img"))
        device = self.start()
        self.wait_for(device, "app: running factory")
        line = self.refused("device", "run", self.flash, says="dev.bin: in use by another device")
        if "process" in line:
            self.assertIn("(process %d)" % device.pid, line)
        self.refused("flash", "erase", self.flash, "-p", "nvs", says="in use by another device")
        self.run_ok("flash", "read", self.flash, "-p", "nvs", self.path("copy"))  # looking is allowed
        self.end(device)
        self.run_ok("flash", "erase", self.flash, "-p", "nvs")

    def test_a_flash_file_that_is_none(self):
        other = self.path("other.bin")
        for size in (0, 1, 4096, 0x10001, 0x8001000):
            with open(other, "wb") as f:
                f.truncate(size)
            self.refused("device", "run", other, says="other.bin: not a flash file: %d bytes" % size)
        self.refused("device", "run", self.dir, says="Is a directory")
        self.refused("device", "run", self.path("none.bin"), says="No such file or directory (airlift flash new")
        self.new()
        with open(self.flash + ".json", "w") as f:
            f.write('{"chip":"toaster"}')
        self.refused("device", "run", self.flash, says='dev.bin.json: "chip": toaster is not a known chip')
        with open(self.flash + ".json", "w") as f:
            f.write("<html>")
        self.refused("device", "run", self.flash, says="dev.bin.json: not a JSON object")

    def test_images_for_chips_need_the_reference_agent(self):
        self.new("--factory", self.path("c3.img"))
        environment = dict(os.environ, AIRLIFT_REFERENCE_AGENT="/none")
        result = self.airlift("device", "run", self.flash, env=environment)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertIn("the reference agent to run in its place is missing: /none: No such file", result.stderr)
        environment["AIRLIFT_REFERENCE_AGENT"] = self.path("ends")
        log = self.run_ok("device", "run", self.flash, "--max-boots", "1", env=environment)
        self.assertIn("factory: chip 1.0 (default)", log)
        self.assertIn("app: running factory after poweron", log)

    def test_wrong_usage_exits_2(self):
        self.new()
        run = ("device", "run", self.flash)
        for level in ("4", "4=2", "64=1", "=1", "x=1", "4=10", "-1=0"):
            self.refused(*run, "--gpio=" + level, status=2, says="write PIN=0 or PIN=1")
        self.refused(*run, "--watchdog", "soon", status=2, says="not a number of seconds")
        self.refused("device", "run", status=2, says="name one flash file")
        self.refused(*run, "--ca", self.path("none.pem"), says="none.pem: No such file or directory")

    def test_what_is_typed_reaches_the_app(self):
        self.new("--factory", self.path("reads.img"))
        primary, secondary = pty.openpty()

        def take_terminal():
            os.setsid()
            import fcntl, termios
            fcntl.ioctl(secondary, termios.TIOCSCTTY, 0)

        device = subprocess.Popen([AIRLIFT, "device", "run", self.flash, "--max-boots", "1"], stdin=secondary,
                                  stdout=secondary, stderr=secondary, preexec_fn=take_terminal)
        self.addCleanup(self.end, device)
        self.addCleanup(os.close, primary)
        os.close(secondary)
        self.read_until(primary, b"app: running factory")
        os.write(primary, b"hello board\n")
        self.read_until(primary, b"app: read hello board")
        self.assertEqual(device.wait(PATIENCE), 0)

    def read_until(self, fd, text):
        seen = b""
        while text not in seen:
            ready, _, _ = select.select([fd], [], [], PATIENCE)
            self.assertTrue(ready, seen)
            try:
                piece = os.read(fd, 4096)
            except OSError:  # the other end is gone
                piece = b""
            self.assertTrue(piece, seen)
            seen += piece


class CommandLine(Case):
    def test_unknown_words_get_a_suggestion_and_2(self):
        self.refused("flahs", status=2, says="unknown command 'flahs', did you mean 'flash'?")
        self.refused("flash", "nwe", status=2, says="unknown command 'flash nwe', did you mean 'flash new'?")
        self.refused("weather", status=2, says="unknown command 'weather' (see airlift --help)")
        self.refused("help", "devise", status=2, says="did you mean 'device'?")

    def test_no_words_show_the_overview(self):
        result = self.airlift()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr, self.run_ok("--help"))
        self.assertEqual(self.run_ok("--version").split()[0], "airlift")
        result = self.airlift("flash")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr, self.run_ok("flash", "--help"))

    def test_every_command_has_a_page(self):
        rows = re.findall(r"^  (\S+(?: [a-z-]+)?) {2,}\S", self.run_ok("--help"), re.M)
        self.assertGreater(len(rows), 15)
        for row in rows:
            page = self.run_ok(*row.split(), "--help")
            for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"):
                self.assertRegex(page, "(?m)^%s$" % part, row)
            self.assertIn("airlift " + row, page)
            self.assertEqual(page, self.run_ok("help", *row.split()))
        self.assertIn("airlift device run", self.run_ok("manual"))

    def complete(self, *words):
        script = self.path("completion.bash")
        with open(script, "w") as f:
            f.write(self.run_ok("completion", "bash"))
        program = 'PATH="$1:$PATH"; . "$2"; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' \
                  'compopt() { :; }; _airlift; printf "%s\\n" "${COMPREPLY[@]}"'
        result = subprocess.run(["bash", "-c", program, "bash", os.path.dirname(AIRLIFT), script, "airlift", *words],
                                capture_output=True, text=True, timeout=PATIENCE, cwd=self.dir)
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_bash_completes_commands_and_options(self):
        self.assertEqual(self.complete("fl"), ["flash"])
        self.assertIn("device", self.complete(""))
        self.assertEqual(self.complete("flash", "re"), ["read"])
        self.assertEqual(self.complete("flash", "new", "--si"), ["--size="])
        self.assertEqual(self.complete("device", "run", "x.bin", "--max"), ["--max-boots="])
        self.assertEqual(self.complete("serve", "--data"), ["--data="])
        self.assertEqual(self.complete("help", "flash", "ne"), ["new"])
        self.assertEqual(self.complete("help", "fla"), ["flash"])
        self.assertEqual(self.complete("completion", "b"), ["bash"])
        self.assertEqual(self.complete("device", "run", "restarts.i"), ["restarts.img"])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    AIRLIFT = os.path.join(os.path.abspath(sys.argv.pop(1)), "bin", "airlift")
    unittest.main(verbosity=1)
