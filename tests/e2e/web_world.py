"""A browser, and a fleet for it to show: for tests of the dashboard, and for its picture."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import time

import agent
import npm
import server_world

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = os.path.join(HERE, "../../web")


def modules(stage):
    """What web/package-lock.json pins, in the build tree."""
    return npm.modules(WEB, os.path.join(os.path.dirname(os.path.abspath(stage)), "tools", "web"))


class Browser:
    """Chromium, headless, by web_browser.mjs: browser.open(url=...), browser.eval(js=...) and so on."""

    def __init__(self, stage):
        chromium = shutil.which("chromium")
        if not chromium:
            raise AssertionError("chromium is missing: scripts/install-deps.sh test installs it")
        self.process = subprocess.Popen(["node", os.path.join(HERE, "web_browser.mjs"), modules(stage), chromium],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM))

    def __getattr__(self, command):
        def run(**arguments):
            self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("the browser ended")
            answer = json.loads(line)
            if "error" in answer:
                raise AssertionError(f"{command} {arguments}: {answer['error']}")
            return answer["value"]
        return run

    def text(self, selector):
        """Of all that match, as they are seen."""
        return self.eval(js=f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)")

    def wait_for(self, selector, text):
        """Until the first that matches says so."""
        return self.wait(js=f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(text)})")

    def sign_in(self, server, **options):
        """As a person does."""
        self.open(url=server.url + "/", **options)
        self.fill(selector="#token", text=server.token)
        self.press(key="Enter")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


class Fleet(server_world.Case):
    """A server that makes patches, and virtual devices that really update from it."""

    table = "two_ota"  # of partitions

    def server(self, *args, **kwargs):
        return super().server(*(args or ("--patches", "4")), **kwargs)

    def publish(self, server, image, product="lamp", **options):
        status, document = server.publish(image, product=product, **options)
        self.assertEqual(status, 201, document)

    def stats(self, server):
        status, _, body = server.call("GET", "/v1/stats", token=server.token)
        self.assertEqual(status, 200)
        return json.loads(body)

    def wait_for_patches(self, server, n):
        """Until so many were made, or found to be of no use, and the server knows of none that is missing."""
        until = time.monotonic() + agent.PATIENCE_S
        while time.monotonic() < until:
            patches = self.stats(server)["patches"]
            if patches["made"] + patches["useless"] >= n and patches["missing"] == 0:
                return
            time.sleep(0.05)
        self.fail("the patches are not made:\n" + server_world.read(server.log.name)[-3000:])

    def device(self, server, image, name="dev", product="lamp", **settings):
        """A new one that runs this image, switched on."""
        self.flash = self.path(name + ".bin")
        made = self.airlift("flash", "new", self.flash, "--size", "4MB", "--table", self.table, "--factory", self.path("factory.bin", image))
        self.assertEqual(made.returncode, 0, made.stderr)
        device = agent.Device(self, f"{server.url}/firmware/{product}/version.json", server.cert, **settings)
        self.addCleanup(lambda: device.process.poll() is None and device.pull_the_plug())
        return device
