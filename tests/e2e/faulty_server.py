"""An HTTPS server that fails on purpose, for tests of whoever downloads from it.

In a test:

    with FaultyServer() as server:
        server.routes["/app.bin"] = Route(image, close_after=1000, times=1)
        download(server.url("/app.bin"), ca=server.ca)
        assert server.requests[1].headers["range"] == "bytes=1000-"

As a program, for tests that are not Python:

    faulty_server.py --port 0 --dir DIR

prints one line, "PORT PLAIN_PORT CA.PEM", and serves the files of DIR until its
stdin ends. There the query of a URL says what goes wrong, with the names and
values of Route's fields: /app.bin?close_after=1000&times=1 . Also:

    /_requests          what was asked so far, as JSON
    /_reset             forget that, and how often each fault has happened

Next to the TLS port there is a plain HTTP port with the same routes. Both listen
on 127.0.0.1 only. The certificate is self-signed, for localhost and 127.0.0.1.
"""

import argparse
import base64
import dataclasses
import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse

PIECE = 16384


@dataclasses.dataclass
class Route:
    """What a path answers. Without any fault: a well-behaved file server."""

    body: bytes = b""
    content_type: str = "application/octet-stream"
    etag: str = "auto"        # auto: strong, from the body; "": none; else as given, with its quotes
    headers: dict = dataclasses.field(default_factory=dict)

    skip: int = 0             # this many requests go well first (HEAD does not count)
    times: int = -1           # then this many are faulty, -1: all

    status: int = 0           # answer this status, with a short text instead of the body
    head: int = 0             # the same for HEAD only: some servers refuse it
    redirect: str = ""        # a Location; {port} and {plain_port} are filled in
    redirect_status: int = 302
    loop: bool = False        # redirect to the very same URL
    auth: str = ""            # "basic" or "digest" with user and password, else 401
    user: str = "user"
    password: str = "secret"

    hang_headers: bool = False  # read the request, answer nothing
    close_headers: bool = False  # read the request, close
    garbage: bool = False       # answer something that is not HTTP
    hang_after: int = -1        # body bytes, then silence
    close_after: int = -1       # body bytes, then the connection is closed
    drip: int = 0               # send so many bytes at a time ...
    drip_s: float = 0.05        # ... this far apart

    lockstep: bool = False      # send 512 bytes at a time, each when the peer has read those before (plain HTTP)

    header_bytes: int = 0     # so many bytes of headers nobody needs
    length: int = -1          # claim this Content-Length
    chunked: bool = False
    no_length: bool = False   # neither Content-Length nor chunked: closing ends the body
    close: bool = False       # "Connection: close" after a good answer

    # ok; ignore: always 200; refuse: always 416; shifted: one byte late and says so;
    # lying: one byte late and doesn't say so; other: Content-Range of another range
    ranges: str = "ok"

    next_body: bytes = None   # the file is replaced by this ...
    change_after: int = -1    # ... once so many bytes of an answer are out: the rest is new
    change_next: bool = False  # ... before the second request

    def current_etag(self):
        if self.etag != "auto":
            return self.etag
        return '"%s"' % hashlib.sha256(self.body).hexdigest()[:32]


@dataclasses.dataclass
class Request:
    """One request as it came in."""

    method: str
    path: str                 # with the query
    headers: dict             # names in lower case
    body: bytes
    connection: int           # requests of one connection share a number
    tls: bool
    status: int = 0           # what was answered; 0: nothing
    sent: int = 0             # body bytes that were sent


class _Hangup(Exception):
    """Drop the connection, now."""


def make_certificate(directory, names=("DNS:localhost", "IP:127.0.0.1"), name="localhost"):
    """A self-signed certificate with the openssl command. Returns (cert, key) paths."""
    cert = os.path.join(directory, "cert.pem")
    key = os.path.join(directory, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "3650", "-subj", "/CN=" + name,
         "-addext", "subjectAltName=" + ",".join(names), "-keyout", key, "-out", cert],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def _parse_range(header, total):
    """(first, last) of a single range; None: ignore it; False: not satisfiable."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if first == "":
        count = int(last)
        return (max(0, total - count), total - 1) if count and total else False
    if last != "" and int(last) < int(first):
        return None
    if int(first) >= total:
        return False
    return int(first), min(int(last), total - 1) if last != "" else total - 1


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    # ---- one connection ----------------------------------------------------------

    def setup(self):
        self.owner = self.server.owner
        if self.server.context:
            self.request.settimeout(10)
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()
        self.number = self.owner._connected(self.request)

    def handle(self):
        try:
            super().handle()
        except (_Hangup, OSError):
            # Not close(): the unread rest of a request would turn it into a reset.
            self.close_connection = True

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass
        self.owner._disconnected(self.request)

    def log_message(self, format, *args):
        pass

    # ---- one request --------------------------------------------------------------

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        record = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()},
                         self._chunks() if self.headers.get("Transfer-Encoding") else self.rfile.read(length),
                         self.number, bool(self.server.context))
        self.record = record
        if self.path in ("/_requests", "/_reset"):
            return self._control()
        route, faulty = self.owner._find(self.path, self.command)
        self.owner.requests.append(record)
        if route is None:
            return self._short(404, "no such file\n")
        if not faulty:
            route = Route(route.body, route.content_type, route.etag, route.headers)
        self._behave(route)

    def _chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def _control(self):
        if self.path == "/_reset":
            self.owner.reset()
            return self._short(200, "")
        asked = [dict(dataclasses.asdict(r), body=r.body.decode("latin-1")) for r in self.owner.requests]
        return self._short(200, json.dumps(asked))

    def _behave(self, route):
        if route.hang_headers:
            self._hang()
        if route.close_headers:
            raise _Hangup
        if route.garbage:
            self.wfile.write(b"220 mail.example ESMTP\r\n")
            raise _Hangup
        if route.auth and not self._authorized(route):
            challenge = 'Basic realm="airlift"' if route.auth == "basic" else \
                'Digest realm="airlift", qop="auth", nonce="%s", opaque="o", algorithm=MD5' % self.owner.nonce
            return self._short(401, "who are you?\n", {"WWW-Authenticate": challenge})
        if self.command == "HEAD" and route.head:
            return self._short(route.head, "")
        if route.loop:
            return self._short(route.redirect_status, "moved\n", {"Location": self.path})
        if route.redirect:
            location = route.redirect.replace("{port}", str(self.owner.port)) \
                .replace("{plain_port}", str(self.owner.plain_port))
            return self._short(route.redirect_status, "moved\n", {"Location": location})
        if route.status:
            return self._short(route.status, "status %d\n" % route.status)
        self._file(route)

    def _authorized(self, route):
        given = self.headers.get("Authorization", "")
        if route.auth == "basic":
            want = base64.b64encode(("%s:%s" % (route.user, route.password)).encode()).decode()
            return given == "Basic " + want
        if not given.startswith("Digest "):
            return False
        f = {k: v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', given)}

        def md5(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()
        try:
            ha1 = md5(route.user, f["realm"], route.password)
            ha2 = md5(self.command, self.path)
            want = md5(ha1, self.owner.nonce, f["nc"], f["cnonce"], f["qop"], ha2)
            return f["uri"] == self.path and f["nonce"] == self.owner.nonce and f["response"] == want
        except KeyError:
            return False

    def _file(self, route):
        body, etag = route.body, route.current_etag()
        wanted = self.headers.get("If-None-Match")
        if wanted and etag and etag in [t.strip() for t in wanted.split(",")]:
            self._head(304, {"ETag": etag})
            return None
        headers = dict(route.headers)
        headers["Content-Type"] = route.content_type
        if etag:
            headers["ETag"] = etag
        if route.ranges != "ignore":
            headers["Accept-Ranges"] = "bytes"
        status, first, last = 200, 0, len(body) - 1
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if asked and route.ranges != "ignore" and (condition is None or condition == etag):
            found = _parse_range(asked, len(body)) if route.ranges != "refuse" else False
            if found is False:
                return self._short(416, "", {"Content-Range": "bytes */%d" % len(body)})
            if found:
                first, last = found
                status = 206
                if route.ranges == "shifted":
                    first += 1
                said = (first, last) if route.ranges != "other" else (first // 2, last)
                headers["Content-Range"] = "bytes %d-%d/%d" % (*said, len(body))
                if route.ranges == "lying":
                    first, last = first + 1, min(last + 1, len(body) - 1)
        data = body[first:last + 1]
        if route.change_after >= 0 and self.command != "HEAD":
            swap = max(0, route.change_after - first)
            data = data[:swap] + route.next_body[first + swap:last + 1]
            self.owner._replace(self.path, route.next_body)
        self._send(status, headers, data, route)
        return None

    # ---- sending --------------------------------------------------------------------

    def _head(self, status, headers):
        self.record.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def _short(self, status, text, headers=None):
        data = text.encode()
        self._send(status, dict(headers or {}, **{"Content-Type": "text/plain"}), data, Route())

    def _send(self, status, headers, data, route):
        if route.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif not route.no_length:
            headers["Content-Length"] = str(route.length if route.length >= 0 else len(data))
        for i in range(route.header_bytes // 1000):
            headers["X-Filler-%d" % i] = "x" * 980
        if route.no_length or route.close:
            headers["Connection"] = "close"
            self.close_connection = True
        self._head(status, headers)
        if self.command == "HEAD":
            return
        cut = min(n for n in (route.hang_after, route.close_after, len(data)) if n >= 0)
        step = 512 if route.lockstep else route.drip or PIECE
        for off in range(0, cut, step):
            piece = data[off:min(off + step, cut)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if route.chunked else piece)
            self.wfile.flush()
            self.record.sent += len(piece)
            if route.lockstep:
                self._wait_until_read()
            if route.drip and self.owner.stopping.wait(route.drip_s):
                raise _Hangup
        if 0 <= route.hang_after < len(data):
            self._hang()
        if 0 <= route.close_after < len(data) or 0 <= route.length != len(data):
            raise _Hangup
        if route.chunked:
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def _wait_until_read(self):
        """Both ends are on this machine, so the kernel knows what the peer has not read yet."""
        def name(address):
            return "%08X:%04X" % (int.from_bytes(socket.inet_aton(address[0]), "little"), address[1])
        ours, theirs = name(self.request.getsockname()), name(self.request.getpeername())
        while not self.owner.stopping.is_set():
            with open("/proc/net/tcp") as file:
                for line in file:
                    word = line.split()
                    if word[1:3] == [theirs, ours]:
                        unread = int(word[4].split(":")[1], 16)
                        break
                else:
                    raise _Hangup  # it is gone
            if unread == 0:
                return
            self.owner.stopping.wait(0.0005)
        raise _Hangup

    def _hang(self):
        """Say nothing until the peer gives up or the server stops."""
        self.request.settimeout(0.1)
        while not self.owner.stopping.is_set():
            try:
                if not self.request.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        raise _Hangup


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, owner, port, context):
        self.owner = owner
        self.context = context
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # failed handshakes are part of the game
            super().handle_error(request, client_address)


class FaultyServer:
    """The server. Use as a context manager; start() and stop() do the same."""

    def __init__(self, port=0, directory=None, names=("DNS:localhost", "IP:127.0.0.1"), name="localhost",
                 cert=None, key=None):
        self.routes = {}      # path (without query) -> Route, or callable(path, query dict) -> Route
        self.requests = []    # every Request so far, in order of arrival
        self.directory = directory
        self.stopping = threading.Event()
        self.nonce = os.urandom(8).hex()
        self._lock = threading.Lock()
        self._counts = {}     # path with query -> requests so far
        self._from_query = {}  # path with query -> Route made from it
        self._open = set()
        self._connections = 0
        self._temp = tempfile.TemporaryDirectory(prefix="faulty-server-")
        if cert is None:
            cert, key = make_certificate(self._temp.name, names, name)
        self.ca = cert
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self._listeners = [_Listener(self, port, context), _Listener(self, 0, None)]
        self.port, self.plain_port = (listener.server_port for listener in self._listeners)
        self._threads = []

    def url(self, path="/", host="127.0.0.1"):
        return "https://%s:%d%s" % (host, self.port, path)

    def plain_url(self, path="/", host="127.0.0.1"):
        return "http://%s:%d%s" % (host, self.plain_port, path)

    def reset(self):
        """Forget the requests and how often each fault happened. Replaced files stay replaced."""
        with self._lock:
            self.requests.clear()
            self._counts.clear()
            self._from_query.clear()

    def start(self):
        for listener in self._listeners:
            thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self):
        self.stopping.set()
        for listener in self._listeners:
            listener.shutdown()
            listener.socket.close()
        with self._lock:
            still_open = list(self._open)
        for sock in still_open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for listener in self._listeners:
            listener.server_close()
        for thread in self._threads:
            thread.join()
        self._temp.cleanup()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    # ---- called by the handlers ------------------------------------------------------

    def _connected(self, sock):
        with self._lock:
            self._open.add(sock)
            self._connections += 1
            return self._connections

    def _disconnected(self, sock):
        with self._lock:
            self._open.discard(sock)

    def _find(self, target, method):
        """The route of a request, and whether its fault applies this time."""
        path, _, query = target.partition("?")
        with self._lock:
            route = self.routes.get(path)
            if route is None and self.directory:
                route = self._from_query.get(target) or self._route_from_query(path, query)
                if route is not None:
                    self._from_query[target] = route
            if callable(route):
                route = route(path, dict(urllib.parse.parse_qsl(query)))
            if route is None:
                return None, False
            count = self._counts.get(target, 0)
            if method != "HEAD":
                self._counts[target] = count + 1
            if route.change_next and count >= 1 and route.next_body is not None:
                route.body = route.next_body
            faulty = count >= route.skip and (route.times < 0 or count < route.skip + route.times)
            return route, faulty

    def _replace(self, target, body):
        with self._lock:
            route = self._from_query.get(target) or self.routes.get(target.partition("?")[0])
            route.body = body
            route.change_after = -1

    def _read(self, name):
        full = os.path.realpath(os.path.join(self.directory, name.lstrip("/")))
        if not full.startswith(os.path.realpath(self.directory) + os.sep) or not os.path.isfile(full):
            return None
        with open(full, "rb") as file:
            return file.read()

    def _route_from_query(self, path, query):
        body = self._read(urllib.parse.unquote(path))
        route = Route(body or b"")
        given = urllib.parse.parse_qs(query, keep_blank_values=True)
        for field in dataclasses.fields(Route):
            if field.name not in given or field.name in ("body", "headers"):
                continue
            text = given[field.name][0]
            if field.name == "next_body":
                route.next_body = self._read(text)
            else:
                setattr(route, field.name, field.type(text) if field.type is not bool else text != "0")
        for header in given.get("header", []):
            name, _, value = header.partition(":")
            route.headers[name] = value.strip()
        no_file_needed = route.status or route.redirect or route.loop or route.hang_headers \
            or route.close_headers or route.garbage
        return route if body is not None or no_file_needed else None


def main():
    parser = argparse.ArgumentParser(description="an HTTPS server that fails on purpose")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--name", default="localhost", help="common name of the certificate")
    parser.add_argument("--names", default="DNS:localhost,IP:127.0.0.1", help="its subjectAltName")
    args = parser.parse_args()
    with FaultyServer(args.port, args.dir, args.names.split(","), args.name) as server:
        print(server.port, server.plain_port, server.ca, flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
