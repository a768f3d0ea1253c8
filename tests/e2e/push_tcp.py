#!/usr/bin/env python3
"""Firmware pushed over plain TCP: byte-exact talks in both directions, and what was added to them.

    push_tcp.py STAGE [TEST ...]

OldSender does what the script of 2016 does, OldDevice what its receiver does: both are written from the
description of the bytes, and know nothing of what airlift added.
"""

import hashlib
import hmac
import json
import os
import re
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

CHUNK = 4096


# ---- doubles -------------------------------------------------------------------------------------

class OldSender:
    """One record, one answer; everything said is kept."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.talk = []

    def ask(self, record):
        while True:
            self.sock.sendall(record)
            line = self.answer(record)
            if record != b"![\n" or not re.match(rb"OTA_ERROR 7 the (device has just|running)", line):
                return line
            self.talk.pop()  # its agent is not quite there yet
            time.sleep(0.05)

    def answer(self, record=b""):
        line = b""
        while not line.endswith(b"\n"):
            got = self.sock.recv(1)
            if not got:
                raise ConnectionError("closed after %r" % line)
            line += got
        self.talk.append((record, line))
        return line

    def push(self, image, until=None):
        answers = [self.ask(b"![\n")]
        for at in range(0, len(image) if until is None else until, CHUNK):
            piece = image[at:at + CHUNK]
            answers.append(self.ask(b"!%04x" % (len(piece) + 5) + piece))
        if until is None:
            answers += [self.ask(b"!]\n"), self.ask(b"!*\n")]
        return answers

    def close(self):
        self.sock.close()


class OldDevice(threading.Thread):
    """A receiver of 2016: looks at what one recv() brings, takes one record at a time, waits for it to be whole."""

    def __init__(self, fail_at=None):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.image, self.records, self.pipelined, self.restarted = b"", [], False, False
        self.fail_at = fail_at
        self.start()

    def run(self):
        client, _ = self.listener.accept()
        data = b""
        with client:
            while True:
                got = client.recv(10000)
                if not got:
                    return
                data += got
                need = int(data[1:5], 16) if re.match(rb"![0-9a-f]{4}", data) else None
                if need is None and not data.endswith(b"\n"):
                    continue
                if need is not None and len(data) < need:
                    continue
                if need is not None and len(data) > need:
                    self.pipelined = True  # the real one is confused by that
                self.records.append(data)
                client.sendall(self.take(data))
                data = b""

    def take(self, record):
        if record[:2] == b"![":
            self.image = b""
        elif re.match(rb"![0-9a-f]{4}", record):
            if self.fail_at is not None and len(self.image) >= self.fail_at:
                return b"OTA_ERROR 4\r\n"
            self.image += record[5:]
        elif record == b"!*\n":
            self.restarted = True
        return b"OK\r\n"


# ---- the talk of 2016 ------------------------------------------------------------------------------

class Old(World):
    def test_old_script_updates_the_device_word_for_word(self):
        device = self.boot(push_tcp=self.port)
        sender = OldSender(self.port)
        sender.push(self.image)
        image = self.image
        last = image[len(image) // CHUNK * CHUNK:]
        expected = [(b"![\n", b"OK\r\n")]
        expected += [(b"!1005" + image[at:at + CHUNK], b"OK\r\n") for at in range(0, len(image) - len(last), CHUNK)]
        expected += [(b"!%04x" % (len(last) + 5) + last, b"OK\r\n"), (b"!]\n", b"OK\r\n"), (b"!*\n", b"OK\r\n")]
        self.assertEqual(sender.talk, expected)
        sender.close()
        device.expect(r"restarting in 2000 ms")
        self.expect_installed()
        self.stop()
        self.assertEqual(self.partition("ota_0")[:len(image)], image)

    def test_errors_begin_as_they_did_and_say_why(self):
        self.boot(push_tcp=self.port)
        sender = OldSender(self.port)
        self.assertEqual(sender.ask(b"anything at all\n"), b"OK\r\n")
        self.assertEqual(sender.ask(b"?\n"), b"OK\r\n")
        self.assertEqual(sender.ask(b"!0006x"), b"OTA_ERROR 4 no update is under way\r\n")
        self.assertEqual(sender.ask(b"!]\n"), b"OTA_ERROR 5 no update is under way\r\n")
        damaged = self.image[:100000] + b"?" + self.image[100001:]
        answers = sender.push(damaged)[:-1]
        self.assertEqual(set(answers[:-1]), {b"OK\r\n"})
        self.assertRegex(answers[-1], rb"^OTA_ERROR 5 the image does not verify .*\r\n$")
        sender.close()
        self.stop()

    def test_image_for_another_chip_is_refused_before_anything_is_erased(self):
        self.boot(push_tcp=self.port)
        sender = OldSender(self.port)
        sender.ask(b"![\n")
        other = make_image("1.4.3", chip=agent.ESP32S3)
        answers = [sender.ask(b"!1005" + other[at:at + CHUNK]) for at in (0, CHUNK, 2 * CHUNK)]
        self.assertRegex(b"".join(answers), rb"OTA_ERROR 4 the image is for chip id 0x0009, this is 0x0005\r\n")
        sender.close()
        self.stop()
        self.assertEqual(set(self.partition("ota_0")), {0xFF})

    def test_records_are_split_wherever_the_network_cuts(self):
        self.boot(push_tcp=self.port)
        sender = OldSender(self.port)
        stream = b"![\n" + b"".join(b"!%04x" % (len(p) + 5) + p for p in
                                    (self.image[at:at + 1000] for at in range(0, len(self.image), 1000))) + b"!]\n"
        count = 2 + (len(self.image) + 999) // 1000

        def send():
            for at in range(0, len(stream), 777):
                sender.sock.sendall(stream[at:at + 777])
        thread = threading.Thread(target=send)
        thread.start()
        self.assertEqual([sender.answer() for _ in range(count)], [b"OK\r\n"] * count)
        thread.join()
        sender.close()
        self.stop()
        self.assertEqual(self.partition("ota_0")[:len(self.image)], self.image)

    def test_nonsense_ends_the_connection_not_the_device(self):
        device = self.boot(push_tcp=self.port)
        for record in (b"!zzzz", b"!0005", b"!0000", b"!1006", b"!ffff"):
            sender = OldSender(self.port)
            self.assertRegex(sender.ask(record), rb"^OTA_ERROR 8 ")
            self.assertEqual(sender.sock.recv(1), b"")
            sender.close()
        self.assertEqual(OldSender(self.port).ask(b"![\n"), b"OK\r\n")
        self.assertIsNone(device.process.poll())

    def test_slots_alternate_and_factory_stays(self):
        self.boot(push_tcp=self.port)
        for version, slot in (("1.4.3", "ota_0"), ("1.4.4", "ota_1"), ("1.4.5", "ota_0")):
            sender = OldSender(self.port)
            sender.push(make_image(version))
            sender.close()
            self.expect_installed(version, slot)
        self.stop()
        self.assertEqual(self.partition("factory")[:len(self.factory_image)], self.factory_image)


# ---- who may ----------------------------------------------------------------------------------------

class Key(World):
    def boot_with_key(self, **settings):
        return self.boot(push_tcp=self.port, push_key="a real key", **settings)

    def test_without_the_key_nothing_is_begun(self):
        self.boot_with_key()
        sender = OldSender(self.port)
        self.assertRegex(sender.ask(b"![\n"), rb"^OTA_ERROR 6 this device wants a key")
        self.assertEqual(sender.sock.recv(1), b"")
        self.assertRegex(OldSender(self.port).ask(b"!*\n"), rb"^OTA_ERROR 6 ")
        target = "127.0.0.1:%d" % self.port
        done = self.airlift("push", "tcp", target, self.image_path)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"wants its key: give it with --key-file or in AIRLIFT_PUSH_KEY\n$")
        done = self.airlift("push", "tcp", target, self.image_path, env={"AIRLIFT_PUSH_KEY": "another key"})
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"the device says: the key is not this device's\n$")
        self.stop()
        self.assertEqual(set(self.partition("ota_0")), {0xFF})

    def test_the_proof_is_bound_to_the_image_and_good_once(self):
        self.boot_with_key()
        sender = OldSender(self.port)
        match = re.match(rb"OK airlift 1 window=(\d+) key=yes nonce=([0-9a-f]{64})\r\n$", sender.ask(b"?airlift 1\n"))
        self.assertIsNotNone(match)
        said = b"%d %s %s" % (len(self.image), digest(self.image).encode(), b"c" * 32)
        text = b"airlift push 1\n" + match.group(2) + b"\n" + said + b"\n"
        mac = hmac.new(b"a real key", text, hashlib.sha256).hexdigest().encode()
        self.assertEqual(sender.ask(b"?image " + mac + b" " + said + b"\n"), b"OK\r\n")
        self.assertEqual(sender.ask(b"![\n"), b"OK resume=0\r\n")
        other = make_image("9.9.9", size=len(self.image))
        for at in range(0, len(other), CHUNK):
            piece = other[at:at + CHUNK]
            sender.ask(b"!%04x" % (len(piece) + 5) + piece)
        self.assertRegex(sender.ask(b"!]\n"), rb"^OTA_ERROR 5 (the image's SHA-256 is not|.*bytes came)")
        # said once more, by somebody who listened
        self.assertRegex(sender.ask(b"?image " + mac + b" " + said + b"\n"), rb"^OTA_ERROR 6 ")

    def test_with_the_key_it_is_installed(self):
        self.boot_with_key()
        key = self.write("key", b"a real key\n")
        done = self.airlift("push", "tcp", "127.0.0.1:%d" % self.port, self.image_path, "--key-file", key, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        result = json.loads(done.stdout)
        self.assertEqual((result["bytes"], result["sha256"], result["resumed_from"], result["restarted"]),
                         (len(self.image), digest(self.image), 0, True))
        self.expect_installed()
        self.stop()

    def test_without_a_key_only_the_device_itself_may(self):
        address = next((a for a in self.addresses() if not a.startswith("127.")), None)
        if address is None:
            self.skipTest("this machine has no address but 127.0.0.1")
        self.boot(push_tcp=self.port)
        with socket.create_connection((address, self.port), timeout=PATIENCE_S) as sock:
            sock.sendall(b"![\n")
            self.assertRegex(sock.recv(200), rb"^OTA_ERROR 6 this device has no key yet")
        self.stop()

    @staticmethod
    def addresses():
        out = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, text=True).stdout
        return [a for a in out.split() if "." in a]


# ---- what goes wrong -----------------------------------------------------------------------------------

class Trouble(World):
    image = make_image("1.4.3", size=600000)

    def test_second_sender_is_told_busy_and_the_first_goes_on(self):
        self.boot(push_tcp=self.port)
        first = OldSender(self.port)
        first.push(self.image, until=CHUNK)
        self.assertEqual(OldSender(self.port).ask(b"![\n"), b"OTA_ERROR 7 another sender is connected\r\n")
        self.assertEqual(first.push(self.image)[-1], b"OK\r\n")

    def test_sender_that_vanishes_frees_the_session(self):
        device = self.boot(push_tcp=self.port)
        first = OldSender(self.port)
        first.push(self.image, until=40000)
        first.close()
        device.expect(r"the sender is gone in the middle of an update")
        second = OldSender(self.port)
        self.assertEqual(set(second.push(self.image)), {b"OK\r\n"})

    def test_silent_sender_is_given_up(self):
        device = self.boot(push_tcp=self.port, push_timeout_s=1)
        first = OldSender(self.port)
        first.push(self.image, until=40000)
        device.expect(r"nothing came for 1 s")
        self.assertEqual(first.sock.recv(1), b"")
        self.assertEqual(OldSender(self.port).ask(b"![\n"), b"OK\r\n")

    def test_push_goes_on_where_a_lost_one_stopped(self):
        target = "127.0.0.1:%d" % self.port
        device = self.boot(["--flash-timing", "w25q32"], push_tcp=self.port)
        sender = subprocess.Popen([agent.AIRLIFT, "push", "tcp", target, self.image_path], stdout=subprocess.DEVNULL)
        device.expect(r"connected")
        time.sleep(1)  # some blocks; how many does not matter
        sender.kill()
        sender.wait()
        device.expect(r"push over TCP ended at \d+ bytes")
        device.pull_the_plug()
        self.boot(push_tcp=self.port)
        done = self.airlift("push", "tcp", target, self.image_path, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertGreater(json.loads(done.stdout)["resumed_from"], 0)
        self.expect_installed()
        self.stop()
        self.assertEqual(self.partition("ota_0")[:len(self.image)], self.image)

    def test_sick_version_is_rolled_back_and_not_taken_again_unless_forced(self):
        target = "127.0.0.1:%d" % self.port
        device = self.boot(push_tcp=self.port, sick_version="1.4.3")
        self.assertEqual(self.airlift("push", "tcp", target, self.image_path).returncode, 0)
        device.expect(r"1\.4\.3 is not fit to stay")
        device.expect(r"running 1\.4\.2 from factory")
        device.expect(r"1\.4\.3 was rolled back")
        done = self.airlift("push", "tcp", target, self.image_path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"this image was rolled back here \(health\)\n$")
        self.assertEqual(self.airlift("push", "tcp", target, self.image_path, "--force", "--no-restart").returncode, 0)
        self.stop()

    def driven_pins(self):
        return json.loads(self.airlift("device", "status", self.flash, "--json").stdout)["device"]["gpio_out"]

    def test_pins_tell_what_goes_on(self):
        for pin in ("5", "0"):
            self.boot(push_tcp=self.port, push_led=pin)
            while not (pins := self.driven_pins()):
                time.sleep(0.05)  # its task has not begun
            self.assertEqual(list(pins), [pin])
            self.stop()
        self.boot(push_tcp=self.port)
        self.assertEqual(self.driven_pins(), {})
        self.stop()

    def test_mistakes_are_told(self):
        for words, status, text in (
                (["push", "tcp"], 2, "give the device and the image"),
                (["push", "tcp", "host:0", self.image_path], 2, "write HOST or HOST:PORT"),
                (["push", "tcp", "127.0.0.1:%d" % free_port(), self.image_path, "--tries", "1"], 1, "Connection refused"),
                (["push", "tcp", "127.0.0.1", self.write("x.bin", b"no image")], 1, "not a whole, intact app image")):
            done = self.airlift(*words)
            self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
            self.assertIn(text, done.stderr)


# ---- our sender and a device of 2016 -----------------------------------------------------------------------

class OurSender(World):
    def push(self, device, *words):
        return self.airlift("push", "tcp", "127.0.0.1:%d" % device.port, self.image_path, *words)

    def test_old_device_gets_one_record_at_a_time(self):
        device = OldDevice()
        self.assertEqual(self.push(device).returncode, 0)
        image = self.image
        expected = [b"?airlift 1\n", b"![\n"]
        expected += [b"!%04x" % (len(image[at:at + CHUNK]) + 5) + image[at:at + CHUNK]
                     for at in range(0, len(image), CHUNK)]
        self.assertEqual(device.records, expected + [b"!]\n", b"!*\n"])
        self.assertFalse(device.pipelined)
        self.assertTrue(device.restarted)
        self.assertEqual(device.image, image)

    def test_no_restart_is_left_out(self):
        device = OldDevice()
        self.assertEqual(self.push(device, "--no-restart").returncode, 0)
        self.assertFalse(device.restarted)

    def test_error_of_an_old_device_is_explained(self):
        done = self.push(OldDevice(fail_at=8192))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"the device says: write failed\n$")


if __name__ == "__main__":
    main(__doc__, sys.argv)
