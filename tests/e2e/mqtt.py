#!/usr/bin/env python3
"""Updates over MQTT: a virtual device, the real mosquitto, a server with the images.

    mqtt.py STAGE [TEST ...]

The device runs images for an ESP32-C3, so the reference agent runs in their place,
with a client certificate of its own and the ACLs of broker.py. No manifest.
"""

import hashlib
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402
from agent import PATIENCE_S, Device, make_image  # noqa: E402
from broker import Broker  # noqa: E402
from faulty_server import Route  # noqa: E402
from job_service import JobService  # noqa: E402
from mqtt_wire import Client, Refused  # noqa: E402
from shares import load_tests  # noqa: E402,F401

DEVICE = "lamp-7"


class MqttWorld(agent.World):
    """A broker, a server, and a device that runs 1.4.2 from its factory partition."""

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker([DEVICE, "lamp-8"])

    @classmethod
    def tearDownClass(cls):
        cls.broker.close()

    def setUp(self):
        super().setUp()
        # Each test has a session and topics of its own, as the broker is the same.
        self.watcher = Client(self.broker.port, "watcher-" + self.id().split(".")[-1])
        self.addCleanup(lambda: self.watcher.close())
        self.watcher.subscribe("devices/%s/status" % DEVICE)

    def tearDown(self):
        self.clean_up_device()
        forget = Client(self.broker.port, DEVICE)  # a clean session ends the device's persistent one
        forget.publish(self.topic(), b"", retain=True)
        forget.publish("groups/lamps/update", b"", retain=True)
        forget.close()

    def topic(self, what="update"):
        return "devices/%s/%s" % (DEVICE, what)

    def serve(self, version="1.4.3", image=None, path=None):
        """Put an image on the server; the route, and its URL."""
        path = path or "/fw/%s.bin" % version
        self.server.routes[path] = Route(self.image if image is None else image)
        return self.server.routes[path], self.server.url(path)

    def full(self, url, version="1.4.3", image=None, **changes):
        image = self.image if image is None else image
        fields = {"update_url": url, "version": version, "size": len(image),
                  "sha256": hashlib.sha256(image).hexdigest(), "md5": hashlib.md5(image).hexdigest(), **changes}
        return json.dumps(fields)

    def start(self, device=DEVICE, jobs=False, **settings):
        cert, key = self.broker.client(device)
        given = {"mqtt_uri": "mqtts://localhost:%d" % self.broker.tls_port, "mqtt_device": device,
                 "mqtt_group": "groups/lamps/update", "mqtt_ca": self.broker.ca, "mqtt_cert": cert, "mqtt_key": key,
                 "mqtt_progress_s": 1, "mqtt_max_reconnect_s": 1, **({"mqtt_jobs": 1} if jobs else {}), **settings}
        self.device = Device(self, None, self.server.ca, **given)
        return self.device

    def start_and_wait(self, **settings):
        device = self.start(**settings)
        device.expect("listening on devices/")
        return device

    def states(self):
        return [json.loads(payload)["state"] for _, payload, _ in list(self.watcher.messages)]

    def status(self, state, **fields):
        """Wait for a status message behind the last one that was waited for."""
        self.cursor = getattr(self, "cursor", 0)

        def find():
            while self.cursor < len(self.watcher.messages):
                message = json.loads(self.watcher.messages[self.cursor][1])
                self.cursor += 1
                if message["state"] == state and all(message.get(k) == v for k, v in fields.items()):
                    return message
            return None
        with self.watcher.grown:
            found = self.watcher.grown.wait_for(find, PATIENCE_S)
        if not found:
            raise AssertionError("no status %s %r in %r\n%s" % (state, fields, self.watcher.messages,
                                                               "\n".join(self.device.lines)))
        return found


class UpdateTopic(MqttWorld):
    def test_url_alone_is_enough(self):
        route, url = self.serve()
        device = self.start_and_wait()
        self.watcher.publish(self.topic(), json.dumps({"update_url": url + "?X-Amz-Signature=1"}))
        self.status("accepted")
        self.expect_installed(device)
        self.status("succeeded", version="1.4.3", running="1.4.3")
        # Again, live and with another signature: the image says that it is there.
        self.watcher.publish(self.topic(), json.dumps({"update_url": url + "?X-Amz-Signature=2"}))
        self.status("up_to_date")
        self.stop()
        self.assertEqual(self.states().count("restarting"), 1)

    def test_full_message_with_progress(self):
        image = make_image("1.4.3", size=600000)
        route, url = self.serve(image=image)
        route.drip, route.drip_s = 60000, 0.3
        device = self.start_and_wait()
        self.watcher.publish(self.topic(), self.full(url, image=image, id="campaign-7", signature="MEUC"))
        self.assertEqual(self.status("downloading", id="campaign-7")["total"], len(image))
        self.expect_installed(device)
        self.status("verified")
        self.status("restarting")
        self.assertEqual(self.status("succeeded", id="campaign-7")["running"], "1.4.3")
        self.stop()

    def test_retained_and_duplicate_messages_are_one_update(self):
        _, url = self.serve()
        message = self.full(url)
        self.watcher.publish(self.topic(), message, retain=True)
        device = self.start()
        device.expect("update .* begins")
        self.watcher.publish(self.topic(), message)
        self.watcher.publish(self.topic(), message)
        self.expect_installed(device)
        self.status("succeeded")
        self.stop()
        asked = len(self.asked("/fw/1.4.3.bin"))
        device = self.start()
        device.expect("comes again|dealt with already")  # it was switched off while it told the outcome, or after
        self.stop()
        self.assertEqual(len(self.asked("/fw/1.4.3.bin")), asked)
        self.assertEqual(self.states().count("restarting"), 1)

    def test_group_message(self):
        _, url = self.serve()
        device = self.start_and_wait()
        self.watcher.publish("groups/lamps/update", self.full(url))
        self.expect_installed(device)
        self.status("succeeded")
        self.stop()

    def test_rolled_back_is_reported_and_not_tried_again(self):
        _, url = self.serve()
        device = self.start_and_wait(sick_version="1.4.3")
        self.watcher.publish(self.topic(), self.full(url, id="bad-one"))
        device.expect("1.4.3 was rolled back")
        said = self.status("rolled_back", id="bad-one", version="1.4.3", running="1.4.2")
        self.assertEqual(said["reason"], "health")
        self.watcher.publish(self.topic(), self.full(url, id="bad-again", force=True))
        self.assertEqual(self.status("rejected", id="bad-again")["reason"], "known bad")
        self.stop()

    def test_older_only_by_force(self):
        old = make_image("1.4.1")
        _, url = self.serve("1.4.1", old)
        device = self.start_and_wait()
        self.watcher.publish(self.topic(), self.full(url, "1.4.1", old))
        self.status("up_to_date", version="1.4.1")
        self.watcher.publish(self.topic(), self.full(url, "1.4.1", old, force=True, id="downgrade"))
        self.expect_installed(device, "1.4.1")
        self.status("succeeded", id="downgrade", running="1.4.1")
        self.stop()

    def test_nonsense_is_refused_with_a_reason(self):
        self.start_and_wait()
        for message, reason in ((b"{", "manifest"), (b"\xff\x00", "manifest"), (b'{"update_url": "http://h/f"}', "url"),
                                (b'{"update_url": "https://h/f", "sha256": "0"}', "manifest"), (b"x" * 20000, "manifest")):
            self.watcher.publish(self.topic(), message)
            self.assertEqual(self.status("rejected")["reason"], reason)
        self.stop()

    def test_message_longer_than_the_buffer(self):
        path = "/fw/" + "s" * 3500
        _, url = self.serve(path=path)
        device = self.start_and_wait()  # a buffer of 2048 bytes
        self.watcher.publish(self.topic(), self.full(url))
        self.expect_installed(device)
        self.status("succeeded")
        self.stop()

    def test_expired_link_is_asked_for_again(self):
        image = make_image("1.4.3", size=400000)
        route, url = self.serve(image=image)
        route.close_after, route.times = 100000, 1
        device = self.start_and_wait(attempt_delay_s=2)
        self.watcher.publish(self.topic(), self.full(url + "?sig=1", image=image))
        device.expect("reconnecting")
        route.status, route.times = 403, -1  # the link's time is over
        self.status("link_needed", version="1.4.3")
        route.status = 0
        route.close_after = -1
        self.watcher.publish(self.topic(), self.full(url + "?sig=2", image=image))
        device.expect("goes on with a fresh link")
        self.expect_installed(device)
        self.status("succeeded")
        self.stop()
        self.assertNotIn("failed", self.states())
        last = self.asked("/fw/1.4.3.bin")[-1]
        self.assertIn("sig=2", last.path)
        self.assertGreaterEqual(int(last.headers["range"][6:-1]), 98304)  # not from the beginning

    def test_nobody_sends_a_fresh_link(self):
        route, url = self.serve()
        route.status = 403
        self.start_and_wait(mqtt_link_wait_s=2)
        self.watcher.publish(self.topic(), self.full(url))
        self.status("link_needed")
        self.assertEqual(self.status("failed")["reason"], "expired")
        self.stop()

    def test_missing_image_fails(self):
        self.start_and_wait()
        self.watcher.publish(self.topic(), self.full(self.server.url("/nothing.bin")))
        self.assertEqual(self.status("failed")["reason"], "http status")
        self.stop()

    def test_power_cut_in_mid_download(self):
        image = make_image("1.4.3", size=600000)
        route, url = self.serve(image=image)
        route.drip, route.drip_s = 30000, 0.1
        self.start_and_wait()
        self.watcher.publish(self.topic(), self.full(url, image=image, id="cut"))
        self.status("downloading", id="cut")
        self.device.pull_the_plug()
        route.drip = 0
        device = self.start()
        device.expect("offered before the restart")
        self.expect_installed(device)
        self.status("succeeded", id="cut")
        self.stop()

    def test_broker_restart_in_mid_transfer(self):
        image = make_image("1.4.3", size=600000)
        route, url = self.serve(image=image)
        route.drip, route.drip_s = 30000, 0.1
        device = self.start_and_wait()
        self.watcher.publish(self.topic(), self.full(url, image=image))
        self.status("downloading")
        self.broker.stop()
        route.drip = 0
        device.expect("installed 1.4.3 in ota_0")
        self.watcher.close()
        self.broker.start()
        self.watcher = Client(self.broker.port, "watcher-after")
        self.watcher.subscribe(self.topic("status"))
        self.cursor = 0
        device.expect("1.4.3 confirmed")
        self.status("succeeded", running="1.4.3")
        self.stop()

    def test_message_while_the_device_is_off(self):
        _, url = self.serve()
        self.start_and_wait()
        self.stop()
        self.watcher.publish(self.topic(), self.full(url))  # the broker keeps it for the session
        device = self.start()
        self.expect_installed(device)
        self.status("succeeded")
        self.stop()

    def test_second_message_waits_over_the_restart(self):
        image = make_image("1.4.3", size=300000)
        newer = make_image("1.4.4")
        route, url = self.serve(image=image)
        route.drip, route.drip_s = 30000, 0.1
        device = self.start_and_wait()
        self.watcher.publish(self.topic(), self.full(url, image=image, id="first"))
        self.status("downloading", id="first")
        self.watcher.publish(self.topic(), self.full(self.serve("1.4.4", newer)[1], "1.4.4", newer, id="second"))
        self.status("succeeded", id="first", running="1.4.3")
        self.status("succeeded", id="second", running="1.4.4")
        self.assertTrue(device.has("waits for the end"))
        self.stop()

    def test_broker_keeps_devices_apart(self):
        """lamp-8 cannot speak for lamp-7, nor send it anything; without a certificate nobody gets in."""
        other = Client(self.broker.tls_port, "lamp-8", tls=(self.broker.ca, *self.broker.client("lamp-8")))
        other.publish(self.topic(), self.full(self.serve()[1]))
        other.publish(self.topic("status"), b'{"state": "forged"}')
        other.publish("devices/lamp-8/status", b'{"state": "own"}')
        other.close()
        device = self.start_and_wait()
        self.status("online")
        self.stop()
        self.assertNotIn("forged", self.states())
        self.assertFalse(device.has("update .* begins"))
        with self.assertRaises((OSError, Refused)):
            Client(self.broker.tls_port, "stranger", tls=(self.broker.ca, None, None))


class Notify(MqttWorld):
    def notify(self, *words, code=0, tls=True, env=None):
        """The command's result; as an administrator over TLS, or with what `words` say alone."""
        if tls:
            cert, key = self.broker.client("lamp-8")
            words = ("--broker", "mqtts://localhost:%d" % self.broker.tls_port, "--cafile", self.broker.ca,
                     "--cert", cert, "--key", key) + words
        result = subprocess.run([agent.AIRLIFT, "notify", *words], capture_output=True, text=True, timeout=120,
                                env=dict(os.environ, **(env or {})))
        self.assertEqual(result.returncode, code, result)
        if code:
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        return result

    def plain(self, *words, **kwargs):
        return self.notify("--broker", "mqtt://127.0.0.1:%d" % self.broker.port, *words, tls=False, **kwargs)

    def test_wait_ends_with_success(self):
        image = self.write("new.bin", self.image)
        _, url = self.serve()
        self.start_and_wait()
        done = self.plain("--device", DEVICE, "--url", url, "--image", image, "--wait")
        self.assertEqual(done.stdout, "lamp-7 runs 1.4.3\n")
        said = json.loads(self.plain("--device", DEVICE, "--url", url, "--wait", "--json").stdout)
        self.assertEqual((said["state"], said["version"]), ("up_to_date", "1.4.3"))
        self.stop()

    def test_wait_ends_with_failure(self):
        self.start_and_wait(sick_version="1.4.3")
        _, url = self.serve()
        gone = self.plain("--device", DEVICE, "--url", self.server.url("/nothing.bin"), "--wait", code=1)
        self.assertIn("failed: the server answers 404", gone.stderr)
        self.assertIn("rolled_back: health check", self.plain("--device", DEVICE, "--url", url, "--wait", code=1).stderr)
        self.serve()[0].status = 403
        stale = self.plain("--device", DEVICE, "--url", url + "?old", "--wait", "--id", "stale", code=1)
        self.assertIn("link_needed: the link has expired", stale.stderr)
        self.stop()

    def test_message_is_what_was_asked_for(self):
        image = self.write("new.bin", self.image)
        self.watcher.subscribe("groups/lamps/update")
        self.plain("--group", "lamps", "--url", "https://h/f?a=1&b=%20", "--image", image, "--id", "c-7", "--retain",
                   "--mandatory", "--force")
        message = json.loads(self.watcher.wait_for(lambda t, p: t == "groups/lamps/update", PATIENCE_S)[1])
        self.assertEqual(message, {
            "update_url": "https://h/f?a=1&b=%20", "id": "c-7", "version": "1.4.3", "size": len(self.image),
            "sha256": hashlib.sha256(self.image).hexdigest(), "mandatory": True, "force": True})
        late = Client(self.broker.port, "late")
        late.subscribe("groups/lamps/update")
        self.assertTrue(late.wait_for(lambda t, p: t == "groups/lamps/update", PATIENCE_S)[2])
        late.close()
        said = json.loads(self.plain("--group", "lamps", "--clear", "--json").stdout)
        self.assertEqual(said, {"topic": "groups/lamps/update", "retained": False, "message": None})
        said = json.loads(self.plain("--topic", 'a "b"', "--url", "https://h/f", "--json").stdout)
        self.assertEqual(said, {"topic": 'a "b"', "retained": False, "message": {"update_url": "https://h/f"}})
        late = Client(self.broker.port, "later")
        late.subscribe("groups/lamps/update", "nothing/else")
        self.assertEqual(late.messages, [])
        late.close()

    def test_tls_password_and_what_the_broker_forbids(self):
        self.notify("--topic", "devices/lamp-8/update", "--url", "https://h/f")
        self.notify("--topic", "devices/lamp-8/update", "--url", "https://h/f",
                    "--status-topic", "devices/lamp-8/status", "--wait", "--timeout", "1", code=1)
        password = self.write("password", b"secret\n")
        where = "mqtt://127.0.0.1:%d" % self.broker.password_port
        self.notify("--topic", "x", "--url", "https://h/f", "--username", "lamp", "--password-file", password,
                    tls=False, env={"AIRLIFT_BROKER": where})
        refused = self.notify("--topic", "x", "--url", "https://h/f", tls=False, code=1, env={"AIRLIFT_BROKER": where})
        self.assertIn("not authorised", refused.stderr.lower())
        strangers = self.notify("--broker", "mqtts://localhost:%d" % self.broker.tls_port, "--topic", "x",
                                "--url", "https://h/f", tls=False, code=1)
        self.assertIn("mqtts://localhost", strangers.stderr)

    def test_wrong_usage(self):
        good = ("--device", DEVICE, "--url", "https://h/f")
        for words in ((), ("--device", DEVICE), ("--url", "https://h/f"), good + ("--group", "g"), good + ("--clear",),
                      ("--device", "a/b", "--url", "https://h/f"), ("--device", DEVICE, "--url", "fw.bin"),
                      ("--group", "g", "--url", "https://h/f", "--wait"), good + ("--sha256", "0"), good + ("x",),
                      good + ("--cert", "c")):
            self.plain(*words, code=2)
        self.notify(*good, tls=False, code=2, env={"AIRLIFT_BROKER": ""})
        self.notify("--broker", "http://h", *good, tls=False, code=1)
        self.notify("--broker", "mqtt://127.0.0.1:1", *good, tls=False, code=1)
        self.plain(*good, "--image", self.write("bad.bin", self.image[:-1]), code=1)


class Jobs(MqttWorld):
    def setUp(self):
        super().setUp()
        self.service = JobService(self.broker.port)
        self.addCleanup(self.service.close)

    def test_job_succeeds_over_a_restart(self):
        image = make_image("1.4.3", size=600000)
        route, url = self.serve(image=image)
        route.drip, route.drip_s = 60000, 0.3
        device = self.start_and_wait(jobs=True)
        job = self.service.create(DEVICE, "job-1", json.loads(self.full(url, image=image)))
        self.expect_installed(device)
        self.service.wait("job-1", "SUCCEEDED", PATIENCE_S)
        self.stop()
        progress = [int(d["progress"]) for s, d in job.history if s == "IN_PROGRESS" and "progress" in d]
        self.assertTrue(progress and progress == sorted(progress), job.history)
        self.assertEqual([s for s, _ in job.history].count("SUCCEEDED"), 1)

    def test_job_waits_for_the_device(self):
        self.service.create(DEVICE, "job-1", json.loads(self.full(self.serve()[1])))
        device = self.start(jobs=True)
        self.expect_installed(device)
        self.service.wait("job-1", "SUCCEEDED", PATIENCE_S)
        self.stop()

    def test_job_rolled_back_has_failed(self):
        device = self.start_and_wait(jobs=True, sick_version="1.4.3")
        self.service.create(DEVICE, "job-1", json.loads(self.full(self.serve()[1])))
        device.expect("1.4.3 was rolled back")
        job = self.service.wait("job-1", "FAILED", PATIENCE_S)
        self.assertEqual((job.details["reason"], job.details["step"]), ("health", "rolled_back"))
        self.service.create(DEVICE, "job-2", json.loads(self.full(self.serve()[1])))
        self.assertEqual(self.service.wait("job-2", "REJECTED", PATIENCE_S).details["reason"], "known bad")
        self.stop()

    def test_job_failures_and_rejections(self):
        self.start_and_wait(jobs=True)
        self.service.create(DEVICE, "no-url", {"operation": "reboot"})
        self.assertIn("update_url", self.service.wait("no-url", "REJECTED", PATIENCE_S).details["text"])
        self.service.create(DEVICE, "missing", {"update_url": self.server.url("/nothing.bin")})
        self.assertEqual(self.service.wait("missing", "FAILED", PATIENCE_S).details["reason"], "http status")
        _, url = self.serve("1.4.2", self.factory_image)
        self.service.create(DEVICE, "there", {"update_url": url})
        self.assertEqual(self.service.wait("there", "SUCCEEDED", PATIENCE_S).details["step"], "up_to_date")
        self.stop()

    def test_job_with_expired_link_reads_its_document_again(self):
        image = make_image("1.4.3", size=400000)
        route, url = self.serve(image=image)
        links = []

        def document():
            links.append("%s?sig=%d" % (url, len(links)))
            if route.status == 403:
                route.status, route.close_after = 0, -1  # the fresh one works
            return json.loads(self.full(links[-1], image=image))
        route.close_after, route.times = 100000, 1
        device = self.start_and_wait(jobs=True, attempt_delay_s=2)
        job = self.service.create(DEVICE, "job-1", document)
        device.expect("reconnecting")
        route.status, route.times = 403, -1  # the link's time is over
        device.expect("goes on with a fresh link")
        self.expect_installed(device)
        self.service.wait("job-1", "SUCCEEDED", PATIENCE_S)
        self.stop()
        self.assertNotIn("FAILED", [s for s, _ in job.history])
        self.assertGreaterEqual(int(self.asked("/fw/1.4.3.bin")[-1].headers["range"][6:-1]), 98304)

    def test_version_mismatch_is_read_anew(self):
        device = self.start_and_wait(jobs=True)
        self.service.steal_version = 1
        self.service.create(DEVICE, "job-1", json.loads(self.full(self.serve()[1])))
        self.expect_installed(device)
        self.service.wait("job-1", "SUCCEEDED", PATIENCE_S)
        self.assertTrue(device.has("VersionMismatch"))
        self.stop()

    def test_cancelled_job_is_forgotten(self):
        image = make_image("1.4.3", size=600000)
        route, url = self.serve(image=image)
        route.hang_after = 100000
        device = self.start_and_wait(jobs=True)
        self.service.create(DEVICE, "job-1", json.loads(self.full(url, image=image)))
        self.status("downloading")
        self.service.cancel("job-1")
        device.expect("not the service's any more|over at the service")
        self.stop()

    def test_power_cut_in_a_job(self):
        image = make_image("1.4.3", size=600000)
        route, url = self.serve(image=image)
        route.drip, route.drip_s = 30000, 0.1
        self.start_and_wait(jobs=True)
        self.service.create(DEVICE, "job-1", json.loads(self.full(url, image=image)))
        self.status("downloading")
        self.device.pull_the_plug()
        route.drip = 0
        device = self.start(jobs=True)
        self.expect_installed(device)
        self.service.wait("job-1", "SUCCEEDED", PATIENCE_S)
        self.stop()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    agent.AIRLIFT = os.path.join(os.path.abspath(sys.argv.pop(1)), "bin", "airlift")
    unittest.main(verbosity=2, warnings="ignore")
