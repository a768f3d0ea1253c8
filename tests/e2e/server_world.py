"""A world for tests of the update server: images, a server on a fresh directory, requests.

Every answer to `Server.call` is kept in `seen`, to be held against docs/openapi.yaml.
"""

import ctypes
import hashlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import unittest

AIRLIFT = None  # the program under test; server.py sets it
UPLOAD_MAX = 16 * 1024 * 1024 + 64 * 1024
ESP32, ESP32C3, LINUX = 0, 5, 0xFFFF
seen = []  # (method, path, status, content type, body) of every answer


# --- Images, made by the format's description --------------------------------


def xor_of(data):
    """All bytes XORed: by halves, as Python is slow byte by byte."""
    while len(data) > 1:
        half = (len(data) + 1) // 2
        number = int.from_bytes(data[:half], "little") ^ int.from_bytes(data[half:], "little")
        data = number.to_bytes(half, "little")
    return data[0]


def make_image(version, project="e2e", chip=LINUX, size=20000, desc=True, fill=None, secure_version=0):
    """An app image of one segment, checksum and hash appended."""
    description = struct.pack("<IIII", 0xABCD5432, secure_version, 0, 0)
    for text, width in ((version, 32), (project, 32), ("10:00:00", 16), ("Nov 21 2026", 16), ("v6.0", 32)):
        description += (text if isinstance(text, bytes) else text.encode()).ljust(width, b"\0")
    description = description.ljust(256, b"\0") if desc else bytes(256)
    seed = hashlib.sha256((repr(version) + str(fill)).encode()).digest()
    data = description + (seed * (size // 32 + 1))[:size]
    data += bytes(-len(data) % 4)
    header = struct.pack("<BBBBI", 0xE9, 1, 0, 0, 0) + struct.pack("<BBBBHBHHIB", 0xEE, 0, 0, 0, chip, 0, 0, 0xFFFF, 0, 1)
    assert len(header) == 24
    image = header + struct.pack("<II", 0, len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes([0xEF ^ xor_of(data)])
    return image + hashlib.sha256(image).digest()


# --- The world: a server on a fresh directory --------------------------------


class Server:
    def __init__(self, directory, *args, file_size_limit=None, listen="127.0.0.1:0", env=None):
        self.directory, self.token, self.lines = directory, None, []
        self.log = open(os.path.join(directory + ".log"), "ab")

        def limit():
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the thread that starts it
            if file_size_limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))

        self.process = subprocess.Popen(
            [AIRLIFT, "serve", "--listen", listen, "--data", directory, "--patches", "0", *args],
            stdout=subprocess.PIPE, stderr=self.log, preexec_fn=limit, text=True, env=dict(os.environ, **(env or {})))
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("admin token: "):
                self.token = line.split(": ")[1].strip()
            if line.startswith("listening on "):
                self.url = line.split()[2]
                break
        else:
            self.kill()
            raise AssertionError("the server did not start: " + read(self.log.name)[-2000:])
        self.host, port = re.fullmatch(r"https://(.*):(\d+)", self.url).groups()
        self.port = int(port)
        self.cert = os.path.join(directory, "cert.pem")
        self.tls = ssl.create_default_context(cafile=self.cert)

    def connect(self, timeout=30):
        raw = socket.create_connection((self.host, self.port), timeout=timeout)
        return self.tls.wrap_socket(raw, server_hostname=self.host)

    def call(self, method, path, body=None, headers=None, token=None, query=None):
        """One request on a connection of its own: (status, headers, body)."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=60)
        try:
            connection.request(method, path + ("?" + query if query else ""), body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
            seen.append((method, path.split("?")[0], answer.status, answer.headers.get("Content-Type"), data))
            return answer.status, answer.headers, data
        finally:
            connection.close()

    def raw(self, request, timeout=30):
        """Bytes in, bytes out until the server closes."""
        with self.connect(timeout) as tls:
            return exchange(tls, request)

    def publish(self, image, product="demo", token=None, query=None, **headers):
        status, _, data = self.call("POST", f"/v1/products/{product}/releases", image, headers, token or self.token, query)
        return status, json.loads(data)

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def exchange(tls, request):
    answer = b""
    try:
        tls.sendall(request)
        while chunk := tls.recv(65536):
            answer += chunk
    except (ConnectionError, ssl.SSLError):
        pass
    return answer


def read(path):
    with open(path) as f:
        return f.read()


def status_of(answer):
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(match[1]) if match else None


def files_in(*path):
    return sorted(os.listdir(os.path.join(*path)))


class Case(unittest.TestCase):
    """A test with a directory; `self.server()` starts a server that ends with the test."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="airlift-e2e-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.data = os.path.join(self.dir, "data")
        self.servers = []
        self.addCleanup(lambda: [s.kill() for s in self.servers if s.process.poll() is None])

    def server(self, *args, **kwargs):
        s = Server(kwargs.pop("data", self.data), *args, **kwargs)
        self.servers.append(s)
        return s

    def airlift(self, *args, env=None, **kwargs):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AIRLIFT_")}
        clean.update(HOME=self.dir, XDG_DATA_HOME="", XDG_CONFIG_HOME="", **(env or {}))
        return subprocess.run([AIRLIFT, *args], capture_output=True, text=True, env=clean, timeout=120, **kwargs)

    def path(self, name, data=None):
        path = os.path.join(self.dir, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path

    def assertBody(self, answer, status, body):
        """Compared here: unittest would spend minutes on the difference of two images."""
        self.assertEqual((answer[0], len(answer[-1])), (status, len(body)))
        self.assertTrue(answer[-1] == body, "other bytes")

    def assertError(self, answer, status, code, contains=""):
        got_status, document = answer if len(answer) == 2 else (answer[0], json.loads(answer[2]))
        self.assertEqual((got_status, document["error"]["code"]), (status, code), document)
        self.assertIn(contains, document["error"]["message"])

    def assertFailed(self, result, contains, code=1):
        self.assertEqual(result.returncode, code, result)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertIn(contains, result.stderr)
