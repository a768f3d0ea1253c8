"""Scenarios of updates over MQTT: by message and by AWS IoT job; the broker dies too."""

import hashlib
import json
import time

from broker import Broker
from faulty_server import FaultyServer, Route
from job_service import JobService
from mqtt_wire import Client
from scenario import NEW, Scenario

DEVICE = "lamp-7"
PATIENCE_S = 90


class OverMqtt(Scenario):
    jobs = False

    def __init__(self, seed):
        super().__init__(seed)
        self.broker = Broker([DEVICE])
        self.server = FaultyServer().start()
        self.server.routes["/new.bin"] = Route(self.new)
        cert, key = self.broker.client(DEVICE)
        self.settings = {"mqtt_uri": "mqtts://localhost:%d" % self.broker.tls_port, "mqtt_device": DEVICE,
                         "mqtt_ca": self.broker.ca, "mqtt_cert": cert, "mqtt_key": key, "mqtt_max_reconnect_s": 1}
        if self.jobs:
            self.settings["mqtt_jobs"] = 1
        self.watcher = None

    def url(self):
        return None, self.server.ca

    def message(self):
        return {"update_url": self.server.url("/new.bin"), "version": NEW, "size": len(self.new),
                "sha256": hashlib.sha256(self.new).hexdigest()}

    def publish(self):
        sender = Client(self.broker.port, "sender")
        sender.publish("devices/%s/update" % DEVICE, json.dumps(self.message()), retain=self.rng.random() < 0.5)
        sender.close()

    def victims(self):
        return dict(super().victims(), broker=self.broker.kill, broker_in_order=self.broker.stop)

    def revive(self):
        if self.broker.process.poll() is not None:
            time.sleep(self.rng.uniform(0, 0.5))
            self.broker.start()
        super().revive()

    def start_update(self):
        self.publish()

    def finish(self):
        """Once more, undisturbed; the device says how it ended."""
        def is_end(topic, payload):
            said = json.loads(payload)
            return said["state"] in ("succeeded", "up_to_date") and said.get("running") == NEW
        watcher = Client(self.broker.port, "watcher")
        watcher.subscribe("devices/%s/status" % DEVICE)
        self.publish()
        end = watcher.wait_for(is_end, PATIENCE_S)
        watcher.close()
        if not end:
            raise AssertionError("the device tells no success: %s" % watcher.messages)

    def close(self):
        super().close()
        self.broker.close()
        self.server.stop()


class MqttMessage(OverMqtt):
    name = "mqtt-message"


class MqttJob(OverMqtt):
    name = "mqtt-job"
    jobs = True

    def __init__(self, seed):
        super().__init__(seed)
        self.service = JobService(self.broker.port)

    def revive(self):
        was_dead = self.broker.process.poll() is not None
        super().revive()
        if was_dead:
            self.service.close()
            self.service.connect()

    def start_update(self):
        if not self.service.jobs:
            self.service.create(DEVICE, "job-1", self.message())

    def finish(self):
        """The job alone brings it to its end; the message afterwards finds it done."""
        self.service.wait("job-1", "SUCCEEDED", PATIENCE_S)
        super().finish()

    def close(self):
        self.service.close()
        super().close()
