"""The real mosquitto in a directory of its own, with a CA, client certificates and ACLs.

In a test:

    with Broker(devices=["lamp-7"]) as broker:
        publish(broker.port, ...)              # plain, anonymous, everything allowed
        connect(broker.tls_port, broker.ca, *broker.client("lamp-7"))

The TLS listener wants a client certificate; its common name is the user, who may
write below devices/<name>/ and read there, read groups/#, and use the job topics of
the thing of that name. A third listener wants a password (user "lamp", "secret").

As a program, for tests that are not Python:

    broker.py [DEVICE ...]

prints one line, "PORT TLS_PORT PASSWORD_PORT DIR", and runs until its stdin ends.
A line there is an order: stop, kill, start, restart. "ok" is printed when done.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
ACL = """
pattern readwrite devices/%u/#
pattern read groups/#
pattern readwrite $aws/things/%u/#
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Broker:
    def __init__(self, devices=(), directory=None):
        self.dir = directory or tempfile.mkdtemp(prefix="airlift-broker-")
        self.process = None
        self.ca = self.path("ca.pem")
        self._make_ca()
        self._make_certificate("server", ["DNS:localhost", "IP:127.0.0.1"])
        for name in devices:
            self._make_certificate(name, [])
        # Nobody else may be given a port between its choice and the broker's start: then once more.
        for attempt in range(5):
            self.port, self.tls_port, self.password_port = free_port(), free_port(), free_port()
            self._configure()
            try:
                self.start()
                return
            except RuntimeError:
                if attempt == 4:
                    raise

    def path(self, name):
        return os.path.join(self.dir, name)

    def client(self, name):
        return self.path(name + ".pem"), self.path(name + ".key")

    def _make_ca(self):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                "-subj", "/CN=airlift test CA", "-keyout", self.path("ca.key"), "-out", self.ca)

    def _make_certificate(self, name, alt_names):
        with open(self.path("ext"), "w") as f:
            f.write("basicConstraints=CA:FALSE\n")
            if alt_names:
                f.write("subjectAltName=%s\n" % ",".join(alt_names))
        cert, key = self.client(name)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", key, "-out", self.path("csr"))
        openssl("x509", "-req", "-in", self.path("csr"), "-CA", self.ca, "-CAkey", self.path("ca.key"),
                "-CAcreateserial", "-days", "3650", "-extfile", self.path("ext"), "-out", cert)

    def _configure(self):
        with open(self.path("acl"), "w") as f:
            f.write(ACL)
        with open(self.path("passwords"), "w") as f:
            f.write("lamp:secret\n")
        subprocess.run([shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd", "-U", self.path("passwords")],
                       check=True)
        os.makedirs(self.path("state"), exist_ok=True)
        lines = ["per_listener_settings true", "persistence true", "persistence_location %s/" % self.path("state"),
                 "autosave_on_changes true", "autosave_interval 1", "max_queued_messages 1000",
                 "log_dest file %s" % self.path("log"), "connection_messages true",
                 "listener %d 127.0.0.1" % self.port, "allow_anonymous true",
                 "listener %d 127.0.0.1" % self.tls_port, "cafile " + self.ca,
                 "certfile " + self.client("server")[0], "keyfile " + self.client("server")[1],
                 "require_certificate true", "use_identity_as_username true", "acl_file " + self.path("acl"),
                 "listener %d 127.0.0.1" % self.password_port, "allow_anonymous false",
                 "password_file " + self.path("passwords")]
        if os.geteuid() == 0:
            lines.insert(0, "user root")  # else it gives up root, and cannot read this directory any more
        with open(self.path("mosquitto.conf"), "w") as f:
            f.write("\n".join(lines) + "\n")

    def start(self):
        self.process = subprocess.Popen([MOSQUITTO, "-c", self.path("mosquitto.conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1000):
            if self.process.poll() is not None:
                raise RuntimeError("mosquitto does not start: " + self.log())
            try:
                for port in (self.port, self.tls_port, self.password_port):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("mosquitto does not listen")

    def stop(self):
        """In good order: its state is saved."""
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def log(self):
        try:
            with open(self.path("log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def close(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    with Broker(sys.argv[1:]) as broker:
        print(broker.port, broker.tls_port, broker.password_port, broker.dir, flush=True)
        for line in sys.stdin:
            getattr(broker, line.strip())()
            print("ok", flush=True)


if __name__ == "__main__":
    main()
