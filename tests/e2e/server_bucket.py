"""A server whose bucket is slow: others are served meanwhile. Part of server.py."""

import http.server
import json
import os
import signal
import threading

from server_world import Case, make_image, read


class SlowStore(http.server.ThreadingHTTPServer):
    """Takes whatever is put, and answers when it is told to."""

    daemon_threads = True

    def __init__(self):
        self.arrived, self.go_on = threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", 0), SlowStore.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.arrived.set()
            self.server.go_on.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass


class Bucket(Case):
    def setUp(self):
        super().setUp()
        self.store = SlowStore()
        self.addCleanup(self.store.server_close)
        self.addCleanup(self.store.shutdown)
        self.addCleanup(self.store.go_on.set)
        self.answers = []

    def start(self):
        env = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "eu-central-1", "AWS_CONFIG_FILE": "/none",
               "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.store.server_port}"}
        return self.server("--store", "s3://b", env=env)

    def publish_slowly(self, s, image):
        def run():
            try:
                self.answers.append(s.publish(image))
            except OSError as e:
                self.answers.append(e)
        thread = threading.Thread(target=run)
        thread.start()
        self.assertTrue(self.store.arrived.wait(60))
        return thread

    def test_others_are_served_while_an_image_goes_into_the_bucket(self):
        s, image = self.start(), make_image("1.0.0")
        thread = self.publish_slowly(s, image)
        for _ in range(4 * os.cpu_count()):  # each worker gets some of them
            self.assertEqual(s.call("GET", "/v1/health")[0], 200)
            self.assertError(s.call("DELETE", "/v1/products/demo/releases/1.0.0", token=s.token), 404, "not_found")  # it writes
        self.assertError(s.call("GET", "/v1/products/demo/releases"), 404, "not_found")
        self.store.go_on.set()
        thread.join()
        self.assertEqual(self.answers[0][0], 201)
        listed, = json.loads(s.call("GET", "/v1/products/demo/releases")[2])["releases"]
        self.assertEqual(listed, self.answers[0][1])

    def test_two_with_one_version_are_judged_again_at_the_end(self):
        s = self.start()
        thread = self.publish_slowly(s, make_image("1.0.0"))
        self.store.arrived.clear()
        other = self.publish_slowly(s, make_image("1.0.0", fill=1))
        self.store.go_on.set()
        thread.join(), other.join()
        self.assertEqual(sorted(status for status, _ in self.answers), [201, 409])
        self.assertEqual(os.listdir(os.path.join(self.data, "incoming")), [])

    def test_stopping_lets_it_end(self):
        s = self.start()
        thread = self.publish_slowly(s, make_image("1.0.0"))
        s.process.send_signal(signal.SIGTERM)
        self.store.go_on.set()
        thread.join()
        self.assertEqual((s.stop(), self.answers[0][0]), (0, 201))
        self.assertIn("release_published", read(self.data + ".log"))
