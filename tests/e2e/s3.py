"""airlift presign and airlift s3, against a store that checks signatures and against Debian's awscli.

    python3 s3.py STAGE [test names]
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import s3_world

AIRLIFT = BUILD = None
AWS = "/usr/bin/aws"  # Debian's; another one may stand earlier in PATH


def fetch(url, method="GET", data=None, headers=None):
    """(status, body); an HTTP error is an answer like any other."""
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class World(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="airlift-s3-")
        self.addCleanup(shutil.rmtree, self.dir)

    def clean(self, env):
        base = {k: v for k, v in os.environ.items() if not k.startswith(("AIRLIFT_", "AWS_"))}
        return dict(base, HOME=self.dir, LC_ALL="C.UTF-8", **env)

    def airlift(self, *args, env=None, **kwargs):
        return subprocess.run([AIRLIFT, *args], capture_output=True, text=True, timeout=120,
                              env=self.clean(env or {}), **kwargs)

    def file(self, name, data):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def assertFailed(self, result, contains, code=1):
        self.assertEqual((result.returncode, result.stdout), (code, ""), result)
        self.assertIn(contains, result.stderr)
        self.assertTrue(result.stderr.startswith("airlift") and result.stderr.count("\n") == 1, result.stderr)


# --- Links, compared with awscli ---------------------------------------------

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


class SameAsAws(World):
    def assertSame(self, uri, *args, env=None):
        env = KEYS if env is None else env
        aws = subprocess.run([AWS, "s3", "presign", uri, *args], capture_output=True, text=True, env=self.clean(env))
        self.assertEqual(aws.returncode, 0, aws.stderr)
        link = aws.stdout.strip()
        date = re.search("X-Amz-Date=([^&]*)", link)[1]
        ours = self.airlift("presign", uri, "--date", date, *args, env=env)
        self.assertEqual(ours.stdout.strip(), link, ours.stderr)

    def test_keys_of_all_characters(self):
        self.assertSame("s3://examplebucket/a b+c~d//e/../f.bin", "--region", "us-east-1")
        self.assertSame("s3://examplebucket//ü/€?x=1&y#z%20!*'()", "--region", "eu-central-1", "--expires-in", "600")

    def test_regions_and_their_hosts(self):
        self.assertSame("s3://examplebucket/test.txt")
        self.assertSame("s3://examplebucket/test.txt", env=dict(KEYS, AWS_DEFAULT_REGION="cn-north-1"))
        self.assertSame("s3://examplebucket/test.txt", env=dict(KEYS, AWS_REGION="aws-global"))

    def test_buckets_that_are_no_host_names(self):
        self.assertSame("s3://my.dotted.bucket/a", "--region", "eu-west-1")
        self.assertSame("s3://My_Bucket/a", "--region", "eu-west-1", "--expires-in", "604800")

    def test_endpoints_of_ones_own(self):
        self.assertSame("s3://bkt/k", "--endpoint-url", "http://127.0.0.1:9000", "--region", "eu-west-1")
        self.assertSame("s3://bkt//k", "--endpoint-url", "https://minio.example.com:443/x/")

    def test_profiles_and_session_tokens(self):
        config = self.file("config", "[default]\nregion = eu-north-1\ns3 =\n  addressing_style = path\n"
                                     "[profile two]\nregion=ap-south-1\n# not = this\ns3=\n    addressing_style = virtual\n")
        credentials = self.file("credentials", "; mine\n[default]\naws_access_key_id = AKDEFAULT\n"
                                "aws_secret_access_key = SECDEFAULT\n\n[two]\naws_access_key_id=AKTWO\n"
                                "aws_secret_access_key =  SEC/TWO+x \naws_session_token = TOK/+=\n")
        files = {"AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": credentials}
        self.assertSame("s3://bucketname/a", env=files)
        self.assertSame("s3://bucketname/a", env=dict(files, AWS_PROFILE="two"))
        self.assertSame("s3://bucketname/a", env=dict(files, AWS_PROFILE="two", **KEYS))
        self.assertSame("s3://bucketname/a", "--profile", "two", "--endpoint-url", "http://localhost:4568",
                        env=dict(files, **KEYS))


class Presign(World):
    def test_json(self):
        result = self.airlift("presign", "s3://b-1/k", "--date", "20130524T000000Z", "--expires-in", "86400", "--json", env=KEYS)
        document = json.loads(result.stdout)
        self.assertEqual((document["method"], document["expires"]), ("GET", "2013-05-25T00:00:00Z"))
        self.assertTrue(document["url"].startswith("https://b-1.s3.amazonaws.com/k?X-Amz-Algorithm="))

    def test_mistakes_are_named(self):
        self.assertFailed(self.airlift("presign", "s3://bkt/k"), "no S3 credentials: set AWS_ACCESS_KEY_ID")
        self.assertFailed(self.airlift("presign", "bkt/k", env=KEYS), "an S3 address is s3://BUCKET/KEY")
        self.assertFailed(self.airlift("presign", "s3://bkt", env=KEYS), "needs a key")
        self.assertFailed(self.airlift("presign", "s3://bkt/k", "--profile", "nobody", env=KEYS), "profile nobody is neither in")
        self.assertFailed(self.airlift("presign", "s3://bkt/k", "--expires-in", "604801", env=KEYS), "1 to 604800", 2)
        self.assertFailed(self.airlift("presign", "s3://bkt/k", "--expires-in", "0", env=KEYS), "1 to 604800", 2)
        self.assertFailed(self.airlift("presign", "s3://bkt/k", "--endpoint-url", "minio:9000", env=KEYS), "an endpoint is")
        self.assertFailed(self.airlift("presign", "s3://bkt/k", "--region", "a.b/c", env=KEYS), "not the name of a region")


# --- Objects in a real store --------------------------------------------------


class Objects(World):
    def setUp(self):
        super().setUp()
        self.store = s3_world.Store(BUILD, os.path.join(self.dir, "store"))
        self.addCleanup(self.store.stop)
        self.env = self.store.env(self.dir)
        self.data = os.urandom(1500000)
        self.image = self.file("app.bin", self.data)

    def s3(self, *args, **env):
        return self.airlift("s3", *args, env=dict(self.env, **env))

    def test_put_list_get_and_remove(self):
        for key in ("lamp/1.4.3.bin", "a b+c~d", "ü/x", "q?y&z"):
            result = self.s3("put", self.image, f"s3://firmware/{key}")
            self.assertEqual((result.returncode, result.stdout), (0, f"s3://firmware/{key} 1500000 bytes\n"), result.stderr)
        self.assertEqual(self.s3("put", self.image, "s3://firmware/lamp/").returncode, 0)
        self.assertEqual([o["key"] for o in json.loads(self.s3("ls", "s3://firmware", "--json").stdout)],
                         ["a b+c~d", "lamp/1.4.3.bin", "lamp/app.bin", "q?y&z", "ü/x"])
        self.assertEqual([o["size"] for o in json.loads(self.s3("ls", "s3://firmware/lamp/1", "--json").stdout)], [1500000])
        got = os.path.join(self.dir, "got.bin")
        self.assertEqual(self.s3("get", "s3://firmware/a b+c~d", got).returncode, 0)
        with open(got, "rb") as f:
            self.assertTrue(f.read() == self.data)
        piped = subprocess.run([AIRLIFT, "s3", "get", "s3://firmware/a b+c~d", "-"], env=dict(os.environ, **self.env), capture_output=True)
        self.assertTrue((piped.returncode, piped.stderr, piped.stdout) == (0, b"", self.data))
        self.assertEqual(self.s3("rm", "s3://firmware/q?y&z").returncode, 0)
        self.assertFailed(self.s3("rm", "s3://firmware/q?y&z"), "404")
        self.assertFailed(self.s3("get", "s3://firmware/q?y&z", got), "404")
        self.assertEqual(sorted(os.listdir(self.dir)), ["app.bin", "got.bin", "store"])  # no half files

    def open_files(self, process):
        return subprocess.run(["ls", "-l", f"/proc/{process.pid}/fd"], capture_output=True, text=True).stdout

    def test_an_interrupted_download_leaves_nothing(self):
        store = s3_world.Store(BUILD, os.path.join(self.dir, "slow"), delay_ms=60000)
        self.addCleanup(store.stop)
        env = store.env(self.dir)
        self.assertEqual(self.airlift("s3", "put", self.image, "s3://firmware/x", env=env).returncode, 0)
        folder = os.path.join(self.dir, "got")
        os.mkdir(folder)
        self.file("got/x.bin", "old")
        with subprocess.Popen([AIRLIFT, "s3", "get", "s3://firmware/x", "got/x.bin"], env=self.clean(env), cwd=self.dir,
                              stderr=subprocess.DEVNULL) as process:
            while folder not in self.open_files(process):
                self.assertIsNone(process.poll())
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            self.assertNotEqual(process.wait(timeout=60), 0)
        self.assertEqual(os.listdir(folder), ["x.bin"])

    def test_links_are_good_for_what_they_were_made_for(self):
        self.assertEqual(self.s3("put", self.image, "s3://firmware/ü/a b").returncode, 0)
        link = self.airlift("presign", "s3://firmware/ü/a b", env=self.env).stdout.strip()
        self.assertTrue(fetch(link) == (200, self.data))
        self.assertTrue(fetch(link, headers={"Range": "bytes=5-9"}) == (206, self.data[5:10]))
        self.assertEqual(fetch(link, method="HEAD")[0], 403)
        self.assertEqual(fetch(link[:-1] + ("0" if link[-1] != "0" else "1"))[0], 403)
        old = self.airlift("presign", "s3://firmware/ü/a b", "--date", "20260101T000000Z", env=self.env).stdout.strip()
        self.assertEqual(fetch(old)[0], 403)
        token = self.airlift("presign", "s3://firmware/ü/a b", env=dict(self.env, AWS_SESSION_TOKEN="T/+=")).stdout.strip()
        self.assertEqual(fetch(token)[0], 200)
        up = self.airlift("presign", "s3://firmware/up", "--method", "PUT", env=self.env).stdout.strip()
        self.assertEqual(fetch(up, "PUT", b"x" * 10)[0], 200)
        self.assertIn(" 10 up\n", self.s3("ls", "s3://firmware/up").stdout)

    def test_wrong_credentials_are_refused(self):
        for command in (["ls", "s3://firmware"], ["put", self.image, "s3://firmware/x"], ["get", "s3://firmware/x", "x"]):
            result = self.s3(*command, AWS_SECRET_ACCESS_KEY="wrong")
            self.assertEqual(result.returncode, 1)
            self.assertIn("403", result.stderr)
        self.assertEqual(self.s3("ls", "s3://firmware").stdout, "")
        self.assertEqual(self.s3("ls", "s3://firmware", AWS_SESSION_TOKEN="T/+=").returncode, 0)

    def test_a_store_that_is_down_is_named(self):
        self.store.stop()
        result = self.s3("ls", "s3://firmware")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn(self.store.endpoint, result.stderr.strip().splitlines()[-1])


def main():
    global AIRLIFT, BUILD
    stage = os.path.abspath(sys.argv.pop(1))
    AIRLIFT, BUILD = os.path.join(stage, "bin", "airlift"), os.path.dirname(stage)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
