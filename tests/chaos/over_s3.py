"""Scenario of updates from an S3 store by presigned links: the store and the update server die too."""

import os
import time

import agent
from cloud_world import Cloud
from scenario import Scenario


class OverS3(Scenario):
    name = "s3-links"
    settings = {"INTERVAL_S": 5, "RETRY_S": 1, "TIMEOUT_S": 2, "NO_PATCHES": 1}

    def __init__(self, seed):
        super().__init__(seed)
        build = os.path.dirname(os.path.dirname(os.path.dirname(agent.AIRLIFT)))
        self.cloud = Cloud(agent.AIRLIFT, build, self.dir, link_expiry=2)
        status, answer = self.cloud.publish(self.new)
        if status != 201:
            raise AssertionError("not published: %s" % answer)

    def url(self):
        return self.cloud.manifest_url(), self.cloud.cert

    def victims(self):
        return dict(super().victims(), store=self.cloud.store.stop, server=self.cloud.server.kill)

    def revive(self):
        time.sleep(self.rng.uniform(0, 2.5))  # links run out meanwhile
        if self.cloud.server.process.poll() is not None:
            self.cloud.start_server(listen="127.0.0.1:%d" % self.cloud.server.port)
        if self.cloud.store.process.poll() is not None:
            self.cloud.start_store()
        super().revive()

    def start_update(self):
        """The device asks by itself."""

    def finish(self):
        """All are there: the next check, or the one after, brings it to its end."""

    def close(self):
        super().close()
        self.cloud.close()
