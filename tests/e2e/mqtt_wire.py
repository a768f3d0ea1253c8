"""A small MQTT 3.1.1 client for tests: QoS 0 and 1, TLS, one thread that receives.

    client = Client(broker.port, "watcher")
    client.subscribe("devices/+/status")
    client.publish("devices/lamp/update", b"{...}", retain=True)   # waits for the acknowledgement
    client.messages     # [(topic, payload, retain)]
"""

import queue
import socket
import ssl
import struct
import threading


class Refused(Exception):
    """The broker does not let us in."""


def _string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


class Client:
    def __init__(self, port, name, tls=None, on_message=None, keepalive=0, clean=True):
        """tls: (ca, cert, key) paths. on_message(topic, payload) runs in the receiving thread."""
        self.messages = []
        self.on_message = on_message
        self.grown = threading.Condition()
        self.acks = queue.Queue()
        self.next_id = 0
        self.lock = threading.Lock()
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        if tls:
            context = ssl.create_default_context(cafile=tls[0])
            if tls[1]:
                context.load_cert_chain(tls[1], tls[2])
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self._send(0x10, _string("MQTT") + struct.pack(">BBH", 4, 2 if clean else 0, keepalive) + _string(name))
        kind, body = self._receive()
        if kind != 0x20 or body[1] != 0:
            raise Refused("CONNACK %r" % body)
        self.session_present = body[0] & 1
        self.sock.settimeout(None)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _send(self, kind, body):
        length, n = b"", len(body)
        while True:
            n, digit = n >> 7, n & 127
            length += bytes([digit | (128 if n else 0)])
            if not n:
                break
        with self.lock:
            self.sock.sendall(bytes([kind]) + length + body)

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            chunk = self.sock.recv(n - len(data))
            if not chunk:
                raise ConnectionError("closed")
            data += chunk
        return data

    def _receive(self):
        kind = self._exactly(1)[0]
        length = shift = 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        return kind, self._exactly(length)

    def _run(self):
        try:
            while True:
                kind, body = self._receive()
                if kind & 0xF0 == 0x30:
                    self._on_publish(kind, body)
                elif kind in (0x40, 0x90):
                    self.acks.put(body)
        except (OSError, ValueError):
            with self.grown:
                self.grown.notify_all()

    def _on_publish(self, kind, body):
        n = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:2 + n].decode(), body[2 + n:]
        if kind & 6:
            self._send(0x40, rest[:2])
            rest = rest[2:]
        with self.grown:
            self.messages.append((topic, rest, bool(kind & 1)))
            self.grown.notify_all()
        if self.on_message:
            self.on_message(topic, rest)

    def _id(self):
        self.next_id = self.next_id % 65535 + 1
        return struct.pack(">H", self.next_id)

    def subscribe(self, *filters):
        for f in filters:
            mid = self._id()
            self._send(0x82, mid + _string(f) + b"\1")
            answer = self.acks.get(timeout=30)
            if answer[:2] != mid or answer[2] == 0x80:
                raise Refused("SUBACK %r for %s" % (answer, f))

    def publish(self, topic, payload, retain=False, qos=1, wait=True):
        """wait=False inside on_message, which runs in the thread that the acknowledgement comes to."""
        payload = payload.encode() if isinstance(payload, str) else payload
        mid = self._id() if qos else b""
        self._send(0x30 | qos << 1 | retain, _string(topic) + mid + payload)
        if qos and wait:
            self.acks.get(timeout=30)

    def wait_for(self, predicate, timeout):
        """The first message for which predicate(topic, payload) holds, now or later."""
        seen = 0

        def find():
            nonlocal seen
            while seen < len(self.messages):
                message = self.messages[seen]
                seen += 1
                if predicate(message[0], message[1]):
                    return message
            return None
        with self.grown:
            return self.grown.wait_for(find, timeout)

    def close(self):
        try:
            self._send(0xE0, b"")
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(10)
        self.sock.close()
