"""A double of AWS IoT's job service, on top of a real broker.

    service = JobService(broker.port)
    service.create("lamp-7", "job-1", {"update_url": "https://..."})      # or a function that makes the document
    service.wait("job-1", "SUCCEEDED", 60)

Written from the published description of the job topics: start-next, get, update with
expectedVersion, notify-next, rejections. One execution per job.
"""

import json
import re
import threading
import time

from mqtt_wire import Client

FINAL = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED", "REMOVED")


class Job:
    def __init__(self, name, thing, document):
        self.name, self.thing, self.document = name, thing, document
        self.status, self.version, self.details = "QUEUED", 1, {}
        self.history = []  # (status, details) of each accepted update

    def execution(self, with_document=True):
        out = {"jobId": self.name, "status": self.status, "queuedAt": 1, "lastUpdatedAt": int(time.time()),
               "versionNumber": self.version, "executionNumber": 1, "statusDetails": self.details}
        if with_document:
            out["jobDocument"] = self.document() if callable(self.document) else self.document
        return out


class JobService:
    def __init__(self, port):
        self.port = port
        self.jobs = []
        self.changed = threading.Condition()
        self.lose_answers = 0   # so many answers to updates are not sent
        self.steal_version = 0  # so many updates find the version grown by somebody else
        self.client = None
        self.requests = []      # (what, payload)
        self.connect()

    def connect(self):
        self.client = Client(self.port, "job-service", on_message=self._on_message)
        self.client.subscribe("$aws/things/+/jobs/#")

    def close(self):
        self.client.close()

    # ---- for tests ---------------------------------------------------------------

    def create(self, thing, name, document):
        with self.changed:
            job = Job(name, thing, document)
            self.jobs.append(job)
        self._notify(thing)
        return job

    def cancel(self, name):
        with self.changed:
            job = self.find(name)
            job.status = "CANCELED"
            job.version += 1
        self._notify(job.thing)

    def find(self, name):
        return next((j for j in self.jobs if j.name == name), None)

    def wait(self, name, status, timeout):
        with self.changed:
            done = self.changed.wait_for(lambda: self.find(name).status == status, timeout)
            job = self.find(name)
        assert done, "job %s is %s, not %s; %r" % (name, job.status, status, job.history)
        return job

    # ---- the service --------------------------------------------------------------

    def _next(self, thing):
        mine = [j for j in self.jobs if j.thing == thing]
        return next((j for j in mine if j.status == "IN_PROGRESS"), None) or \
            next((j for j in mine if j.status == "QUEUED"), None)

    def _send(self, thing, what, body):
        body["timestamp"] = int(time.time())
        self.client.publish("$aws/things/%s/jobs/%s" % (thing, what), json.dumps(body), wait=False)

    def _notify(self, thing):
        job = self._next(thing)
        self._send(thing, "notify-next", {"execution": job.execution() if job else {}})

    def _on_message(self, topic, payload):
        match = re.fullmatch(r"\$aws/things/([^/]+)/jobs/(start-next|([^/]+)/(get|update))", topic)
        if not match:
            return  # an answer of our own
        thing, what, name, verb = match.groups()
        self.requests.append((what, payload))
        request = json.loads(payload or b"{}")
        token = {"clientToken": request["clientToken"]} if "clientToken" in request else {}
        with self.changed:
            if what == "start-next":
                job = self._next(thing)
                if job and job.status == "QUEUED":
                    job.status = "IN_PROGRESS"
                    job.version += 1
                self._send(thing, "start-next/accepted", {"execution": job.execution() if job else {}, **token})
            else:
                job = self.find(name)
                if job is None or job.thing != thing:
                    self._send(thing, what + "/rejected", {"code": "ResourceNotFound", "message": "", **token})
                elif verb == "get":
                    document = request.get("includeJobDocument", True)
                    self._send(thing, what + "/accepted", {"execution": job.execution(document), **token})
                else:
                    self._update(thing, job, request, token)
            self.changed.notify_all()

    def _update(self, thing, job, request, token):
        what = job.name + "/update"
        if self.steal_version:
            self.steal_version -= 1
            job.version += 1
        if job.status in FINAL:
            self._send(thing, what + "/rejected", {"code": "TerminalStateReached", "message": "", **token})
        elif request.get("expectedVersion", job.version) != job.version:
            self._send(thing, what + "/rejected", {"code": "VersionMismatch", "message": "", **token})
        elif request.get("status") not in ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED") or \
                any(not isinstance(v, str) for v in request.get("statusDetails", {}).values()):
            self._send(thing, what + "/rejected", {"code": "InvalidRequest", "message": "", **token})
        else:
            job.status = request["status"]
            job.details = request.get("statusDetails", {})
            job.version += 1
            job.history.append((job.status, job.details))
            if self.lose_answers:
                self.lose_answers -= 1
            else:
                self._send(thing, what + "/accepted", token)
            if job.status in FINAL:
                self._notify(thing)
