"""An update server whose images lie in a real S3 store, both on HTTPS with one certificate."""

import os
import shutil
import socket
import time

import server_world
from s3_world import Store
from server_world import Server


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cloud:
    def __init__(self, airlift, build, directory, link_expiry=600, token=None, options=(), **store):
        server_world.AIRLIFT = airlift
        self.build, self.directory = build, directory
        self.s3_port, self.token, self.options = free_port(), token, options
        self.data = os.path.join(directory, "server")
        self.cert = os.path.join(self.data, "cert.pem")
        self.link_expiry = link_expiry
        self.server = self.store = None
        self.start_server()
        self.start_store(**store)

    def environment(self):
        env = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER", "AWS_REGION": "eu-central-1",
               "AWS_CA_BUNDLE": self.cert, "AWS_ENDPOINT_URL_S3": f"https://127.0.0.1:{self.s3_port}",
               "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
        return dict(env, AWS_SESSION_TOKEN=self.token) if self.token else env

    def start_server(self, listen="127.0.0.1:0"):
        self.server = Server(self.data, "--store", "s3://firmware/fleet", "--link-expiry", str(self.link_expiry), *self.options,
                             listen=listen, env=self.environment())
        if self.server.token:
            self.admin = self.server.token

    def start_store(self, **hampered):
        for _ in range(50):
            try:
                self.store = Store(self.build, os.path.join(self.directory, "store"), port=self.s3_port,
                                   cert=(self.cert, os.path.join(self.data, "key.pem")), **hampered)
                return
            except AssertionError:
                time.sleep(0.1)
        raise AssertionError("the S3 store does not start")

    def publish(self, image, product="lamp", query=None):
        return self.server.publish(image, product, token=self.admin, query=query)

    def manifest_url(self, product="lamp"):
        return f"{self.server.url}/firmware/{product}/version.json"

    def drop_cache(self):
        shutil.rmtree(os.path.join(self.data, "artifacts"))
        os.mkdir(os.path.join(self.data, "artifacts"))

    def close(self):
        if self.server.process.poll() is None:
            self.server.kill()
        self.store.stop()
