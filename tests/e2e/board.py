"""A running device under a person's hands: buttons, wires, console, esptool.

    python3 board.py STAGE [test names]
"""

import contextlib
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faulty_server import FaultyServer, Route  # noqa: E402

STAGE = ""
AIRLIFT = ""
PATIENCE = 60  # seconds that no step comes near to, also on a slow machine with sanitizers
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "firmware")

# Written against ESP-IDF's API: says why it started, watches pin 4, repeats what is typed, sleeps if told to.
APP = r"""
#include <stdio.h>
#include <string.h>

#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

static RTC_NOINIT_ATTR int boots;

static void watch_pin(void *unused)
{
    (void)unused;
    int level = gpio_get_level(4);
    printf("pin 4 is %d\n", level);
    for (;;) {
        if (gpio_get_level(4) != level) {
            level = !level;
            printf("pin 4 is %d\n", level);
        }
        vTaskDelay(pdMS_TO_TICKS(10));
    }
}

void app_main(void)
{
    esp_reset_reason_t reason = esp_reset_reason();
    boots = reason == ESP_RST_POWERON ? 1 : boots + 1;
    printf("app: %s, boot %d\n",
           reason == ESP_RST_EXT ? "ext" : reason == ESP_RST_POWERON ? "poweron" : "something else", boots);
    gpio_set_direction(4, GPIO_MODE_INPUT);
    xTaskCreate(watch_pin, "pin", 4096, NULL, 1, NULL);
    char line[100];
    while (fgets(line, sizeof line, stdin)) {
        printf("app: read %s", line);
        if (strcmp(line, "sleep\n") == 0) {
            esp_sleep_enable_ext0_wakeup(4, 1);
            esp_deep_sleep_start();
        }
    }
    printf("app: nobody types\n");
    vTaskDelay(portMAX_DELAY);
}
"""


class Board(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="airlift-board-")
        os.environ["XDG_RUNTIME_DIR"] = cls.dir
        source, program = cls.path("app.c"), cls.path("app")
        with open(source, "w") as f:
            f.write(APP)
        environment = dict(os.environ, PKG_CONFIG_PATH=os.path.join(STAGE, "lib", "pkgconfig"))
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "airlift-idf"], env=environment, check=True,
                               capture_output=True, text=True).stdout.split()
        subprocess.run(["cc", "-O1", "-o", program, source] + flags, check=True)
        with open(cls.path("table.csv"), "w") as f:  # as two_ota, with room for sanitizers
            f.write("nvs,data,nvs,0x9000,0x4000\notadata,data,ota,0xd000,0x2000\nphy_init,data,phy,0xf000,0x1000\n"
                    "factory,app,factory,0x10000,4M\nota_0,app,ota_0,0x410000,4M\nota_1,app,ota_1,0x810000,4M\n")
        for version in ("1.0.0", "1.1.0"):
            cls.run_ok("image", "build", "--elf", program, "--project", "board", "--version", version,
                       "-o", cls.path(version + ".img"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.dir, name)

    def setUp(self):
        self.flash = self.new("dev.bin")

    def new(self, name):
        flash = self.path(name)
        self.run_ok("flash", "new", flash, "--table", self.path("table.csv"), "--size", "16MB", "--force",
                    "--factory", self.path("1.0.0.img"), "--app", "ota_0=" + self.path("1.1.0.img"))
        return flash

    @staticmethod
    def airlift(*args, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([AIRLIFT, *args], capture_output=True, text=True, timeout=PATIENCE, **kwargs)

    @classmethod
    def run_ok(cls, *args, **kwargs):
        result = cls.airlift(*args, **kwargs)
        if result.returncode or result.stderr:
            raise AssertionError("%s: %d, %s" % (args, result.returncode, result.stderr))
        return result.stdout

    def refused(self, *args, status=1, says="", **kwargs):
        result = self.airlift(*args, **kwargs)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn(says, result.stderr)

    def start(self, flash=None, *args):
        """In the background, and off when the test ends."""
        flash = flash or self.flash
        line = self.run_ok("device", "run", "-d", flash, *args)
        pid = int(re.search(r"process (\d+)\n$", line).group(1))
        self.addCleanup(self.airlift, "device", "off", flash)
        return pid

    def status(self, flash=None):
        return json.loads(self.run_ok("device", "status", flash or self.flash, "--json"))

    def monitor(self, flash=None, *args):
        process = subprocess.Popen([AIRLIFT, "device", "monitor", flash or self.flash, *args], text=True, bufsize=1,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                try:
                    stream.close()
                except BrokenPipeError:  # what was typed last was not read
                    pass
        self.addCleanup(end)
        return process

    def expect(self, process, pattern):
        seen = []
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            for line in process.stdout:
                seen.append(line)
                match = re.search(pattern, line)
                if match:
                    return match
        finally:
            watch.cancel()
        self.fail("no '%s' in:\n%s" % (pattern, "".join(seen)))

    @contextlib.contextmanager
    def typing(self, monitor, text):
        """Again and again, until the block ends."""
        done = threading.Event()

        def type_on():
            while not done.is_set():
                monitor.stdin.write(text)
                done.wait(0.3)
        typist = threading.Thread(target=type_on)
        typist.start()
        try:
            yield
        finally:
            done.set()
            typist.join()

    def socket_path(self):
        (name,) = os.listdir(self.path("airlift"))
        return os.path.join(self.path("airlift"), name)


class Buttons(Board):
    def test_the_reset_button(self):
        self.start()
        monitor = self.monitor()
        self.expect(monitor, "app: poweron, boot 1")
        self.run_ok("device", "reset", self.flash)
        self.assertEqual(self.status()["device"]["boots"], 2)
        self.assertEqual(self.status()["device"]["reset_reason"], "ext")
        self.expect(monitor, r"I \(\d+\) boot: .*reset reason: ext")
        self.expect(monitor, "app: ext, boot 2")  # RTC memory stays

    def test_it_sleeps_until_a_pin_wakes_it(self):
        self.start()
        monitor = self.monitor()
        self.expect(monitor, "app: poweron, boot 1")
        monitor.stdin.write("sleep\n")
        self.expect(monitor, "Entering deep sleep: wakes up")
        device = self.status()["device"]
        self.assertEqual((device["asleep"], device["boots"], device["reset_reason"]), (True, 1, "poweron"))
        self.assertRegex(self.run_ok("device", "status", self.flash), "(?m)^asleep ")
        self.run_ok("device", "gpio", self.flash, "4=1")
        self.expect(monitor, "app: something else, boot 2")
        device = self.status()["device"]
        self.assertEqual((device["asleep"], device["boots"], device["reset_reason"]), (False, 2, "deepsleep"))

    def test_off_and_on_again_forgets_rtc_memory(self):
        self.start()
        monitor = self.monitor()
        self.expect(monitor, "app: poweron, boot 1")
        self.run_ok("device", "reset", self.flash)
        self.expect(monitor, "app: ext, boot 2")
        self.run_ok("device", "gpio", self.flash, "4=1")
        self.run_ok("device", "power-cycle", self.flash)
        self.expect(monitor, "app: poweron, boot 1")
        self.expect(monitor, "pin 4 is 1")

    def test_off_frees_the_flash_file_at_once(self):
        for _ in range(5):
            self.start()
            self.run_ok("device", "off", self.flash)
            self.run_ok("flash", "erase", self.flash, "--partition", "nvs")
            self.assertFalse(self.status()["running"])

    def test_efuses_are_shown_and_not_burnt_while_it_runs(self):
        self.start()
        self.assertIn("secure boot     off", self.run_ok("device", "efuse", self.flash))
        self.refused("device", "efuse", self.flash, "revoke", "2", "--yes", says="eFuses are burnt while it is off")
        self.run_ok("device", "off", self.flash)
        self.run_ok("device", "efuse", self.flash, "revoke", "2", "--yes")

    def test_pins(self):
        self.start(None, "--gpio", "4=0")
        monitor = self.monitor()
        self.expect(monitor, "pin 4 is 0")
        self.run_ok("device", "gpio", self.flash, "4=1", "5=0")
        self.expect(monitor, "pin 4 is 1")
        self.assertEqual(self.status()["device"]["gpio_in"], {"4": 1, "5": 0})
        self.run_ok("device", "gpio", self.flash, "4=0", "5=z")
        self.expect(monitor, "pin 4 is 0")
        self.assertEqual(self.status()["device"]["gpio_in"], {"4": 0})
        for wrong in ("4", "4=2", "64=1", "4=1x", "x=1", "-1=0"):
            self.refused("device", "gpio", self.flash, "--", wrong, status=2, says="write PIN=0, PIN=1 or PIN=z")
        self.refused("device", "gpio", self.flash, status=2, says="name a flash file and what to change")


class Erasing(Board):
    def test_erase_otadata_returns_to_factory(self):
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        self.start()
        self.assertEqual(self.status()["device"]["version"], "1.1.0")
        self.run_ok("device", "erase-otadata", self.flash)
        status = self.status()
        self.assertEqual((status["device"]["partition"], status["device"]["version"], status["device"]["reset_reason"]),
                         ("factory", "1.0.0", "ext"))
        self.assertEqual(status["device"]["wear"][1],
                         {"label": "otadata", "sectors": 2, "erases": 2, "max_erases": 1, "programs": 0,
                          "max_programs": 0})
        self.assertIsNone(status["apps"][1]["state"])

    def test_erase_otadata_of_a_device_that_is_off(self):
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        self.assertEqual(self.status()["boots_next"], "ota_0")
        self.run_ok("device", "erase-otadata", self.flash)
        self.assertEqual(self.status()["boots_next"], "factory")

    def test_erase_flash(self):
        for running in (False, True):
            self.flash = self.new("dev.bin")
            if running:
                self.start()
            said = self.run_ok("device", "erase-flash", self.flash)
            self.assertEqual(said, "nothing boots: the device is off\n" if running else "flash erased\n")
            with open(self.flash, "rb") as f:
                self.assertEqual(set(f.read()), {0xFF})
            status = self.status()
            self.assertEqual((status["running"], status["apps"], status["boots_next"]), (False, [], None))
            self.assertIn("no valid partition table at 0x8000", self.run_ok("device", "status", self.flash))
        self.refused("device", "erase-otadata", self.flash, says="no valid partition table")

    def test_a_table_without_otadata(self):
        with open(self.path("single.csv"), "w") as f:
            f.write("nvs,data,nvs,0x9000,0x6000\nfactory,app,factory,0x10000,4M\n")
        self.run_ok("flash", "new", self.flash, "--table", self.path("single.csv"), "--size", "8MB", "--force",
                    "--factory", self.path("1.0.0.img"))
        self.refused("device", "erase-otadata", self.flash, says="the table has no OTA data partition")
        self.start()
        self.refused("device", "erase-otadata", self.flash, says="the table has no OTA data partition")
        self.assertTrue(self.status()["running"])


class Status(Board):
    def test_off(self):
        status = self.status()
        image = {"size": 0x400000, "image": "valid", "error": None, "project": "board", "running": False, "state": None}
        self.assertEqual(status, {
            "running": False, "device": None, "chip": "linux", "chip_revision": "0.0", "efuse_block_revision": "0.0",
            "rollback": True, "anti_rollback": False, "secure_version": 0, "secure_boot": False,
            "keys": [{"digest": None, "revoked": False}] * 3, "boots_next": "factory", "boot_reason": "default", "apps": [
                dict(image, label="factory", offset=0x10000, version="1.0.0"),
                dict(image, label="ota_0", offset=0x410000, version="1.1.0"),
                dict(image, label="ota_1", offset=0x810000, version=None, project=None, image="empty")]})
        self.assertRegex(self.run_ok("device", "status", self.flash), r"^off\nchip +linux v0\.0, secure version 0, roll")

    def test_running(self):
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        pid = self.start(None, "--watchdog", "30")
        status = self.status()
        device = status["device"]
        self.assertEqual((device["pid"], device["boots"], device["reset_reason"], device["partition"],
                          device["project"], device["version"], device["watchdog_s"]),
                         (pid, 1, "poweron", "ota_0", "board", "1.1.0", 30))
        self.assertEqual([app["running"] for app in status["apps"]], [False, True, False])
        self.assertEqual(status["apps"][1]["state"], "UNDEFINED")
        text = self.run_ok("device", "status", self.flash)
        self.assertIn("running   process %d, for " % pid, text)
        self.assertRegex(text, r"(?m)^ota_0 +0x410000 +4M +board 1\.1\.0 +UNDEFINED, running, boots next$")
        self.assertRegex(text, r"(?m)^ota_0 +1024 +0 +0 +0 +0$")

    def test_damaged_images_and_what_boots_instead(self):
        self.run_ok("otadata", "switch", self.flash, "--slot", "0")
        with open(self.flash, "r+b") as f:
            f.seek(0x410000 + 5000)
            f.write(b"\x55\xaa\x55\xaa")
        status = self.status()
        self.assertEqual((status["apps"][1]["image"], status["boots_next"], status["boot_reason"]),
                         ("invalid", "factory", "fallback"))
        self.assertIsNotNone(status["apps"][1]["error"])
        self.assertIn("invalid: ", self.run_ok("device", "status", self.flash))

    def test_two_devices_side_by_side(self):
        other = self.new("other.bin")
        self.run_ok("otadata", "switch", other, "--slot", "0")
        self.start()
        self.start(other)
        self.run_ok("device", "reset", other)
        self.assertEqual([(d["version"], d["boots"]) for d in (self.status()["device"], self.status(other)["device"])],
                         [("1.0.0", 1), ("1.1.0", 2)])
        self.run_ok("device", "off", other)
        self.assertTrue(self.status()["running"])

    def test_a_killed_device_is_off_and_can_be_started_again(self):
        pid = self.start()
        os.kill(pid, signal.SIGKILL)
        # Its socket is still there, but nobody answers.
        deadline = time.monotonic() + PATIENCE
        while self.airlift("device", "reset", self.flash).returncode == 0:
            self.assertLess(time.monotonic(), deadline)
        self.assertTrue(os.path.exists(self.socket_path()))
        self.assertFalse(self.status()["running"])
        self.refused("device", "reset", self.flash, says="the device is off (airlift device run switches it on)")
        while self.airlift("flash", "erase", self.flash, "-p", "nvs").returncode:  # the app dies a moment later
            self.assertLess(time.monotonic(), deadline)
        self.start()
        self.assertTrue(self.status()["running"])
        self.run_ok("device", "off", self.flash)
        self.assertEqual(os.listdir(self.path("airlift")), [])

    def test_commands_need_a_device(self):
        for verb in ("reset", "power-cycle", "off", "monitor"):
            self.refused("device", verb, self.flash, says="dev.bin: the device is off")
            self.refused("device", verb, self.path("none.bin"), says="none.bin: No such file or directory")
            self.refused("device", verb, status=2, says="name one flash file")
        self.refused("device", "gpio", self.flash, "4=1", says="dev.bin: the device is off")
        self.refused("device", "status", self.path("none.bin"), says="none.bin: No such file or directory")

    def test_a_directory_others_can_write_to_is_not_used(self):
        self.start()
        os.chmod(self.path("airlift"), 0o777)
        try:
            self.assertFalse(self.status()["running"])
        finally:
            os.chmod(self.path("airlift"), 0o700)
        self.assertTrue(self.status()["running"])


class Console(Board):
    def test_a_monitor_sees_and_types(self):
        self.start()
        first, second = self.monitor(), self.monitor(None, "--replay", "0")
        self.expect(first, "app: poweron, boot 1")
        with self.typing(first, "hello board\n"):  # nobody says when the second one is attached
            self.expect(second, "^app: read hello board$")
        self.expect(first, "^app: read hello board$")
        third = self.monitor()  # late, and sees all the same
        self.expect(third, "^ESP-ROM:")
        self.expect(third, "^app: read hello board$")
        first.stdin.close()  # nobody types there any more; it goes on showing
        self.run_ok("device", "off", self.flash)
        for monitor in (first, second, third):
            self.assertEqual(monitor.wait(PATIENCE), 0)
            self.assertEqual(monitor.stderr.read(), "--- the device is off\n")

    def test_keys_on_a_terminal(self):
        self.start()
        primary, secondary = pty.openpty()
        monitor = subprocess.Popen([AIRLIFT, "device", "monitor", self.flash], stdin=secondary, stdout=secondary,
                                   stderr=secondary)
        self.addCleanup(lambda: monitor.poll() is None and monitor.kill())
        self.addCleanup(os.close, primary)
        os.close(secondary)
        self.seen = b""
        self.read_until(primary, b"Quit: Ctrl-]")
        self.read_until(primary, b"app: poweron")
        os.write(primary, b"typed\r")
        self.read_until(primary, b"app: read typed")
        os.write(primary, b"\x14\x08")  # Ctrl-T Ctrl-H
        self.read_until(primary, b"Ctrl-T Ctrl-R reset")
        os.write(primary, b"\x14\x12")  # Ctrl-T Ctrl-R
        self.read_until(primary, b"app: ext, boot 2")
        os.write(primary, b"\x14q")
        self.read_until(primary, b"no such key")
        os.write(primary, b"\x1d")  # Ctrl-]
        self.assertEqual(monitor.wait(PATIENCE), 0)
        self.assertTrue(self.status()["running"])

    def read_until(self, fd, text):
        while text not in self.seen:
            ready, _, _ = select.select([fd], [], [], PATIENCE)
            self.assertTrue(ready, self.seen)
            piece = os.read(fd, 4096)
            self.assertTrue(piece, self.seen)
            self.seen += piece
        self.seen = self.seen.partition(text)[2]

    def test_a_device_in_the_foreground_has_monitors_too(self):
        device = subprocess.Popen([AIRLIFT, "device", "run", self.flash], stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(device.communicate)
        self.addCleanup(self.airlift, "device", "off", self.flash)
        self.expect(device, "app: poweron, boot 1")
        self.expect(self.monitor(), "app: poweron, boot 1")
        self.run_ok("device", "reset", self.flash)
        self.expect(device, "app: ext, boot 2")
        self.run_ok("device", "off", self.flash)
        self.assertEqual(device.wait(PATIENCE), 0)

    def test_a_monitor_that_never_reads_hinders_nobody(self):
        self.start()
        with socket.socket(socket.AF_UNIX) as lazy:
            lazy.connect(self.socket_path())
            lazy.sendall(b"monitor 65536\n")
            monitor = self.monitor()
            self.expect(monitor, "app: poweron, boot 1")
            for i in range(2000):  # more than any socket holds
                monitor.stdin.write("%04d %s\n" % (i, "x" * 90))
                if i % 10 == 9:
                    self.expect(monitor, "app: read %04d" % i)
            self.run_ok("device", "reset", self.flash)
            self.expect(monitor, "app: ext, boot 2")

    def test_run_in_the_background_says_what_went_wrong(self):
        self.refused("device", "run", "-d", self.path("none.bin"), says="none.bin: No such file or directory")
        self.start()
        self.refused("device", "run", "-d", self.flash, says="in use by another device")
        self.refused("device", "run", "-d", "--json", self.flash, status=2, says="exclude each other")


class Update(unittest.TestCase):
    """The reference agent takes a device from one real release to the next."""

    def test_each_sector_is_erased_once_and_programmed_once(self):
        with tempfile.TemporaryDirectory(prefix="airlift-board-") as folder, FaultyServer() as server:
            os.environ["XDG_RUNTIME_DIR"] = folder
            flash = os.path.join(folder, "dev.bin")
            csv = os.path.join(folder, "t.csv")
            with open(csv, "w") as f:
                f.write("nvs,data,nvs,0x9000,0x5000\notadata,data,ota,0xe000,0x2000\n"
                        "app0,app,ota_0,0x10000,0x190000\napp1,app,ota_1,0x1A0000,0x190000\n")
            with open(os.path.join(DATA, "wled-esp32c3-0.14.3.bin"), "rb") as f:
                image = f.read()
            manifest = {"version": "0.14.3", "url": "wled.bin", "size": len(image),
                        "sha256": hashlib.sha256(image).hexdigest()}
            server.routes["/fw/version.json"] = Route(json.dumps(manifest).encode(), content_type="application/json")
            server.routes["/fw/wled.bin"] = Route(image)
            Board.run_ok("flash", "new", flash, "--size", "4MB", "--table", csv, "--chip", "esp32c3",
                         "--app", "app0=" + os.path.join(DATA, "wled-esp32c3-0.14.2.bin"))
            environment = dict(os.environ, AIRLIFT_AGENT_STABILISATION_S="0", AIRLIFT_AGENT_ATTEMPT_DELAY_S="0")
            Board.run_ok("device", "run", "-d", flash, "--ca", server.ca,
                         "--manifest-url", server.url("/fw/version.json"), env=environment)
            try:
                monitor = subprocess.Popen([AIRLIFT, "device", "monitor", flash], text=True, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE)
                try:
                    Board.expect(self, monitor, "running .* from app0")
                    Board.expect(self, monitor, r"installed 0\.14\.3 in app1")
                    Board.expect(self, monitor, r"0\.14\.3 confirmed after its health check")
                finally:
                    monitor.kill()
                    monitor.communicate()
                status = json.loads(Board.run_ok("device", "status", flash, "--json"))
                wear = {row.pop("label"): row for row in status["device"]["wear"]}
                sectors = -(-len(image) // 4096)
                self.assertEqual(wear["app1"], {"sectors": 400, "erases": sectors, "max_erases": 1,
                                                "programs": sectors, "max_programs": 1})
                self.assertEqual(wear["app0"], {"sectors": 400, "erases": 0, "max_erases": 0, "programs": 0,
                                                "max_programs": 0})
                self.assertEqual(status["device"]["flash"]["violations"], 0)
                self.assertEqual((status["boots_next"], status["apps"][1]["state"]), ("app1", "VALID"))
            finally:
                Board.airlift("device", "off", flash)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    STAGE = os.path.abspath(sys.argv.pop(1))
    AIRLIFT = os.path.join(STAGE, "bin", "airlift")
    unittest.main(verbosity=1)
