"""What Arduino's HTTPUpdate is told: its request byte for byte, and each of its answers."""

import hashlib

from server_world import Case, make_image, status_of

MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


def ask(host, product="lamp", **changes):
    """The client's request, as arduino-esp32 sends it; a header of None is left out."""
    headers = {
        "Host": host, "User-Agent": "ESP32-http-Update", "Connection": "close", "Cache-Control": "no-cache",
        "x-ESP32-STA-MAC": "24:0A:C4:00:00:01", "x-ESP32-AP-MAC": "24:0A:C4:00:00:02", "x-ESP32-free-space": "1310720",
        "x-ESP32-sketch-size": "900000", "x-ESP32-sketch-md5": MD5_OF_NOTHING, "x-ESP32-sketch-sha256": "AB" * 32,
        "x-ESP32-chip-size": "4194304", "x-ESP32-sdk-version": "v5.5", "x-ESP32-mode": "sketch", "x-ESP32-version": None,
    }
    headers.update({"x-ESP32-" + k.replace("_", "-"): v for k, v in changes.items()})
    lines = [f"{k}: {v}" for k, v in headers.items() if v is not None]
    return "\r\n".join([f"GET /firmware/{product}/update HTTP/1.0", *lines, "", ""]).encode()


def parse(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return status_of(answer), {k.lower(): v for k, v in headers.items()}, body


class HttpUpdate(Case):
    def setUp(self):
        super().setUp()
        self.image = make_image("1.4.3")
        self.s = self.server()
        self.assertEqual(self.s.publish(self.image, "lamp")[0], 201)

    def update(self, product="lamp", **changes):
        return parse(self.s.raw(ask(f"127.0.0.1:{self.s.port}", product, **changes)))

    def assertSent(self, answer):
        status, headers, body = answer
        self.assertEqual((status, headers["content-length"], headers["x-md5"]),
                         (200, str(len(self.image)), hashlib.md5(self.image).hexdigest()))
        self.assertTrue(body == self.image)
        self.assertNotIn("transfer-encoding", headers)

    def test_what_is_newer_or_other_is_sent(self):
        self.assertSent(self.update())
        self.assertSent(self.update(version="1.4.2"))
        self.assertSent(self.update(version="v1.4.3-rc.1"))
        self.assertSent(self.update(version="my build of May"))
        self.assertSent(self.update(free_space=str(len(self.image))))
        self.assertSent(self.update(mode=None, free_space=None))  # a client that says little

    def test_what_the_device_has_is_not_sent_again(self):
        for changes in ({"version": "1.4.3"}, {"version": "1.4.3+other"}, {"version": "1.10.0"},
                        {"sketch_md5": hashlib.md5(self.image).hexdigest().upper()},
                        {"sketch_sha256": self.image[-32:].hex().upper()},
                        {"sketch_sha256": hashlib.sha256(self.image).hexdigest(), "version": "1.0.0"}):
            status, headers, body = self.update(**changes)
            self.assertEqual((status, body), (304, b""), changes)

    def test_refusals(self):
        self.assertEqual(self.update(free_space=str(len(self.image) - 1))[0], 403)
        self.assertEqual(self.update(free_space="-1")[0], 403)
        self.assertEqual(self.update(free_space="x")[0], 403)
        self.assertEqual(self.update(mode="spiffs")[0], 404)
        self.assertEqual(self.update(mode="other")[0], 403)
        self.assertEqual(self.update(STA_MAC=None, mode=None)[0], 403)
        self.assertEqual(self.update("unknown")[0], 404)
        # The same through the described API.
        path, device = "/firmware/lamp/update", {"X-Esp32-Sta-Mac": "24:0A:C4:00:00:01", "X-ESP32-MODE": "sketch"}
        self.assertError(self.s.call("GET", path), 403, "not_a_device")
        self.assertError(self.s.call("GET", "/firmware/none/update", headers=device), 404, "not_found")
        self.assertBody(self.s.call("GET", path, headers=device), 200, self.image)
        self.assertEqual(self.s.call("GET", path, headers={**device, "x-esp32-version": "1.4.3"})[0], 304)
        self.assertError(self.s.call("POST", path, headers=device), 405, "method_not_allowed")

    def test_the_esp8266_is_understood(self):
        path, device = "/firmware/lamp/update", {"x-ESP8266-STA-MAC": "5C:CF:7F:00:00:01", "x-ESP8266-mode": "sketch"}
        self.assertBody(self.s.call("GET", path, headers=device), 200, self.image)
        self.assertEqual(self.s.call("GET", path, headers={**device, "x-ESP8266-version": "1.4.3"})[0], 304)

    def test_a_withdrawn_release_is_not_offered(self):
        self.assertEqual(self.s.call("DELETE", "/v1/products/lamp/releases/1.4.3", token=self.s.token)[0], 200)
        self.assertEqual(self.update()[0], 404)
