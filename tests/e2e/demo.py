"""`airlift demo`: what the README promises to a newcomer.

    demo.py STAGE
"""
import os
import signal
import subprocess
import sys
import time

AIRLIFT = os.path.join(sys.argv[1], "bin", "airlift")

# In this order, in the device's own log and in the table at the end.
STORY = [
    "airlift: running 1.4.2 from factory",
    "airlift: running 1.4.3 from ota_0",
    "airlift: 1.4.3 confirmed after its health check",
    "airlift: running 1.4.4 from ota_1",
    "airlift: running 1.4.3 from ota_0",
    "airlift: 1.4.4 was rolled back",
    "airlift: running 0.14.3 from app1",
    "airlift: 0.14.3 confirmed after its health check",
    "What ran, from where, and what it took",
    "every step happened as told",
]


def leftovers():
    return {name for name in os.listdir("/tmp") if name.startswith("airlift-demo-")}


def test_story():
    before = leftovers()
    done = subprocess.run([AIRLIFT, "demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    at = 0
    for line in STORY:
        at = done.stdout.find(line, at)
        assert at >= 0, "%r is missing or out of order in:\n%s" % (line, done.stdout)
    assert leftovers() <= before, "the demo left its directory behind"


def test_interrupt_tidies_up():
    before = leftovers()
    demo = subprocess.Popen([AIRLIFT, "demo"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)
    for line in demo.stdout:
        if "Loaded app" in line:
            break
    os.killpg(demo.pid, signal.SIGINT)
    demo.stdout.read()
    assert demo.wait(timeout=60) == 130, demo.returncode
    deadline = time.time() + 20
    while leftovers() - before and time.time() < deadline:
        time.sleep(0.2)
    assert leftovers() <= before, "an interrupted demo left its directory behind"


def test_refuses_arguments():
    done = subprocess.run([AIRLIFT, "demo", "now"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done


passed = 0
for name, test in sorted(globals().copy().items()):
    if name.startswith("test_"):
        test()
        passed += 1
        print("ok", name)
print("%d passed, 0 failed" % passed)
