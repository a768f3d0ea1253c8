"""What all scenarios have in common: a device that is to get from one version to the next while things die."""

import os
import random
import subprocess
import tempfile
import time

import agent
from agent import make_image

BAD_BOOT = ("nothing boots", "No bootable app", "panic", "Guru Meditation", "flash: programming")
OLD, NEW = "1.4.2", "1.4.3"


class Scenario:
    """One device that is to get from OLD to NEW, and those who help it. Subclasses say who they are.

    victims()       names and functions: each kills one of them, or does nothing where that one is not there. (The
                    reset button is none: pressed during a trial it is a verdict on the image.)
    start_update()  begins an attempt; returns at once
    finish()        an attempt that nobody disturbs; returns when it should have worked
    revive()        starts again whoever is dead; called after each kill
    """

    name = None
    image_size = 120000
    options = ("--flash-timing", "w25q32")  # so that there is something to hit
    window_s = 3.5                          # kills happen within this time after the beginning
    settings = {}                           # of the reference agent

    def __init__(self, seed):
        self.rng = random.Random("%s %d" % (self.name, seed))
        self.dir = tempfile.mkdtemp(prefix="airlift-chaos-")
        self.flash = os.path.join(self.dir, "dev.bin")
        self.old, self.new = make_image(OLD), make_image(NEW, size=self.image_size)
        self.image_path = self.write("new.bin", self.new)
        self.airlift("flash", "new", self.flash, "--table", "two_ota", "--factory", self.write("old.bin", self.old))
        self.device = None
        self.story = []

    # --- what subclasses fill in

    def victims(self):
        return {"device": self.kill_device, "power": self.cycle_power}

    def start_update(self):
        raise NotImplementedError

    def finish(self):
        raise NotImplementedError

    def revive(self):
        self.switch_on()

    def close(self):
        self.kill_device()

    # --- tools

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def airlift(self, *words, check=True):
        return subprocess.run([agent.AIRLIFT, *words], check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def url(self):
        """(manifest URL, CA file) for scenarios that pull."""
        return None, None

    def switch_on(self):
        if self.device is None:
            self.device = agent.Device(self, *self.url(), self.options, **self.settings)
            self.device.expect(r"running \S+ from ")
            self.device.cursor = 0

    def kill_device(self):
        if self.device is not None:
            self.device.pull_the_plug()
            self.check_log()
            self.device = None

    def cycle_power(self):
        if self.device is not None:
            self.airlift("device", "power-cycle", self.flash, check=False)

    def check_log(self):
        """What has booted so far was one of the two versions, and the flash was not misused."""
        lines = list(self.device.lines)
        self.story += lines
        for line in lines:
            if any(bad in line for bad in BAD_BOOT):
                raise AssertionError("bad boot: %s" % line)
            if ": running " in line and not any("running %s from" % v in line for v in (OLD, NEW)):
                raise AssertionError("another version runs: %s" % line)

    def check_end(self):
        """NEW runs, confirmed, and lies byte for byte in its slot."""
        match = self.device.expect(r"%s confirmed|up to date: %s runs" % ((NEW.replace(".", r"\."),) * 2))
        result = self.device.switch_off()
        self.check_log()
        self.device = None
        if result["last_booted"] not in ("ota_0", "ota_1") or not match:
            raise AssertionError("ended in %r" % result["last_booted"])
        path = os.path.join(self.dir, "slot.bin")
        self.airlift("flash", "read", self.flash, "--partition", result["last_booted"], path)
        with open(path, "rb") as file:
            if file.read(len(self.new)) != self.new:
                raise AssertionError("the slot does not hold the image")

    # --- a run

    def run(self):
        self.switch_on()
        for _ in range(self.rng.randint(1, 3)):
            self.start_update()
            time.sleep(self.rng.uniform(0, self.window_s))
            name, kill = self.rng.choice(sorted(self.victims().items()))
            self.story.append("=== kill: %s" % name)
            kill()
            self.revive()
        self.finish()
        self.check_end()
