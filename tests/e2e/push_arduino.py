#!/usr/bin/env python3
"""ArduinoOTA in both directions, with doubles written from the description of the bytes.

    push_arduino.py STAGE [TEST ...]

Host does what espota.py does, old and new; StockDevice what Arduino's core does. With AIRLIFT_ESPOTA=FILE the
real script FILE is run against our device too.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402
from agent import make_image  # noqa: E402
from push_world import PATIENCE_S, World, digest, free_port, main  # noqa: E402


# ---- authentication, independently of the C code ------------------------------------------------

def response(password, nonce, cnonce, md5_target=False):
    """What a host answers; the nonce's length tells the scheme."""
    if len(nonce) == 32:
        return digest(("%s:%s:%s" % (digest(password.encode(), "md5"), nonce, cnonce)).encode(), "md5")
    p = digest(password.encode(), "md5" if md5_target else "sha256")
    k = hashlib.pbkdf2_hmac("sha256", p.encode(), ("%s:%s" % (nonce, cnonce)).encode(), 10000).hex()
    return digest(("%s:%s:%s" % (k, nonce, cnonce)).encode())


def make_cnonce(nonce, text):
    return digest(text.encode(), "md5" if len(nonce) == 32 else "sha256")


class Vectors(unittest.TestCase):
    """The double itself, against published numbers."""

    def test_legacy(self):
        nonce = "e10adc3949ba59abbe56e057f20f883e"
        cnonce = make_cnonce(nonce, "fw.bin10009dd4e461268c8034f5c8564e155c67a6192.168.4.1")
        self.assertEqual(cnonce, "3f379fc6d7eddf0357cc65505b1e8236")
        self.assertEqual(response("a-real-password", nonce, cnonce), "3251fd697d8d9d0dfc0b4fbd8ba02739")

    def test_current(self):
        self.assertEqual(response("a-real-password", "ab" * 32, "cd" * 32),
                         "4d63ba8b1efa8949a0c5caefe7e8bc77db582e5531bdf2667c663394b4551b93")


# ---- doubles ---------------------------------------------------------------------------------------

class Host:
    """espota.py: an invitation, the password, then 1024 bytes and an answer at a time. Keeps the talk."""

    def __init__(self, port, image, command=0, password=None, md5=None, size=None):
        self.device, self.image, self.command, self.password = ("127.0.0.1", port), image, command, password
        self.md5 = md5 or digest(image, "md5")
        self.size = size or len(image)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.port = self.listener.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.talk, self.counts, self.result = [], b"", b""

    def close(self):
        self.listener.close()
        self.udp.close()

    def say(self, text, tries=1, wait_s=PATIENCE_S):
        for _ in range(tries):
            self.udp.sendto(text, self.device)
            self.udp.settimeout(wait_s)
            try:
                answer = self.udp.recv(69)
            except socket.timeout:
                continue
            self.talk.append((text, answer))
            return answer
        return None

    def invite(self):
        """True if the device will connect."""
        invitation = b"%d %d %d %s\n" % (self.command, self.port, self.size, self.md5.encode())
        answer = self.say(invitation, tries=200, wait_s=0.3)
        if answer and answer.startswith(b"AUTH "):
            nonce = answer[5:].decode()
            cnonce = make_cnonce(nonce, "fw.bin%d%s127.0.0.1" % (self.size, self.md5))
            proof = response(self.password or "", nonce, cnonce)
            if len(nonce) == 64:  # as the newer script: from another socket
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            answer = self.say(b"200 %s %s\n" % (cnonce.encode(), proof.encode()))
        return answer == b"OK"

    def push(self, stop_after=None):
        if not self.invite():
            return False
        self.listener.settimeout(10)
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(10)
            for at in range(0, len(self.image), 1024):
                if stop_after is not None and at >= stop_after:
                    return False
                connection.sendall(self.image[at:at + 1024])
                self.counts += connection.recv(10)
            connection.settimeout(60)
            while b"OK" not in self.counts + self.result:
                got = connection.recv(32)
                if not got:
                    return False
                self.result += got
        return True


class StockDevice(threading.Thread):
    """Arduino's core on a chip: legacy or current, with or without a password."""

    def __init__(self, password=None, legacy=False, stored_md5=False, result=b"OK", connects=True):
        super().__init__(daemon=True)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.password, self.legacy, self.stored_md5, self.connects = password, legacy, stored_md5, connects
        self.result, self.datagrams, self.image, self.command = result, [], b"", None
        self.start()

    def run(self):
        while True:
            text, host = self.udp.recvfrom(255)
            self.datagrams.append(text)
            command, port, size, md5 = text.decode().split()
            if self.password is not None and not self.challenge(host):
                self.udp.sendto(b"Authentication Failed", host)
                continue
            self.udp.sendto(b"OK", host)
            self.command = int(command)
            if self.connects:
                self.take((host[0], int(port)), int(size), md5)
                if self.result == b"OK":
                    return

    def challenge(self, host):
        nonce = os.urandom(16 if self.legacy else 32).hex()
        self.udp.sendto(b"AUTH " + nonce.encode(), host)
        text, _ = self.udp.recvfrom(255)
        self.datagrams.append(text)
        command, cnonce, proof = text.decode().split()
        return command == "200" and len(cnonce) == len(nonce) and \
            proof == response(self.password, nonce, cnonce, self.stored_md5)

    def take(self, host, size, md5):
        self.image = b""
        with socket.create_connection(host) as tcp:
            while len(self.image) < size:
                got = tcp.recv(min(1460, size - len(self.image)))
                if not got:
                    return
                self.image += got
                tcp.sendall(b"%d" % len(got))
            good = digest(self.image, "md5") == md5
            tcp.sendall(self.result if good else b"MD5 Check Failed\r\n")


# ---- our device ------------------------------------------------------------------------------------------

class Device(World):
    image = make_image("1.4.3", size=200000)

    def setUp(self):
        super().setUp()
        self.udp_port = free_port(socket.SOCK_DGRAM)

    def boot_for_arduino(self, options=(), **settings):
        return self.boot(options, push_arduino=self.udp_port, **settings)

    def host(self, image=None, **options):
        host = Host(self.udp_port, self.image if image is None else image, **options)
        self.addCleanup(host.close)
        return host

    def test_push_without_a_password_word_for_word(self):
        self.boot_for_arduino()
        host = self.host()
        self.assertTrue(host.push())
        self.assertEqual(host.talk, [(b"0 %d %d %s\n" % (host.port, len(self.image), host.md5.encode()), b"OK")])
        whole, last = divmod(len(self.image), 1024)
        self.assertEqual(host.counts + host.result, b"1024" * whole + b"%d" % last + b"OK")
        self.device.expect(r"restarting in 100 ms")
        self.expect_installed()
        self.stop()
        self.assertEqual(self.partition("ota_0")[:len(self.image)], self.image)

    def test_password_in_both_schemes(self):
        for settings, digits in (({}, 64), ({"push_md5": 1}, 32)):
            self.boot_for_arduino(push_password="a-real-password", **settings)
            wrong = self.host(password="another")
            self.assertFalse(wrong.push())
            self.assertRegex(wrong.talk[0][1], rb"^AUTH [0-9a-f]{%d}$" % digits)
            self.assertEqual(wrong.talk[1][1], b"Authentication Failed")
            right = self.host(password="a-real-password")
            self.assertTrue(right.push())
            self.assertEqual([answer for _, answer in right.talk][1:], [b"OK"])
            self.device.pull_the_plug()

    def test_a_proof_is_good_once_and_from_its_sender_only(self):
        self.boot_for_arduino(push_password="a-real-password")
        host, thief = self.host(), self.host()
        answer = host.say(b"0 %d %d %s\n" % (host.port, host.size, host.md5.encode()), tries=200, wait_s=0.3)
        nonce = answer[5:].decode()
        proof = b"200 %s %s\n" % (b"cd" * 32, response("a-real-password", nonce, "cd" * 32).encode())
        thief.udp.bind(("127.0.0.2", 0))
        self.assertEqual(thief.say(proof), b"Authentication Failed")
        self.assertIsNone(host.say(proof, wait_s=0.5))  # the nonce is used up

    def test_nonsense_is_dropped_without_a_word(self):
        self.boot_for_arduino(push_password="a-real-password")
        host = self.host()
        md5 = host.md5.encode()
        for text in (b"", b"\n", b"0\n", b"0 1 2\n", b"7 1000 100 " + md5 + b"\n", b"0 0 100 " + md5 + b"\n",
                     b"0 1000 0 " + md5 + b"\n", b"0 1000 100 " + md5[1:] + b"\n", b"0 70000 100 " + md5 + b"\n",
                     b"200 " + b"c" * 64 + b" " + b"d" * 64 + b"\n", b"0" * 300, b"0 1000 100 " + md5 + b" x\n"):
            self.assertIsNone(host.say(text, wait_s=0.05), text)
        self.assertRegex(host.say(b"0 %d 1000 %s\n" % (host.port, md5), tries=200, wait_s=0.3), rb"^AUTH ")

    def test_what_is_wrong_is_told_in_arduinos_words(self):
        self.boot_for_arduino()
        damaged = self.image[:100000] + b"?" + self.image[100001:]
        for image, md5, text in ((self.image, "0" * 32, b"MD5 Check Failed\r\n"),
                                 (damaged, None, b"Could Not Activate The Firmware\r\n"),
                                 (b"<html>" + self.image, None, b"Wrong Magic Byte\r\n")):
            host = self.host(image, md5=md5)
            try:
                self.assertFalse(host.push())
            except (ConnectionError, BrokenPipeError):
                pass  # it sent on while the device had hung up
            self.assertIn(text.strip(), host.counts + host.result)
        host = self.host(size=2 << 20)
        self.assertFalse(host.push())
        self.assertEqual(host.talk[0][1], b"Not Enough Space")
        self.assertTrue(self.host().push())

    def test_silence_is_answered_with_the_last_count_and_then_given_up(self):
        device = self.boot_for_arduino()
        host = self.host()
        self.assertTrue(host.invite())
        connection, _ = host.listener.accept()
        with connection:
            connection.sendall(self.image[:1000])
            heard = b""
            while True:
                got = connection.recv(100)
                if not got:
                    break
                heard += got
        self.assertEqual(heard, b"1000" * 4 + b"Stream Read Timeout\r\n")
        device.expect(r"the host fell silent after 1000 bytes")
        self.assertTrue(self.host().push())

    def test_image_of_a_file_system(self):
        self.table_with_spiffs()
        self.boot_for_arduino()
        data = os.urandom(50000)
        host = self.host(data, command=100)
        self.assertTrue(host.push())
        self.device.expect(r"running 1\.4\.2 from factory")
        self.stop()
        self.assertEqual(self.partition("spiffs")[:len(data)], data)
        self.assertEqual(set(self.partition("ota_0")), {0xFF})

    def table_with_spiffs(self):
        csv = self.write("table.csv", b"nvs,data,nvs,0x9000,0x4000\notadata,data,ota,0xd000,0x2000\n"
                                      b"factory,app,factory,0x10000,1M\nota_0,app,ota_0,,1M\nota_1,app,ota_1,,512K\n"
                                      b"spiffs,data,spiffs,,256K\n")
        for path in (self.flash, self.flash + ".json"):
            os.unlink(path)
        subprocess.run([agent.AIRLIFT, "flash", "new", self.flash, "--table", csv, "--factory",
                        os.path.join(self.dir, "factory.bin")], check=True, stdout=subprocess.DEVNULL)

    @unittest.skipUnless(os.environ.get("AIRLIFT_ESPOTA"), "AIRLIFT_ESPOTA names no espota.py")
    def test_real_espota(self):
        md5_only = b"pbkdf2" not in open(os.environ["AIRLIFT_ESPOTA"], "rb").read()
        self.boot_for_arduino(push_password="a-real-password", **({"push_md5": 1} if md5_only else {}))
        command = [sys.executable, os.environ["AIRLIFT_ESPOTA"], "-i", "127.0.0.1", "-p", str(self.udp_port),
                   "-P", str(free_port()), "-f", self.image_path]
        wrong = subprocess.run(command + ["-a", "wrong"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(wrong.returncode, 1, wrong.stdout)
        done = subprocess.run(command + ["-a", "a-real-password"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.expect_installed()


# ---- the announcement -----------------------------------------------------------------------------------

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/><allow user="*"/></policy></busconfig>
"""
DAEMON = """[server]
use-ipv6=no
allow-interfaces=lo
enable-dbus=yes
"""


class Announcement(World):
    """Over a bus and an Avahi daemon of the test's own, on the loopback interface."""

    def setUp(self):
        super().setUp()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.bus = "unix:path=%s/bus" % self.dir
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus
        self.addCleanup(os.environ.pop, "DBUS_SYSTEM_BUS_ADDRESS")

    def start(self, *command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def start_daemon(self):
        for program in ("dbus-daemon", "avahi-daemon", "avahi-browse"):
            if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
                self.skipTest("%s is not installed" % program)
        if os.getuid() != 0:
            self.skipTest("avahi-daemon runs for root only")
        self.start("dbus-daemon", "--nofork", "--config-file", self.write("bus.conf", (BUS % (self.dir + "/bus")).encode()))
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(self.dir + "/bus") and time.monotonic() < deadline:
            time.sleep(0.02)
        daemon = self.start("/usr/sbin/avahi-daemon", "-f", self.write("avahi.conf", DAEMON.encode()), "--no-drop-root",
                            "--no-chroot", "--no-rlimits")
        for line in daemon.stdout:
            if "startup complete" in line:
                return
        self.skipTest("avahi-daemon does not start: another one may run")

    def test_device_is_found_with_what_the_ide_asks_for(self):
        self.start_daemon()
        device = self.boot(push_arduino=self.udp_port, push_password="a-real-password", push_mdns=1)
        device.expect(r"mdns: announced")
        found = subprocess.run(["avahi-browse", "-rptk", "_arduino._tcp"], stdout=subprocess.PIPE, text=True,
                               timeout=PATIENCE_S).stdout
        self.assertRegex(found, r'=;lo;IPv4;esp32-[0-9a-f]{12};_arduino\._tcp;local;.*;127\.0\.0\.1;%d;"board=esp32" '
                                r'"tcp_check=no" "ssh_upload=no" "auth_upload=yes"' % self.udp_port)

    def test_without_a_daemon_the_device_says_so_and_goes_on(self):
        device = self.boot(push_arduino=self.udp_port, push_mdns=1)
        self.assertTrue(device.has(r"mdns: (nothing is announced|no Avahi daemon runs)"))
        host = Host(self.udp_port, self.image)
        self.addCleanup(host.close)
        self.assertTrue(host.push())


# ---- our sender -----------------------------------------------------------------------------------------------

class Sender(World):
    def push(self, device, *words, env=None):
        return self.airlift("push", "arduino", "127.0.0.1:%d" % device.port, self.image_path, *words, env=env)

    def test_stock_device_without_a_password(self):
        device = StockDevice()
        done = self.push(device, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["bytes"], len(self.image))
        self.assertEqual(device.image, self.image)
        self.assertRegex(device.datagrams[0], rb"^0 \d+ %d %s\n$" % (len(self.image), digest(self.image, "md5").encode()))

    def test_both_schemes_and_a_stored_md5(self):
        for stock, words in (({"legacy": True}, ()), ({}, ()), ({"stored_md5": True}, ("--md5-password",))):
            device = StockDevice(password="a-real-password", **stock)
            done = self.push(device, *words, env={"AIRLIFT_PUSH_PASSWORD": "a-real-password"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), stock)
            self.assertEqual(device.image, self.image)
            digits = 32 if stock.get("legacy") else 64
            self.assertRegex(device.datagrams[1], rb"^200 [0-9a-f]{%d} [0-9a-f]{%d}\n$" % (digits, digits))

    def test_image_of_a_file_system_is_not_looked_at(self):
        device = StockDevice()
        path = self.write("fs.bin", os.urandom(20000))
        done = self.airlift("push", "arduino", "127.0.0.1:%d" % device.port, path, "--spiffs")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((device.command, len(device.image)), (100, 20000))

    def test_what_went_wrong_is_told(self):
        device = StockDevice(password="a-real-password")
        for words, text in (((), r"wants a password"), (("-a", "wrong"), r"the password is not the device's")):
            done = self.push(device, *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, text)
            if not words:
                device = StockDevice(password="a-real-password")
        done = self.push(StockDevice(result=b"Could Not Activate The Firmware\r\n"))
        self.assertRegex(done.stderr, r"the device says: Could Not Activate The Firmware\n$")
        closed = free_port(socket.SOCK_DGRAM)
        done = self.airlift("push", "arduino", "127.0.0.1:%d" % closed, self.image_path, "--tries", "1")
        self.assertRegex(done.stderr, r"nothing listens at UDP port %d\n$" % closed)

    def test_our_device_with_our_sender(self):
        port = free_port(socket.SOCK_DGRAM)
        self.boot(push_arduino=port, push_password="a-real-password")
        done = self.airlift("push", "arduino", "127.0.0.1:%d" % port, self.image_path,
                            env={"AIRLIFT_PUSH_PASSWORD": "a-real-password"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.expect_installed()
        self.stop()
        self.assertEqual(self.partition("ota_0")[:len(self.image)], self.image)


if __name__ == "__main__":
    main(__doc__, sys.argv)
