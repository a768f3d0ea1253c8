"""The update server and `airlift publish`, from outside: real processes, real TLS, loopback.

Every answer is held against docs/openapi.yaml, both ways.

    python3 server.py STAGE [test names]
"""

import datetime
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import unittest

import server_world as world
from server_arduino import HttpUpdate  # noqa: F401, its tests run here
from server_bucket import Bucket  # noqa: F401, likewise
from server_openapi import Description
from server_signing import Check, Releases, Risks, Signing  # noqa: F401, likewise
from server_world import ESP32, ESP32C3, UPLOAD_MAX, Case, exchange, files_in, make_image, read, status_of


# --- Start and stop ----------------------------------------------------------


class Start(Case):
    def test_first_start_makes_everything_once(self):
        s = self.server()
        self.assertRegex(s.token, r"^airlift_[0-9a-f]{64}$")
        self.assertEqual(s.lines[1:], [f"certificate {s.cert}", f"data {self.data}", f"listening on {s.url}"])
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.data, "key.pem")).st_mode), 0o600)
        self.assertEqual(s.call("GET", "/v1/health")[0], 200)
        token, cert = s.token, read(s.cert)
        self.assertEqual(s.stop(), 0)
        for name in ("airlift.db", "cert.pem", "key.pem", "lock"):
            with open(os.path.join(self.data, name), "rb") as f:
                self.assertNotIn(token.removeprefix("airlift_").encode(), f.read())
        self.assertNotIn("airlift.db-wal", files_in(self.data))
        again = self.server()
        self.assertIsNone(again.token)
        self.assertEqual(read(again.cert), cert)
        self.assertEqual(again.publish(make_image("1.0.0"), token=token)[0], 201)

    def test_default_address_is_this_machine_only(self):
        result = self.airlift("serve", "--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("Default 127.0.0.1:8443", result.stdout)

    def test_default_data_directory_is_in_the_home(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AIRLIFT_", "XDG_"))}
        process = subprocess.Popen([world.AIRLIFT, "serve", "--listen", "127.0.0.1:0"], env=dict(env, HOME=self.dir),
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            lines = [process.stdout.readline() for _ in range(4)]
        finally:
            process.terminate()
            self.assertEqual(process.wait(timeout=60), 0)
            process.stdout.close()
        self.assertIn(f"data {self.dir}/.local/share/airlift\n", lines)

    def test_second_server_on_the_same_data_or_port_is_refused(self):
        s = self.server()
        self.assertFailed(self.airlift("serve", "--listen", "127.0.0.1:0", "--data", self.data), "another airlift server")
        other = os.path.join(self.dir, "other")
        self.assertFailed(self.airlift("serve", "--listen", f"127.0.0.1:{s.port}", "--data", other), "in use")
        # The start that failed showed no token, so it made none.
        self.assertIsNotNone(self.server(data=other).token)

    def test_wrong_usage_and_bad_files_are_told(self):
        self.assertFailed(self.airlift("serve", "--listen", "nonsense", "--data", self.data), "HOST:PORT")
        self.assertFailed(self.airlift("serve", "--cert", "x", "--data", self.data), "belong together", 2)
        self.assertFailed(self.airlift("serve", "extra"), "extra", 2)
        self.assertFailed(self.airlift("serve", "--data", "/proc/nowhere", "--listen", "127.0.0.1:0"), "/proc/nowhere")
        cert, key = self.path("c.pem", b"no certificate"), self.path("k.pem", b"no key")
        self.assertFailed(self.airlift("serve", "--data", self.data, "--cert", cert, "--key", key), "c.pem")

    def test_own_certificate_is_served(self):
        first = self.server(data=os.path.join(self.dir, "first"))
        cert, key = first.cert, os.path.join(first.directory, "key.pem")
        first.stop()
        os.mkdir(self.data)
        shutil.copy(cert, os.path.join(self.data, "cert.pem"))  # what the helper trusts
        s = self.server("--cert", cert, "--key", key)
        self.assertIn(f"certificate {cert}", s.lines)
        self.assertEqual(s.call("GET", "/v1/health")[0], 200)
        self.assertNotIn("key.pem", files_in(self.data))

    def test_new_token_works_at_once_and_the_old_no_more(self):
        self.assertFailed(self.airlift("serve", "--token-new", "--data", self.data), "airlift.db")
        s = self.server()
        result = self.airlift("serve", "--token-new", "--data", self.data)
        self.assertEqual(result.returncode, 0)
        token = re.fullmatch(r"admin token: (airlift_[0-9a-f]{64})\n", result.stdout)[1]
        self.assertNotEqual(token, s.token)
        self.assertError(s.publish(make_image("1.0.0")), 401, "unauthorized")
        self.assertEqual(s.publish(make_image("1.0.0"), token=token)[0], 201)

    def test_stop_lets_running_downloads_end(self):
        s = self.server()
        image = make_image("1.0.0", size=6_000_000)  # more than the socket buffers take
        s.publish(image)
        idle = s.connect()
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw.settimeout(30)
        raw.connect((s.host, s.port))
        with s.tls.wrap_socket(raw, server_hostname=s.host) as tls:
            tls.sendall(b"GET /firmware/demo/1.0.0.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            answer = tls.recv(1000)
            s.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with self.assertRaises(OSError):
                s.connect()
            while chunk := tls.recv(65536):
                answer += chunk
        idle.close()
        self.assertBody((status_of(answer), answer.split(b"\r\n\r\n", 1)[1]), 200, image)
        self.assertEqual(s.stop(), 0)

    def test_json_log_lines_are_objects(self):
        s = self.server("--json-log")
        s.call("GET", "/v1/health?secret=1")
        s.stop()
        lines = [json.loads(line) for line in read(self.data + ".log").splitlines() if line.startswith("{")]
        request = [line for line in lines if line.get("event") == "request"][0]
        self.assertEqual((request["method"], request["path"], request["status"]), ("GET", "/v1/health", "200"))
        self.assertRegex(request["peer"], r"^127\.0\.0\.1:\d+$")


# --- Publishing by the API ---------------------------------------------------


class Publish(Case):
    def test_release_document_tells_what_the_image_says(self):
        s, image = self.server(), make_image("1.4.2", project="http_pull", chip=ESP32C3, secure_version=3)
        status, release = s.publish(image, query="mandatory=true&notes=Fixes%20%22it%22%0A%C3%A9")
        self.assertEqual(status, 201)
        self.assertRegex(release.pop("created"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        sha256 = hashlib.sha256(image).hexdigest()
        self.assertEqual(release, {
            "product": "demo", "version": "1.4.2", "project": "http_pull", "chip": "esp32c3", "secure_version": 3,
            "size": len(image), "sha256": sha256, "md5": hashlib.md5(image).hexdigest(), "mandatory": True,
            "notes": 'Fixes "it"\né', "signers": [], "withdrawn": False, "url": f"{s.url}/v1/artifacts/{sha256}"})
        self.assertEqual(files_in(self.data, "artifacts"), [sha256])
        self.assertEqual(files_in(self.data, "incoming"), [])

    def test_same_bytes_again_are_the_same_release(self):
        s, image = self.server(), make_image("1.0.0")
        self.assertEqual(s.publish(image)[0], 201)
        status, release = s.publish(image, query="mandatory=true")
        self.assertEqual((status, release["mandatory"]), (200, True))
        self.assertEqual(len(json.loads(s.call("GET", "/v1/products/demo/releases")[2])["releases"]), 1)

    def test_version_is_taken_for_good(self):
        s = self.server()
        s.publish(make_image("1.4.3+a"))
        self.assertError(s.publish(make_image("1.4.3+a", fill=1)), 409, "version_exists", "other bytes")
        self.assertError(s.publish(make_image("1.4.3+b")), 409, "version_exists", "same precedence")
        self.assertError(s.publish(make_image("v1.4.3")), 409, "version_exists", "same precedence")
        s.call("DELETE", "/v1/products/demo/releases/1.4.3+a", token=s.token)
        self.assertError(s.publish(make_image("1.4.3+a", fill=1)), 409, "version_exists", "withdrawn")
        self.assertEqual(len(files_in(self.data, "artifacts")), 1)
        self.assertEqual(files_in(self.data, "incoming"), [])
        self.assertEqual(s.publish(make_image("1.4.3+a", fill=1), product="other")[0], 201)

    def test_chip_is_decided_by_the_first_release(self):
        s = self.server()
        s.publish(make_image("1.0.0", chip=ESP32))
        self.assertError(s.publish(make_image("1.1.0", chip=ESP32C3)), 409, "wrong_chip", "esp32c3")
        self.assertError(s.publish(make_image("1.1.0", chip=0x1234)), 422, "unknown_chip", "0x1234")
        self.assertEqual(s.publish(make_image("1.1.0", chip=ESP32))[0], 201)

    def test_damaged_images_are_refused_with_the_reason(self):
        s, good = self.server(), make_image("1.0.0")
        flipped = bytearray(good)
        flipped[5000] ^= 1
        wrong_hash = good[:-1] + bytes([good[-1] ^ 1])
        for image in (b"", good[:10], good[:300], good[:-1], bytes(flipped), wrong_hash, b"<!doctype html>" * 100, bytes(5000)):
            self.assertError(s.publish(image), 422, "bad_image", "not a whole, intact app image: ")
        self.assertError(s.publish(make_image("1.0.0", project=b"\xff\xfe")), 422, "bad_image", "not text")
        self.assertError(s.publish(make_image("1.0.0", desc=False)), 422, "no_description")
        self.assertEqual(files_in(self.data, "incoming") + files_in(self.data, "artifacts"), [])
        self.assertError(s.call("GET", "/v1/products/demo/releases"), 404, "not_found")
        self.assertEqual(s.publish(good)[0], 201)

    def test_versions_must_be_orderable(self):
        s = self.server()
        arduino = make_image("esp-idf: v4.4.3 6407ecb3f8")
        for version in ("b1c75d1-dirty", "", "1.2.3/../x", "1.x"):
            self.assertError(s.publish(make_image(version)), 422, "bad_version", "PROJECT_VER")
        self.assertError(s.publish(arduino), 422, "bad_version", "--version")
        self.assertEqual(s.publish(arduino, query="version=0.14.2")[1]["version"], "0.14.2")
        self.assertError(s.publish(make_image("1.0.0"), query="version=2.0.0"), 422, "version_mismatch", "1.0.0")
        self.assertEqual(s.publish(make_image("1.0.0"), query="version=1.0.0")[0], 201)
        self.assertError(s.publish(arduino, query="version=latest"), 400, "bad_version")

    def test_parameters_are_checked_before_the_body(self):
        s, image = self.server(), make_image("1.0.0")
        self.assertError(s.publish(image, product="Demo"), 400, "bad_product")
        self.assertError(s.publish(image, product="a" * 65), 400, "bad_product")
        self.assertError(s.publish(image, query="mandatory=maybe"), 400, "bad_request")
        self.assertError(s.publish(image, query="notes=%ff"), 400, "bad_notes")
        self.assertError(s.publish(image, query="notes=%1b[2J"), 400, "bad_notes")
        self.assertError(s.publish(image, query="notes=" + "x" * 4097), 400, "bad_notes")
        self.assertEqual(s.publish(image, query="notes=" + "x" * 4096)[0], 201)
        self.assertEqual(s.publish(make_image("1.0.0"), product="a" * 64)[0], 201)

    def test_token_is_needed_to_change_anything(self):
        s, image = self.server(), make_image("1.0.0")
        path = "/v1/products/demo/releases"
        for method, where, body in (("POST", path, image), ("DELETE", path + "/1.0.0", None)):
            for value in (None, "Bearer wrong", "Bearer ", "Basic " + s.token, s.token, "Bearer " + s.token[:-1]):
                answer = s.call(method, where, body, {"Authorization": value} if value else {})
                self.assertError(answer, 401, "unauthorized")
                self.assertTrue(answer[1]["WWW-Authenticate"].startswith('Bearer realm="airlift"'))
        self.assertEqual(files_in(self.data, "incoming"), [])
        self.assertEqual(s.call("POST", path, image, {"Authorization": "bearer " + s.token})[0], 201)
        # Devices, and whoever looks, need none.
        self.assertEqual(s.call("GET", path)[0], 200)
        self.assertEqual(s.call("GET", "/firmware/demo/version.json")[0], 200)

    def test_long_bodies_are_refused_with_an_answer(self):
        s = self.server()
        self.assertError(s.publish(bytes(UPLOAD_MAX + 1)), 413, "too_large", str(UPLOAD_MAX))
        self.assertError(s.publish(bytes(UPLOAD_MAX)), 422, "bad_image")
        self.assertError(s.call("GET", "/v1/health", b"body"), 413, "too_large")
        # So long that it isn't read to its end: the answer comes at once.
        head = (f"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {s.token}\r\n"
                "Content-Length: %s\r\n\r\n")
        self.assertEqual(status_of(s.raw((head % 10**12).encode())), 413)
        answer = s.call("POST", "/v1/products/demo/releases", iter([make_image("1.0.0")]), token=s.token)  # chunked
        self.assertError(answer, 411, "length_required")
        # Without an end it is cut off at some point.
        with s.connect() as tls, self.assertRaises(OSError):
            tls.sendall(b"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                tls.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        self.assertEqual(status_of(s.raw((head.replace("Content-Length: %s\r\n", "")).encode())), 411)

    def test_who_asks_first_is_answered_before_the_body(self):
        s = self.server()
        head = (f"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n"
                "Content-Length: %d\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(status_of(s.raw((head % ("wrong", 1000)).encode())), 401)
        self.assertEqual(status_of(s.raw((head % (s.token, UPLOAD_MAX + 1)).encode())), 413)
        image = make_image("1.0.0")
        with s.connect() as tls:
            tls.sendall((head % (s.token, len(image))).encode())
            self.assertEqual(tls.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            tls.sendall(image)
            self.assertEqual(status_of(tls.recv(1000)), 201)

    def test_withdrawn_release_is_gone_until_published_again(self):
        s = self.server()
        old, new = make_image("1.0.0"), make_image("1.1.0")
        s.publish(old), s.publish(new)
        manifest = json.loads(s.call("GET", "/firmware/demo/version.json")[2])
        artifact = "/v1/artifacts/" + manifest["sha256"]
        status, _, data = s.call("DELETE", "/v1/products/demo/releases/1.1.0", token=s.token)
        self.assertEqual((status, json.loads(data)["withdrawn"]), (200, True))
        self.assertEqual(json.loads(s.call("GET", "/firmware/demo/version.json")[2])["version"], "1.0.0")
        self.assertError(s.call("GET", artifact), 410, "withdrawn")
        self.assertError(s.call("GET", "/firmware/demo/1.1.0.bin"), 410, "withdrawn")
        self.assertTrue(json.loads(s.call("GET", "/v1/products/demo/releases/1.1.0")[2])["withdrawn"])
        self.assertEqual(s.publish(new)[0], 200)
        self.assertEqual(json.loads(s.call("GET", "/firmware/demo/version.json")[2])["version"], "1.1.0")
        self.assertEqual(s.call("GET", artifact)[0], 200)
        self.assertError(s.call("DELETE", "/v1/products/demo/releases/9.0.0", token=s.token), 404, "not_found")

    def test_full_disk_stores_nothing_and_serves_on(self):
        s = self.server(file_size_limit=300_000)
        self.assertEqual(s.publish(make_image("1.0.0"))[0], 201)
        before = files_in(self.data, "artifacts")
        self.assertError(s.publish(make_image("1.1.0", size=2_000_000)), 507, "storage_full")
        self.assertEqual(files_in(self.data, "incoming"), [])
        self.assertEqual(files_in(self.data, "artifacts"), before)
        self.assertEqual(json.loads(s.call("GET", "/firmware/demo/version.json")[2])["version"], "1.0.0")
        self.assertEqual(s.publish(make_image("1.2.0"))[0], 201)
        self.assertEqual(s.stop(), 0)

    def test_full_disk_at_the_database_stores_nothing(self):
        s = self.server()
        s.publish(make_image("1.0.0"))
        self.assertEqual(s.stop(), 0)
        # Room for many a small image, but the database's log soon reaches the limit.
        s, token, last = self.server(file_size_limit=40_000), s.token, 0
        while (answer := s.publish(make_image(f"1.{last + 1}.0", size=400), token=token))[0] == 201:
            last += 1
            self.assertLess(last, 100)
        self.assertError(answer, 507, "storage_full")
        kept = [f"1.{minor}.0" for minor in range(last, -1, -1)]
        releases = lambda: [r["version"] for r in json.loads(s.call("GET", "/v1/products/demo/releases")[2])["releases"]]
        self.assertEqual(releases(), kept)
        self.assertEqual(json.loads(s.call("GET", "/firmware/demo/version.json")[2])["version"], kept[0])
        self.assertBody(s.call("GET", "/firmware/demo/1.0.0.bin"), 200, make_image("1.0.0"))
        self.assertEqual(s.stop(), 0)
        s = self.server()
        self.assertEqual(releases(), kept)
        self.assertEqual(s.publish(make_image(f"1.{last + 1}.0", size=400), token=token)[0], 201)

    def test_kill_during_an_upload_loses_nothing(self):
        s, kept, image = self.server(), make_image("1.0.0"), make_image("1.1.0", size=3_000_000)
        s.publish(kept)
        token = s.token
        with s.connect() as tls:
            tls.sendall((f"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
                         f"Content-Length: {len(image)}\r\n\r\n").encode() + image[:1_500_000])
            incoming = os.path.join(self.data, "incoming")
            while not any(os.stat(os.path.join(incoming, f)).st_size for f in os.listdir(incoming)):
                time.sleep(0.01)
            s.kill()
        self.assertEqual(len(files_in(self.data, "incoming")), 1)
        s = self.server()
        self.assertEqual(files_in(self.data, "incoming"), [])
        self.assertBody(s.call("GET", "/firmware/demo/1.0.0.bin"), 200, kept)
        self.assertEqual(json.loads(s.call("GET", "/firmware/demo/version.json")[2])["version"], "1.0.0")
        self.assertEqual(s.publish(image, token=token)[0], 201)
        s.kill()  # right behind the answer: it must be durable
        s = self.server()
        self.assertBody(s.call("GET", "/firmware/demo/1.1.0.bin"), 200, image)

    def test_client_that_goes_away_leaves_nothing(self):
        s = self.server()
        with s.connect() as tls:
            tls.sendall((f"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {s.token}\r\n"
                         "Content-Length: 100000\r\n\r\n").encode() + make_image("1.0.0")[:5000])
            while not files_in(self.data, "incoming"):
                time.sleep(0.01)
        while files_in(self.data, "incoming"):
            time.sleep(0.01)
        self.assertEqual(s.publish(make_image("1.0.0"))[0], 201)


# --- What devices fetch ------------------------------------------------------


class Devices(Case):
    def setUp(self):
        super().setUp()
        self.s = self.server()
        self.image = make_image("1.4.3", size=100_000)
        self.release = self.s.publish(self.image)[1]
        self.sha256 = self.release["sha256"]
        self.artifact = "/v1/artifacts/" + self.sha256

    def test_manifest_names_the_newest_by_semver(self):
        for version in ("1.10.0-rc.1", "1.9.0", "1.4.4", "1.10.0-rc.1.1"):
            self.s.publish(make_image(version))
        manifest = json.loads(self.s.call("GET", "/firmware/demo/version.json")[2])
        image = make_image("1.10.0-rc.1.1")
        self.assertEqual(manifest, {
            "version": "1.10.0-rc.1.1", "url": f"{self.s.url}/v1/artifacts/{hashlib.sha256(image).hexdigest()}",
            "md5": hashlib.md5(image).hexdigest(), "sha256": hashlib.sha256(image).hexdigest(), "size": len(image),
            "mandatory": False, "secure_version": 0, "signers": []})
        order = [r["version"] for r in json.loads(self.s.call("GET", "/v1/products/demo/releases")[2])["releases"]]
        self.assertEqual(order, ["1.10.0-rc.1.1", "1.10.0-rc.1", "1.9.0", "1.4.4", "1.4.3"])

    def test_manifest_etag_saves_the_body(self):
        path = "/firmware/demo/version.json"
        status, headers, body = self.s.call("GET", path)
        self.assertEqual((status, headers["Cache-Control"]), (200, "no-cache"))
        etag = headers["ETag"]
        self.assertRegex(etag, r'^"[0-9a-f]+"$')
        status, headers, nothing = self.s.call("GET", path, headers={"If-None-Match": etag})
        self.assertEqual((status, nothing, headers["ETag"]), (304, b"", etag))
        status, headers, nothing = self.s.call("HEAD", path)
        self.assertEqual((status, nothing, headers["Content-Length"], headers["ETag"]), (200, b"", str(len(body)), etag))
        self.s.publish(make_image("1.5.0"))
        self.assertEqual(self.s.call("GET", path, headers={"If-None-Match": etag})[0], 200)

    def test_manifest_url_follows_the_host(self):
        get = b"GET /firmware/demo/version.json HTTP/1.%d\r\n%sConnection: close\r\n\r\n"
        for host in (b"ota.example.com", b"ota.example.com:444", b"[::1]:8443"):
            answer = self.s.raw(get % (1, b"Host: " + host + b"\r\n"))
            self.assertIn(b'"url":"https://' + host + b"/v1/artifacts/", answer)
        answer = self.s.raw(get % (0, b""))  # HTTP/1.0 need not name one
        self.assertIn(f'"url":"{self.s.url}/v1/artifacts/'.encode(), answer)

    def test_bytes_are_counted_for_those_with_the_token(self):
        self.assertError(self.s.call("GET", "/v1/stats"), 401, "unauthorized")
        self.assertError(self.s.call("GET", "/metrics"), 401, "unauthorized")
        stats = json.loads(self.s.call("GET", "/v1/stats", token=self.s.token)[2])
        self.assertEqual((stats["patch_bytes"], stats["saved_bytes"]), (0, 0))
        size = len(self.s.call("GET", self.artifact)[2])
        self.s.call("GET", self.artifact, headers={"Range": "bytes=0-9"})
        until = time.monotonic() + 30  # an answer is counted when it has been sent, a moment after it was read
        while True:
            later = json.loads(self.s.call("GET", "/v1/stats", token=self.s.token)[2])
            if later["image_bytes"] >= stats["image_bytes"] + size + 10 or time.monotonic() > until:
                break
        self.assertEqual(later["image_bytes"], stats["image_bytes"] + size + 10)
        for periods in (later["minutes"], later["hours"]):
            self.assertEqual(sum(p["image_bytes"] for p in periods), later["image_bytes"])
            self.assertLess(abs(time.time() - datetime.datetime.fromisoformat(periods[-1]["at"][:-1] + "+00:00").timestamp()), 7300)
        metrics = self.s.call("GET", "/metrics", token=self.s.token)[2].decode()
        self.assertIn('\nairlift_artifact_bytes_total{kind="image"} %d\n' % later["image_bytes"], metrics)
        self.assertRegex(metrics, r'\nairlift_http_requests_total\{status="2xx"\} [1-9]')

    def test_what_devices_say_of_failures_is_counted(self):
        path = "/firmware/demo/version.json"
        for said in ("unknown key", "unknown key", "unsigned", "nonsense\"} 1"):
            self.assertEqual(self.s.call("GET", path, headers={"Airlift-Failure": said})[0], 200)
        self.s.call("GET", path)
        failures = json.loads(self.s.call("GET", "/v1/stats", token=self.s.token)[2])["failures"]
        self.assertEqual(failures, {"unknown key": 2, "unsigned": 1, "other": 1})
        metrics = self.s.call("GET", "/metrics", token=self.s.token)[2].decode()
        self.assertIn('\nairlift_device_failures_total{reason="unknown key"} 2\n', metrics)

    def test_manifest_of_unknown_products_is_404(self):
        self.assertError(self.s.call("GET", "/firmware/other/version.json"), 404, "not_found")
        self.assertError(self.s.call("GET", "/firmware/other/1.0.0.bin"), 404, "not_found")
        self.assertError(self.s.call("GET", "/v1/products/other/releases"), 404, "not_found")
        self.assertError(self.s.call("GET", "/v1/products/demo/releases/2.0.0"), 404, "not_found")
        self.assertError(self.s.call("GET", "/v1/artifacts/" + "0" * 64), 404, "not_found")

    def test_image_comes_whole_with_a_strong_etag(self):
        for path in (self.artifact, "/firmware/demo/1.4.3.bin"):
            status, headers, body = self.s.call("GET", path)
            self.assertBody((status, body), 200, self.image)
            self.assertEqual(headers["ETag"], f'"{self.sha256}"')
            self.assertEqual((headers["Accept-Ranges"], headers["Content-Length"]), ("bytes", str(len(self.image))))
            self.assertEqual(headers["Content-Type"], "application/octet-stream")
            status, headers, body = self.s.call("HEAD", path)
            self.assertEqual((status, body, headers["Content-Length"]), (200, b"", str(len(self.image))))
            for value in (f'"{self.sha256}"', f'W/"{self.sha256}"', f'"x", "{self.sha256}"', "*"):
                status, headers, body = self.s.call("GET", path, headers={"If-None-Match": value})
                self.assertEqual((status, body, headers["ETag"]), (304, b"", f'"{self.sha256}"'))
            self.assertEqual(self.s.call("GET", path, headers={"If-None-Match": '"x"'})[0], 200)

    def test_ranges_are_exact(self):
        n = len(self.image)
        for path in (self.artifact, "/firmware/demo/1.4.3.bin"):
            for value, first, last in (("0-0", 0, 0), ("0-", 0, n - 1), ("4096-8191", 4096, 8191), (f"{n-1}-", n - 1, n - 1),
                                       ("5000-", 5000, n - 1), (f"10-{n+5}", 10, n - 1), ("-7", n - 7, n - 1),
                                       (f"-{n+7}", 0, n - 1)):
                status, headers, body = self.s.call("GET", path, headers={"Range": "bytes=" + value})
                self.assertEqual(status, 206, value)
                self.assertEqual(headers["Content-Range"], f"bytes {first}-{last}/{n}")
                self.assertEqual(headers["Content-Length"], str(last - first + 1))
                self.assertEqual(headers["ETag"], f'"{self.sha256}"')
                self.assertBody((status, body), 206, self.image[first:last + 1])
            for value in (f"{n}-", f"{n+1}-{n+2}", "-0"):
                answer = self.s.call("GET", path, headers={"Range": "bytes=" + value})
                self.assertError(answer, 416, "bad_range")
                self.assertEqual(answer[1]["Content-Range"], f"bytes */{n}")
            for value in ("bytes=0-1,4-5", "bytes=9-2", "bytes=x", "lines=0-1"):
                self.assertBody(self.s.call("GET", path, headers={"Range": value}), 200, self.image)

    def test_if_range_guards_a_resumed_download(self):
        ranged = {"Range": "bytes=5000-"}
        same = self.s.call("GET", self.artifact, headers=dict(ranged, **{"If-Range": f'"{self.sha256}"'}))
        self.assertBody(same, 206, self.image[5000:])
        for value in ('"other"', f'W/"{self.sha256}"', "Sat, 21 Nov 2026 10:00:00 GMT"):
            other = self.s.call("GET", self.artifact, headers=dict(ranged, **{"If-Range": value}))
            self.assertBody(other, 200, self.image)
        # For GET alone, and a matching If-None-Match goes first.
        self.assertEqual(self.s.call("HEAD", self.artifact, headers=ranged)[0], 200)
        both = dict(ranged, **{"If-None-Match": f'"{self.sha256}"'})
        self.assertEqual(self.s.call("GET", self.artifact, headers=both)[0], 304)

    def test_one_connection_serves_many_requests(self):
        connection = http.client.HTTPSConnection(self.s.host, self.s.port, context=self.s.tls, timeout=30)
        first = None
        for path, status in (("/v1/health", 200), ("/nothing", 404), (self.artifact, 200), ("/firmware/demo/version.json", 200)):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, status)
            first = first or connection.sock
            self.assertIs(connection.sock, first)
        connection.close()

    def test_sessions_resume_whichever_thread_answers(self):
        session = None
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=self.s.cert)
            context.minimum_version = context.maximum_version = version
            session = None
            for i in range(8):
                raw = socket.create_connection((self.s.host, self.s.port), timeout=30)
                with context.wrap_socket(raw, server_hostname=self.s.host, session=session) as tls:
                    self.assertEqual(tls.session_reused, i > 0, version)
                    self.assertEqual(status_of(exchange(tls, b"GET /v1/health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")), 200)
                    session = tls.session

    def test_curl_agrees(self):
        out = self.path("out.bin", self.image[:1234])
        result = subprocess.run(["curl", "-sS", "--fail", "--cacert", self.s.cert, "-C", "-", "-o", out, "-w", "%{http_code}",
                                 self.s.url + self.artifact], capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (0, "206"), result)
        with open(out, "rb") as f:
            self.assertBody((206, f.read()), 206, self.image)
        result = subprocess.run(["curl", "-sS", self.s.url + self.artifact], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 60)  # not trusted unless pinned

    def test_twenty_at_a_time(self):
        images = [make_image(f"2.0.{i}", size=300_000) for i in range(20)]
        results, lock = {}, threading.Lock()

        def work(i):
            status, release = self.s.publish(images[i])
            body = self.s.call("GET", f"/firmware/demo/2.0.{i}.bin")[2]
            again = self.s.call("GET", self.artifact)[2]
            with lock:
                results[i] = (status, release.get("version"), body == images[i], again == self.image)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(results, {i: (201, f"2.0.{i}", True, True) for i in range(20)})
        self.assertEqual(json.loads(self.s.call("GET", "/firmware/demo/version.json")[2])["version"], "2.0.19")

    def test_one_of_many_wins_a_version(self):
        images = [make_image("3.0.0", fill=i) for i in range(8)]
        statuses = []

        def work(image):
            statuses.append(self.s.publish(image)[0])

        threads = [threading.Thread(target=work, args=(image,)) for image in images]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual(sorted(statuses), [201] + [409] * 7)


# --- Hostile and broken clients ----------------------------------------------


class Hostile(Case):
    def setUp(self):
        super().setUp()
        self.s = self.server("--request-timeout", "1")

    def tearDown(self):
        self.assertIsNone(self.s.process.poll())
        self.assertEqual(self.s.call("GET", "/v1/health")[0], 200)
        self.assertEqual(self.s.stop(), 0)

    def test_unknown_paths_and_methods_are_told(self):
        secret = self.path("secret", b"secret")
        for path in ("/v1", "/web/", "/web/none.js", "/web/" + "a" * 500, "/web/..%2fserver.c", "/web/x/main.js", "/index.html", "/firmware/", "/firmware/demo/", "/favicon.ico", "/v1/artifacts/../../secret",
                     "/v1/artifacts/%2e%2e%2f%2e%2e%2fsecret", "/firmware/..%2f..%2fsecret/version.json",
                     "/firmware/demo/..%2f..%2f..%2fsecret.bin", "//etc/passwd", secret, "/" + "a/" * 500, "/%ff%fe", "/%"):
            self.assertError(self.s.call("GET", path), 404, "not_found")
        for method, path, allow in (("PUT", "/v1/health", "GET, HEAD"), ("POST", "/firmware/demo/version.json", "GET, HEAD"),
                                    ("DELETE", "/v1/products/demo/releases", "GET, HEAD, POST"),
                                    ("BREW", "/v1/products/demo/releases/1.0.0", "GET, HEAD, DELETE"),
                                    ("OPTIONS", "/v1/artifacts/" + "0" * 64, "GET, HEAD")):
            answer = self.s.call(method, path)
            self.assertError(answer, 405, "method_not_allowed")
            self.assertEqual(answer[1]["Allow"], allow)

    def test_ambiguous_requests_are_refused_and_cut_off(self):
        get = b"GET /v1/health HTTP/1.1\r\nHost: h\r\n"
        post = b"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\n"
        smuggled = b"GET /v1/health HTTP/1.1\r\nHost: h\r\n\r\n"
        for request in (
                get + b"Host: other\r\n\r\n",
                post + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
                post + b"Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd",
                post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
                post + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + smuggled,
                post + b"Content-Length : 4\r\n\r\nabcd",
                post + b"Content-Length\t: 4\r\n\r\nabcd",
                post + b"Content-Length: +4\r\n\r\nabcd",
                post + b"Content-Length: -4\r\n\r\nabcd",
                post + b"Content-Length: 4, 4\r\n\r\nabcd",
                post + b"Content-Length: 0x4\r\n\r\nabcd",
                post + b"Content-Length: 99999999999999999999999\r\n\r\nabcd",
                post + b"Content-Length: \r\n\r\nabcd",
                post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled,
                get + b"Bad Name: x\r\n\r\n",
                get + b"Bad(Name): x\r\n\r\n",
                get + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
                b"GET /v1/health HTTP/1.1\r\n\r\n",
                b"GET /v1/health HTTP/1.1\r\nHost: a b\r\n\r\n",
                b"GET /v1/health HTTP/1.1\r\nHost: a/../b\r\n\r\n",
                b'GET /v1/health HTTP/1.1\r\nHost: "x\r\n\r\n',
                b"GET /v1/health%00/../x HTTP/1.1\r\nHost: h\r\n\r\n",
                b"GET /v1/health?" + b"x" * 300 + b"%00 HTTP/1.1\r\nHost: h\r\n\r\n",
                post + b"Transfer-Encoding: gzip\r\n\r\n" + smuggled,
                b"GET /v1/health HTTP/2.0\r\nHost: h\r\n\r\n",
                b"GET /v1/health HTTP/1.17\r\nHost: h\r\n\r\n",
                b"GET /v1/health\r\n\r\n",
                b"GET  /v1/health  HTTP/1.1\r\nHost: h\r\n\r\n"):
            answer = self.s.raw(request)
            if status_of(answer) is not None:
                self.assertIn(status_of(answer), (400, 411, 413, 505), (request, answer))
            self.assertNotIn(b'"status":"ok"', answer, request)

    def test_long_headers_pass_and_longer_ones_do_not(self):
        head = b"GET /v1/health HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: %s\r\n\r\n"
        self.assertEqual(status_of(self.s.raw(head % (b"x" * 8192))), 200)
        query = b"GET /v1/health?q=%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        self.assertEqual(status_of(self.s.raw(query % (b"x" * 8192))), 200)
        for request in (head % (b"x" * 100_000), query % (b"x" * 100_000), head % (b"x\r\nY: " * 20_000)):
            self.assertIn(status_of(self.s.raw(request)), (None, 400, 413, 414, 431))

    def test_garbage_hurts_nobody(self):
        noise = hashlib.sha256(b"noise").digest() * 500
        for data in (b"", b"\0", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", noise, b"\x16\x03\x01\x02\x00" + noise):
            with socket.create_connection((self.s.host, self.s.port), timeout=30) as raw:
                raw.sendall(data)
        for data in (b"", b"\0" * 3000, noise, b"\r\n" * 3000, b"GET", b"\xff" * 20_000, b"GET / HTTP/1.1\r\n" + noise):
            with self.s.connect() as tls:
                try:
                    tls.sendall(data)
                except OSError:
                    pass
        self.s.raw(noise)

    def slow(self, tls, first, drip=b"x"):
        """Send `first`, then a byte ten times a second, until the server has had enough."""
        tls.settimeout(0.1)
        data, answer = first, b""
        for _ in range(600):
            try:
                if data:
                    tls.sendall(data)
                chunk = tls.recv(65536)
                answer += chunk
                if not chunk:
                    return answer
            except (TimeoutError, ssl.SSLWantReadError):
                pass
            except OSError:
                return answer
            data = drip
        self.fail("the connection was never closed")

    def test_slow_clients_are_closed(self):
        with socket.create_connection((self.s.host, self.s.port)) as raw:  # never shakes hands
            self.slow(raw, b"", b"")
        with socket.create_connection((self.s.host, self.s.port)) as raw:  # shakes slowly
            self.slow(raw, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        for first in (b"", b"GET /v1/health HTTP/1.1\r\nX: "):
            with self.s.connect() as tls:
                self.assertEqual(self.slow(tls, first), b"")
        with self.s.connect() as tls:
            self.slow(tls, (f"POST /v1/products/demo/releases HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {self.s.token}\r\n"
                            "Content-Length: 5000\r\n\r\n").encode())
        while files_in(self.data, "incoming"):
            time.sleep(0.01)
        self.assertIn("outcome=timeout", read(self.data + ".log"))


# --- The dashboard ------------------------------------------------------------


class Dashboard(Case):
    def test_page_is_there_for_browsers_and_guarded_by_a_policy(self):
        s = self.server()
        for path, content_type in (("/", "text/html"), ("/web/main.js", "text/javascript"), ("/web/style.css", "text/css"),
                                   ("/web/uPlot.esm.js", "text/javascript")):
            status, headers, body = s.call("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, content_type + "; charset=utf-8"))
            self.assertEqual((headers["Content-Length"], headers["Cache-Control"]), (str(len(body)), "no-cache"))
            self.assertEqual((headers["X-Content-Type-Options"], headers["Referrer-Policy"]), ("nosniff", "no-referrer"))
            policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
            self.assertEqual((policy["default-src"], policy["script-src"], policy["frame-ancestors"]), ("'none'", "'self'", "'none'"))
            self.assertNotIn("unsafe", headers["Content-Security-Policy"])
            head = s.call("HEAD", path)
            self.assertEqual((head[0], head[2], head[1]["Content-Length"], head[1]["ETag"]), (200, b"", str(len(body)), headers["ETag"]))
            again = s.call("GET", path, headers={"If-None-Match": headers["ETag"]})
            self.assertEqual((again[0], again[2], again[1]["ETag"]), (304, b"", headers["ETag"]))
        self.assertEqual(s.call("GET", "/web/icon.svg")[1]["Content-Type"], "image/svg+xml")
        self.assertError(s.call("POST", "/"), 405, "method_not_allowed")
        self.assertError(s.call("GET", "/web/none.js"), 404, "not_found")

    def test_products_are_listed_for_those_with_the_token(self):
        s = self.server()
        self.assertError(s.call("GET", "/v1/products"), 401, "unauthorized")
        self.assertEqual(json.loads(s.call("GET", "/v1/products", token=s.token)[2]), {"products": []})
        s.publish(make_image("1.10.0", chip=ESP32C3)), s.publish(make_image("1.9.0", chip=ESP32C3), query="mandatory=true")
        s.publish(make_image("2.0.0", chip=ESP32C3)), s.publish(make_image("0.1.0", project="p"), product="a")
        s.call("DELETE", "/v1/products/demo/releases/2.0.0", token=s.token)
        a, demo = json.loads(s.call("GET", "/v1/products", token=s.token)[2])["products"]
        self.assertEqual((a["product"], a["newest"], a["releases"][0]["project"]), ("a", "0.1.0", "p"))
        self.assertEqual((demo["product"], demo["chip"], demo["newest"], demo["patches"]), ("demo", "esp32c3", "1.10.0", []))
        self.assertEqual([(r["version"], r["withdrawn"], r["mandatory"]) for r in demo["releases"]],
                         [("2.0.0", True, False), ("1.10.0", False, False), ("1.9.0", False, True)])
        self.assertEqual((demo["other_devices"], [r["devices"] for r in demo["releases"]]), (0, [0, 0, 0]))
        s.call("DELETE", "/v1/products/a/releases/0.1.0", token=s.token)
        self.assertNotIn("newest", json.loads(s.call("GET", "/v1/products", token=s.token)[2])["products"][0])


class Fleet(Case):
    def ask(self, s, device, **headers):
        headers = {"Airlift-" + name.replace("_", "-"): value for name, value in headers.items()}
        self.assertEqual(s.call("GET", "/firmware/demo/version.json", headers={"Airlift-Device": device, **headers})[0], 200)

    def listed(self, s, query=None, **kwargs):
        status, _, body = s.call("GET", "/v1/devices", token=s.token, query=query, **kwargs)
        self.assertEqual(status, 200, body)
        document = json.loads(body)
        return document["found"], {d["id"]: d for d in document["devices"]}

    def test_devices_are_listed_as_they_call_themselves(self):
        s, old, new = self.server(), make_image("1.0.0"), make_image("1.1.0")
        self.assertError(s.call("GET", "/v1/devices"), 401, "unauthorized")
        self.assertEqual(self.listed(s), (0, {}))
        s.publish(old), s.publish(new)
        self.ask(s, "24:0a:c4:00:00:01", Running=hashlib.sha256(old).hexdigest(), Version="1.0.0")
        self.ask(s, "<b>", Version='"><script>', Failure="hash")
        self.ask(s, "only an id")
        for nobody in ("", "x" * 65, "t\tb", "\u00e9"):
            self.ask(s, nobody)
        arduino = {"x-ESP32-STA-MAC": "24:0A:C4:00:00:09", "x-ESP32-mode": "sketch", "x-ESP32-sketch-md5": hashlib.md5(new).hexdigest()}
        self.assertEqual(s.call("GET", "/firmware/demo/update", headers=arduino)[0], 304)
        found, devices = self.listed(s)
        self.assertEqual((found, set(devices)), (4, {"24:0a:c4:00:00:01", "<b>", "only an id", "24:0A:C4:00:00:09"}))
        seen = {i: (d["product"], d["version"], d["released"], d.get("failure")) for i, d in devices.items()}
        self.assertEqual(seen, {"24:0a:c4:00:00:01": ("demo", "1.0.0", True, None), "<b>": ("demo", '"><script>', False, "hash"),
                                "only an id": ("demo", "", False, None), "24:0A:C4:00:00:09": ("demo", "1.1.0", True, None)})
        self.assertEqual(devices["<b>"]["failed"], devices["<b>"]["seen"])
        product, = json.loads(s.call("GET", "/v1/products", token=s.token)[2])["products"]
        self.assertEqual((product["other_devices"], [r["devices"] for r in product["releases"]]), (2, [1, 1]))
        self.assertEqual(set(self.listed(s, "search=24:0a")[1]), {"24:0a:c4:00:00:01", "24:0A:C4:00:00:09"})
        self.assertEqual((self.listed(s, "limit=1")[0], len(self.listed(s, "limit=1")[1])), (4, 1))
        access = ("--server", s.url, "--ca", s.cert)
        told = self.airlift("devices", '"><SCRIPT>', *access, env={"AIRLIFT_TOKEN": s.token})
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertRegex(told.stdout.splitlines()[1], r'^<b> +demo +"><script> +\S+Z  hash at \S+Z$')
        self.assertEqual(told.stdout.splitlines()[2:], ["", "1 found"])
        told = self.airlift("devices", "--limit", "1", *access, "--json", env={"AIRLIFT_TOKEN": s.token})
        self.assertEqual((json.loads(told.stdout)["found"], len(json.loads(told.stdout)["devices"])), (4, 1))
        self.assertFailed(self.airlift("devices", "x" * 65), "at most 64", 2)
        self.assertFailed(self.airlift("devices", "--limit", "0"), "1 to 1000", 2)
        for query in ("limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "search=" + "x" * 65):
            self.assertError(s.call("GET", "/v1/devices", token=s.token, query=query), 400, "bad_request")

    def test_devices_outlive_the_server(self):
        s = self.server()
        s.publish(make_image("1.0.0"))
        requests = b"".join(b"GET /firmware/demo/version.json HTTP/1.1\r\nHost: h\r\nAirlift-Device: dev %d\r\n%s\r\n" %
                            (i, b"Connection: close\r\n" if i == 299 else b"") for i in range(300))
        s.raw(requests)  # more than are gathered before they are written
        self.ask(s, "dev 7", Failure="health")
        self.ask(s, "dev 7", Failure="known bad")
        self.ask(s, "dev 7")
        token = s.token
        s.stop()
        s = self.server()
        s.token = token
        found, devices = self.listed(s, "limit=1000")
        self.assertEqual((found, len(devices)), (300, 300))
        self.assertEqual(devices["dev 7"]["failure"], "health")


# --- airlift publish ---------------------------------------------------------


class PublishCommand(Case):
    def publish(self, s, image, *args, token=True, **env):
        if token:
            env.setdefault("AIRLIFT_TOKEN", s.token)
        return self.airlift("publish", image, "--server", s.url, "--ca", s.cert, *args, env=env)

    def test_publishes_and_prints(self):
        s, data = self.server(), make_image("1.0.0", project="p")
        image = self.path("app.bin", data)
        result = self.publish(s, image, "--product", "demo", "--notes", "a & b = c + d % é\n?", "--mandatory")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"published demo 1.0.0 (linux, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()})\n")
        result = self.publish(s, image, "-p", "demo", "--notes", "a & b = c + d % é\n?", "--json", AIRLIFT_TOKEN=s.token + "\r\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        release = json.loads(result.stdout)
        self.assertEqual((release["notes"], release["mandatory"]), ("a & b = c + d % é\n?", False))
        self.assertIn("already published", self.publish(s, image, "-p", "demo").stdout)
        arduino = self.path("arduino.bin", make_image("b1c75d1-dirty"))
        self.assertEqual(self.publish(s, arduino, "-p", "demo", "--version", "1.1.0").returncode, 0)

    def test_large_image_passes(self):
        s, image = self.server(), self.path("app.bin", make_image("1.0.0", size=8_000_000))
        self.assertEqual(self.publish(s, image, "-p", "demo").returncode, 0)

    def test_refusals_come_as_one_line(self):
        s, image = self.server(), self.path("app.bin", make_image("1.0.0"))
        self.publish(s, image, "-p", "demo")
        other = self.path("other.bin", make_image("1.0.0", fill=1))
        self.assertFailed(self.publish(s, other, "-p", "demo"), "version 1.0.0 exists with other bytes")
        self.assertFailed(self.publish(s, image, "-p", "demo", AIRLIFT_TOKEN="wrong"), "not the admin token")
        for name in ("No Good", "a/b", "", "../a"):
            self.assertFailed(self.publish(s, image, "-p", name), "a product's name")
        self.assertFailed(self.publish(s, self.path("cut.bin", make_image("2.0.0")[:-5]), "-p", "demo"), "not a whole, intact app image")
        self.assertFailed(self.publish(s, self.path("missing.bin"), "-p", "demo"), "missing.bin")
        self.assertFailed(self.publish(s, self.path("huge.bin", bytes(UPLOAD_MAX + 1)), "-p", "demo"), "huge.bin")
        self.assertFailed(self.publish(s, image), "--product", 2)
        self.assertFailed(self.airlift("publish", "-p", "demo"), "image", 2)
        self.assertFailed(self.publish(s, image, image, "-p", "demo"), "one image", 2)

    def test_server_must_be_https_and_trusted(self):
        s, image = self.server(), self.path("app.bin", make_image("1.0.0"))
        plain = self.airlift("publish", image, "-p", "demo", "--server", s.url.replace("https", "http"), env={"AIRLIFT_TOKEN": s.token})
        self.assertFailed(plain, "https://")
        untrusted = self.airlift("publish", image, "-p", "demo", "--server", s.url, env={"AIRLIFT_TOKEN": s.token})
        self.assertFailed(untrusted, "--ca")
        no_file = self.airlift("publish", image, "-p", "demo", "--server", s.url, "--ca", "/nonexistent", env={"AIRLIFT_TOKEN": s.token})
        self.assertFailed(no_file, "/nonexistent")
        by_env = self.airlift("publish", image, "-p", "demo",
                              env={"AIRLIFT_TOKEN": s.token, "AIRLIFT_SERVER": s.url + "/", "AIRLIFT_CA": s.cert})
        self.assertEqual(by_env.returncode, 0, by_env)

    def test_local_server_is_trusted_and_token_found_without_options(self):
        home_data = os.path.join(self.dir, ".local/share/airlift")
        os.makedirs(os.path.dirname(home_data))
        s, image = self.server(data=home_data), self.path("app.bin", make_image("1.0.0"))
        self.assertFailed(self.airlift("publish", image, "-p", "demo", "--server", s.url), "AIRLIFT_TOKEN")
        os.makedirs(os.path.join(self.dir, ".config/airlift"))
        token = self.path(".config/airlift/token", s.token.encode() + b"\n")
        os.chmod(token, 0o600)
        result = self.airlift("publish", image, "-p", "demo", "--server", s.url)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        os.chmod(token, 0o644)
        result = self.airlift("publish", image, "-p", "demo", "--server", s.url)
        self.assertEqual(result.returncode, 0)
        self.assertIn("chmod 600", result.stderr)

    def test_connection_errors_are_tried_again(self):
        s, image = self.server(), self.path("app.bin", make_image("1.0.0"))
        s.stop()
        result = self.publish(s, image, "-p", "demo")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count("ask_again"), 2)
        self.assertIn(f"airlift: publish {image}: {s.url}: ", result.stderr)
        # A server that comes up meanwhile is reached.
        env = dict(os.environ, AIRLIFT_TOKEN=s.token)
        with subprocess.Popen([world.AIRLIFT, "publish", image, "-p", "demo", "--server", s.url, "--ca", s.cert], env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            self.assertIn("ask_again", process.stderr.readline())
            self.server(listen=f"127.0.0.1:{s.port}")
            self.assertEqual(process.wait(timeout=60), 0)


# --- The API's description ---------------------------------------------------


class ZApi(Case):
    """Runs last (by its name), over all answers of the tests before."""

    def test_every_answer_is_described_and_every_description_was_seen(self):
        api, covered = Description(), set()
        error = {"$ref": "#/components/schemas/Error"}
        for method, path, status, content_type, data in world.seen:
            where, found = f"{method} {path} {status}", api.find(method, path)
            if not found:  # no such path, or not by this method
                self.assertIn(status, (400, 401, 404, 405), where)
                api.check_value(error, json.loads(data), where)
                continue
            template, operation = found
            if str(status) in operation["responses"]:
                covered.add((template, method, str(status)))
                response = api.resolve(operation["responses"][str(status)])
            else:
                self.assertIn(status, (400, 411, 413), where)
                response = api.resolve(operation["responses"]["default"])
            if status == 304 or method == "HEAD":
                self.assertEqual(data, b"", where)
                continue
            self.assertIn(content_type, response["content"], where)
            if content_type == "application/json":
                api.check_value(response["content"][content_type]["schema"], json.loads(data), where)
        described = {(template, method.upper(), status)
                     for _, template, operations in api.paths for method, operation in operations.items()
                     if method != "parameters" for status in operation["responses"] if status != "default"}
        self.assertEqual(sorted(described - covered), [])


if __name__ == "__main__":
    world.AIRLIFT = os.path.join(sys.argv.pop(1), "bin", "airlift")
    unittest.main()
