"""Images in S3: a server that hands out links, a bucket without a server, devices that fetch by links that expire.

    python3 cloud.py STAGE [test names]
"""

import hashlib
import json
import os
import ssl
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

import agent
import npm
from agent import Device, make_image
from cloud_world import Cloud
from delta import make_image as make_related_image
from signing_world import sign, signers

import s3

BUILD = None


class World(unittest.TestCase):
    image = make_image("1.4.3", size=900000)

    def setUp(self):
        s3.World.setUp(self)
        self.device = None
        self.addCleanup(self.switch_off)

    def switch_off(self):
        if self.device and self.device.process.poll() is None:
            self.device.pull_the_plug()

    def cloud(self, **kwargs):
        cloud = Cloud(agent.AIRLIFT, BUILD, self.dir, **kwargs)
        self.addCleanup(cloud.close)
        return cloud

    def airlift(self, *words, env=None):
        return subprocess.run([agent.AIRLIFT, *words], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, **(env or {})))

    def start(self, url, ca, **settings):
        self.flash = os.path.join(self.dir, "dev.bin")
        if not os.path.exists(self.flash):
            factory = os.path.join(self.dir, "factory.bin")
            with open(factory, "wb") as f:
                f.write(make_image("1.4.2"))
            self.assertEqual(self.airlift("flash", "new", self.flash, "--table", "two_ota", "--factory", factory).returncode, 0)
        self.device = Device(self, url, ca, **settings)
        return self.device

    def expect_update(self, device, version="1.4.3"):
        device.expect(r"installed %s in ota_0" % version.replace(".", r"\."))
        device.expect(r"%s confirmed after its health check" % version.replace(".", r"\."))


class Store(World):
    def objects(self, cloud):
        result = self.airlift("s3", "ls", "s3://firmware/fleet/", "--json", env=cloud.environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        return {o["key"]: o["size"] for o in json.loads(result.stdout)}

    def get(self, cloud, url):
        request = urllib.request.Request(url)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=cloud.cert), timeout=30) as answer:
            return answer.status, answer.read()

    def test_devices_get_links_in_place_of_bytes(self):
        cloud, image = self.cloud(), sign(agent.AIRLIFT, self.image, "p256_a")
        self.assertEqual(cloud.publish(image)[0], 201)
        sha = hashlib.sha256(image).hexdigest()
        self.assertEqual(self.objects(cloud)[f"fleet/{sha}"], len(image))
        manifest = json.loads(cloud.server.call("GET", "/firmware/lamp/version.json")[2])
        self.assertTrue(manifest["url"].startswith(f"https://127.0.0.1:{cloud.s3_port}/firmware/fleet/{sha}?X-Amz-"))
        self.assertTrue(self.get(cloud, manifest["url"]) == (200, image))
        status, headers, body = cloud.server.call("GET", f"/v1/artifacts/{sha}")
        self.assertEqual((status, body, headers["Cache-Control"]), (302, b"", "no-store"))
        self.assertTrue(self.get(cloud, headers["Location"]) == (200, image))
        status, headers, _ = cloud.server.call("GET", "/firmware/lamp/update", headers={"x-ESP32-STA-MAC": "x"})
        self.assertEqual((status, headers["x-MD5"]), (302, hashlib.md5(image).hexdigest()))

    def wait_for_maker(self, cloud, n):
        """Until so many patches came to something: none can be smaller than these images, which is no failure."""
        until = time.monotonic() + agent.PATIENCE_S
        while time.monotonic() < until:
            stats = json.loads(cloud.server.call("GET", "/v1/stats", token=cloud.admin)[2])["patches"]
            if stats["missing"] == 0 and stats["made"] + stats["useless"] + stats["failed"] == n:
                self.assertEqual(stats["failed"], 0)
                return
            time.sleep(0.05)
        self.fail("%s\n%s" % (stats, npm.read(cloud.server.log.name)[-3000:]))

    def test_the_directory_is_only_a_cache(self):
        cloud, image = self.cloud(options=("--patches", "1")), make_image("1.4.3", size=50000)
        self.assertEqual(cloud.publish(image)[0], 201)
        self.wait_for_maker(cloud, 1)
        cloud.drop_cache()
        # The patch's old image is read from the bucket.
        self.assertEqual(cloud.publish(make_image("1.4.4", size=50000))[0], 201)
        self.wait_for_maker(cloud, 3)
        cloud.drop_cache()
        self.assertEqual(cloud.publish(image)[0], 200)  # the same again

    def test_manifest_with_long_links_names_as_many_patches_as_agents_read(self):
        cloud = self.cloud(token="t" * 1100, options=("--patches", "4"))
        images = [make_related_image("1.4.%d" % i, size=8000, changes=5) for i in range(5)]
        for image in images:
            self.assertEqual(cloud.publish(image)[0], 201)
        until = time.monotonic() + agent.PATIENCE_S
        while time.monotonic() < until and npm.read(cloud.server.log.name).count(" to=1.4.4 ") < 5:
            time.sleep(0.1)
        body = cloud.server.call("GET", "/firmware/lamp/version.json")[2]
        manifest = json.loads(body)
        self.assertLessEqual(len(body), 8192)
        self.assertEqual(len(manifest["patches"]), 3, npm.read(cloud.server.log.name))
        self.assertGreater(len(body) + len(manifest["patches"][0]["url"]), 8192)
        patch = manifest["patches"][0]
        self.assertEqual(len(self.get(cloud, patch["url"])[1]), patch["size"])
        self.assertEqual([p["size"] for p in manifest["patches"]], sorted(p["size"] for p in manifest["patches"]))

    def test_a_store_that_is_down_costs_no_release(self):
        cloud = self.cloud()
        cloud.store.stop()
        status, document = cloud.publish(self.image)
        self.assertEqual((status, document["error"]["code"]), (503, "storage_down"))
        self.assertEqual(cloud.server.call("GET", "/firmware/lamp/version.json")[0], 404)
        self.assertEqual(os.listdir(os.path.join(cloud.data, "incoming")), [])
        cloud.start_store()
        self.assertEqual(cloud.publish(self.image)[0], 201)
        log = npm.read(cloud.server.log.name)
        self.assertNotIn("X-Amz-Signature", log)

    def test_start_without_credentials_fails(self):
        env = {k: "" for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")}
        result = self.airlift("serve", "--listen", "127.0.0.1:0", "--data", os.path.join(self.dir, "d"), "--store", "s3://b",
                              env=dict(env, AWS_CONFIG_FILE="/none", AWS_SHARED_CREDENTIALS_FILE="/none"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("no S3 credentials", result.stderr)


class Devices(World):
    def test_update_by_a_link_of_more_than_2_kb(self):
        cloud = self.cloud(token="T" * 2000)
        self.assertEqual(cloud.publish(self.image)[0], 201)
        self.expect_update(self.start(cloud.manifest_url(), cloud.cert))
        self.assertFalse(self.device.has("X-Amz-Signature"))
        self.device.switch_off()

    def test_links_that_expire_in_mid_download_are_replaced(self):
        """Each request waits 0.6 s and breaks off after 150 kB: a link of 2 s is good for three, then comes 403."""
        cloud = self.cloud(link_expiry=2, delay_ms=600, cut=150000)
        self.assertEqual(cloud.publish(self.image)[0], 201)
        device = self.start(cloud.manifest_url(), cloud.cert, NO_PATCHES=1)
        device.expect(r"403.*: reading the manifest again for a fresh link")
        self.expect_update(device)
        self.assertFalse(device.has(r"no update \("))  # no attempt was counted as failed
        self.assertFalse(device.has(r"beginning again"))
        device.switch_off()

    def test_a_store_that_refuses_always_is_not_hammered(self):
        cloud = self.cloud()
        self.assertEqual(cloud.publish(self.image)[0], 201)
        cloud.store.stop()
        refusing = agent.FaultyServer().start()
        self.addCleanup(refusing.stop)
        manifest = agent.make_manifest("1.4.3", self.image, url="/fw/1.4.3.bin?X-Amz-Signature=0")
        refusing.routes["/fw/version.json"] = agent.Route(manifest, content_type="application/json")
        refusing.routes["/fw/1.4.3.bin"] = agent.Route(b"", status=403)
        device = self.start(refusing.url("/fw/version.json"), refusing.ca, attempts=1)
        device.expect(r"no update \(expired\)")
        device.expect(r"next check in")
        asked = [r for r in refusing.requests if r.path.startswith("/fw/1.4.3.bin")]
        self.assertLessEqual(len(asked), 3 + 3)
        device.pull_the_plug()


class Bucket(World):
    """airlift publish --store: no server at all."""

    def publish(self, cloud, version, *options, size=300000, key=None, secure_version=0):
        path = os.path.join(self.dir, "app.bin")
        image = make_image(version, size=size, secure_version=secure_version)
        with open(path, "wb") as f:
            f.write(sign(agent.AIRLIFT, image, key) if key else image)
        return self.airlift("publish", path, "--product", "lamp", "--store", "s3://firmware/static", *options,
                            env=cloud.environment())

    def test_device_updates_from_the_bucket_alone(self):
        cloud = self.cloud()
        result = self.publish(cloud, "1.4.3", "--link-expiry", "600", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["version"], "1.4.3")
        link = self.airlift("presign", "s3://firmware/static/lamp/version.json", env=cloud.environment()).stdout.strip()
        self.expect_update(self.start(link, cloud.cert))
        self.device.switch_off()

    def test_what_is_published_is_respected(self):
        cloud = self.cloud()
        self.assertEqual(self.publish(cloud, "1.4.3").returncode, 0)
        self.assertEqual(self.publish(cloud, "1.4.3").returncode, 0)  # the same again
        for version, size, why in (("1.4.3", 200000, "with other bytes"), ("1.4.2", 300000, "newer than 1.4.2")):
            result = self.publish(cloud, version, size=size)
            self.assertEqual(result.returncode, 1)
            self.assertIn(why, result.stderr)
        self.assertEqual(self.publish(cloud, "1.10.0").returncode, 0)
        keys = json.loads(self.airlift("s3", "ls", "s3://firmware/static/", "--json", env=cloud.environment()).stdout)
        self.assertEqual(len(keys), 3)
        result = self.airlift("s3", "get", "s3://firmware/static/lamp/version.json", os.path.join(self.dir, "m"),
                              env=cloud.environment())
        self.assertEqual(result.returncode, 0)
        self.assertRegex(json.loads(npm.read(os.path.join(self.dir, "m")))["url"], r"^[0-9a-f]{64}\.bin$")

    def test_devices_are_not_left_behind_by_accident(self):
        cloud = self.cloud()
        self.assertEqual(self.publish(cloud, "1.4.3", key="p256_a").returncode, 0)
        result = self.publish(cloud, "1.4.4", secure_version=1)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("can't go back to any of them; it is not signed, but 1.4.3 is", result.stderr)
        result = self.publish(cloud, "1.4.4", "--yes", "--json", key="p256_b", secure_version=1)
        self.assertEqual((result.returncode, result.stderr.count("warning: ")), (0, 2), result)
        manifest = json.loads(result.stdout)
        self.assertEqual((manifest["secure_version"], manifest["signers"]), (1, signers("p256_b")))
        self.assertEqual(self.publish(cloud, "1.4.5", key="p256_b", secure_version=1).returncode, 0)


if __name__ == "__main__":
    stage = os.path.abspath(sys.argv.pop(1))
    agent.AIRLIFT, BUILD = os.path.join(stage, "bin", "airlift"), os.path.dirname(stage)
    unittest.main(verbosity=2)
