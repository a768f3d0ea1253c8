"""A real S3 store for tests: s3rver behind a check of every signature, see tests/tools/s3/s3.js."""

import ctypes
import os
import signal
import subprocess

import npm

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools", "s3")
KEY_ID, SECRET = "S3RVER", "S3RVER"


def modules(build):
    return npm.modules(TOOL, os.path.join(build, "tools", "s3"))


class Store:
    def __init__(self, build, directory, bucket="firmware", port=0, cert=None, delay_ms=0, cut=0):
        """cert: (certificate, key) for HTTPS; delay_ms and cut hamper downloads, see s3.js."""
        self.bucket, self.directory = bucket, directory
        env = dict(os.environ, AIRLIFT_S3_MODULES=modules(build), AIRLIFT_S3_DELAY=str(delay_ms), AIRLIFT_S3_CUT=str(cut))
        if cert:
            env.update(AIRLIFT_S3_CERT=cert[0], AIRLIFT_S3_KEY=cert[1])
        self.process = subprocess.Popen(
            ["node", os.path.join(TOOL, "s3.js"), directory, str(port), bucket, KEY_ID, SECRET], env=env, text=True,
            stdout=subprocess.PIPE, preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            self.stop()
            raise AssertionError("the S3 store did not start")
        self.port = int(line.split()[-1])
        self.endpoint = f"{'https' if cert else 'http'}://127.0.0.1:{self.port}"

    def env(self, home, **more):
        """What a client needs."""
        return dict({"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL_S3": self.endpoint,
                     "AWS_REGION": "eu-central-1", "AWS_CONFIG_FILE": os.path.join(home, "none"),
                     "AWS_SHARED_CREDENTIALS_FILE": os.path.join(home, "none")}, **more)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
