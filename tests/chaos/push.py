"""Scenarios of what is pushed: over TCP and as ArduinoOTA does."""

import socket
import subprocess

import agent
from push_world import free_port
from scenario import Scenario


class Push(Scenario):
    command = ()

    def __init__(self, seed):
        super().__init__(seed)
        self.sender = None

    def arguments(self):
        return ["push", *self.command, "127.0.0.1:%d" % self.port, self.image_path]

    def victims(self):
        return dict(super().victims(), sender=self.kill_sender)

    def kill_sender(self):
        if self.sender is not None:
            self.sender.kill()
            self.sender.wait()
            self.sender = None

    def start_update(self):
        self.kill_sender()
        self.sender = subprocess.Popen([agent.AIRLIFT, *self.arguments()], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)

    def finish(self):
        self.kill_sender()  # a new one, as after a reboot of the desktop
        self.device.cursor = len(self.device.lines)
        last = subprocess.run([agent.AIRLIFT, *self.arguments(), "--tries", "30"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=180)
        if last.returncode != 0:
            raise AssertionError("the retry failed: %s" % last.stdout)

    def close(self):
        self.kill_sender()
        super().close()


class PushTcp(Push):
    name = "push-tcp"
    command = ("tcp",)

    def __init__(self, seed):
        super().__init__(seed)
        self.port = free_port()
        self.settings = {"push_tcp": self.port, "push_timeout_s": 2}


class PushArduino(Push):
    name = "push-arduino"
    command = ("arduino", "--password", "a-real-password")

    def __init__(self, seed):
        super().__init__(seed)
        self.port = free_port(socket.SOCK_DGRAM)
        self.settings = {"push_arduino": self.port, "push_password": "a-real-password"}


class PushTcpCut(PushTcp):
    """The power goes in the middle of a flash operation, which is left torn."""

    name = "push-tcp-cut"
    options = ()
    n_operations = 140  # of an update, its restart and its trial

    def run(self):
        self.options = ("--power-cut", str(self.rng.randint(1, self.n_operations)))
        self.device = agent.Device(self, None, None, self.options, **self.settings)  # may be dark before it listens
        subprocess.run([agent.AIRLIFT, *self.arguments(), "--tries", "3"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
        with self.device.grown:
            self.device.grown.wait_for(lambda: self.device.ended, 3)  # the restart and the trial write, too
        self.kill_device()
        self.options = ()
        self.switch_on()
        self.finish()
        self.check_end()
