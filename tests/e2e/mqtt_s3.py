#!/usr/bin/env python3
"""examples/mqtt_s3: built as its README says, run on a virtual device, updated by `airlift notify`.

    mqtt_s3.py STAGE [TEST ...]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from faulty_server import FaultyServer, Route  # noqa: E402
from mqtt_wire import Client  # noqa: E402

STAGE = ""
STATION = "station-1"
PATIENCE_S = 120


class Station(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="airlift-mqtt-s3-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.broker = Broker([STATION])
        self.addCleanup(self.broker.close)
        self.server = FaultyServer().start()
        self.addCleanup(self.server.stop)
        self.project = os.path.join(self.dir, "mqtt_s3")
        shutil.copytree(os.path.join(STAGE, "share", "airlift", "examples", "mqtt_s3"), self.project)
        self.log = []

    def write(self, name, text):
        with open(os.path.join(self.project, name), "a" if name == "sdkconfig.defaults" else "w") as f:
            f.write(text)

    def ninja(self, *targets):
        env = dict(os.environ, IDF_PATH=os.path.join(STAGE, "share", "airlift", "idf"))
        if not os.path.exists(os.path.join(self.project, "build", "build.ninja")):
            subprocess.run(["cmake", "-G", "Ninja", "-B", "build"], cwd=self.project, env=env, check=True,
                           stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", "build", *targets], cwd=self.project, env=env, check=True,
                       stdout=subprocess.DEVNULL)

    def configure(self, built_in=True):
        cert, key = self.broker.client(STATION)
        for source, name in ((self.broker.ca, "broker_ca.pem"), (self.server.ca, "server_ca.pem"),
                             *(((cert, "client.pem"), (key, "client.key")) if built_in else ())):
            shutil.copy(source, os.path.join(self.project, "certs", name))
        self.write("sdkconfig.defaults", """
CONFIG_MQTT_S3_BROKER="mqtts://localhost:%d"
CONFIG_MQTT_S3_DEVICE_ID="%s"
CONFIG_MQTT_S3_STABILISATION_S=1
CONFIG_MQTT_S3_READING_INTERVAL_S=1
""" % (self.broker.tls_port, STATION))

    def start(self):
        process = subprocess.Popen([os.path.join(STAGE, "bin", "airlift"), "device", "run", "build/flash.bin"],
                                   cwd=self.project, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, errors="replace")

        def read():
            self.log.extend(process.stderr)
        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def stop():
            process.terminate()
            process.wait()
            reader.join()
            process.stderr.close()
        self.addCleanup(stop)

    def publish(self, version):
        """Put the build's image on the server and tell the station: the command's result."""
        path = os.path.join(self.project, "build", "mqtt_s3.bin")
        with open(path, "rb") as f:
            self.server.routes["/%s.bin" % version] = Route(f.read())
        return subprocess.run(
            [os.path.join(STAGE, "bin", "airlift"), "notify", "--broker", "mqtt://127.0.0.1:%d" % self.broker.port,
             "--device", STATION, "--image", path, "--wait", "--timeout", str(PATIENCE_S),
             "--url", self.server.url("/%s.bin?X-Amz-Signature=%s" % (version, "0" * 1600))],
            capture_output=True, text=True, timeout=2 * PATIENCE_S)

    def expect_reading(self):
        """Switch it on and wait for a reading that makes sense."""
        watcher = Client(self.broker.port, "watcher")
        watcher.subscribe("devices/%s/readings" % STATION)
        self.start()
        message = watcher.wait_for(lambda topic, payload: True, PATIENCE_S)
        watcher.close()
        self.assertTrue(message, "".join(self.log))
        reading = json.loads(message[1])
        self.assertTrue(-40 < reading["temperature_c"] < 85 and 300 < reading["pressure_hpa"] < 1100, reading)
        self.assertTrue(0 <= reading["humidity_percent"] <= 100, reading)

    def test_certificate_in_nvs(self):
        self.configure(built_in=False)
        self.write("sdkconfig.defaults", 'CONFIG_MQTT_S3_CREDENTIALS_IN_NVS=y\n')
        self.ninja()
        cert, key = self.broker.client(STATION)
        for words in (["provision", "--size", "0x4000", "--set", "mqtt_s3/cert:file=" + cert,
                       "--set", "mqtt_s3/key:file=" + key, "--set", "mqtt_s3/device_id=" + STATION, "--out", "nvs.bin"],
                      ["flash", "write", "build/flash.bin", "--partition", "nvs", "nvs.bin"]):
            subprocess.run([os.path.join(STAGE, "bin", "airlift"), *words], cwd=self.project, check=True,
                           stdout=subprocess.DEVNULL)
        self.expect_reading()

    def test_readings_update_and_rollback(self):
        self.configure()
        self.ninja()
        self.expect_reading()

        self.write("version.txt", "1.4.3\n")
        self.ninja("app")
        result = self.publish("1.4.3")
        self.assertEqual((result.returncode, result.stdout), (0, "station-1 runs 1.4.3\n"), result)

        self.write("version.txt", "1.4.4\n")
        with open(os.path.join(self.project, "sdkconfig"), "a") as f:
            f.write("CONFIG_MQTT_S3_SELF_TEST_FAILS=y\n")
        self.ninja("app")
        result = self.publish("1.4.4")
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("rolled_back: health check failed", result.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    STAGE = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2, warnings="ignore")
