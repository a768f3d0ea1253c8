"""The dashboard in a real Chromium, from a real server whose devices really updated.

    web.py STAGE [TEST ...]
"""

import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402
import server_world  # noqa: E402
from delta import make_image  # noqa: E402
from web_world import WEB, Browser, Fleet, modules  # noqa: E402

STAGE = ""
browser = None
SHOWN = "!document.getElementById('main').hidden"
HOSTILE = "<img src=x onerror=alert(1)>"
REFRESH_MS = 5000


def setUpModule():
    global browser
    browser = Browser(STAGE)


def tearDownModule():
    browser.close()


class Library(unittest.TestCase):
    def test_vendored_files_are_those_that_the_lock_pins(self):
        package = os.path.join(modules(STAGE), "uplot")
        for vendored, original in (("uPlot.esm.js", "dist/uPlot.esm.js"), ("uPlot.min.css", "dist/uPlot.min.css"),
                                   ("LICENSE", "LICENSE")):
            with open(os.path.join(WEB, "vendor", vendored), "rb") as a, open(os.path.join(package, original), "rb") as b:
                self.assertTrue(a.read() == b.read(), vendored)


class Page(Fleet):
    def check_clean(self, server, ignore=()):
        """Nothing else was asked, nothing complained."""
        seen = browser.seen()
        self.assertEqual([r for r in seen["requests"] if not r.split(" ")[1].startswith(server.url + "/")], [])
        self.assertEqual([r for r in seen["requests"] if server.token in r], [])
        self.assertEqual([m for m in seen["messages"] if not any(part in m for part in ignore)], [])

    def shown_bytes(self, tile):
        """The tile's exact figure."""
        return int(re.sub(r"\D", "", browser.eval(js=f"document.getElementById('{tile}').title")))


class Empty(Page):
    def test_newcomer_signs_in_and_is_told_what_to_do(self):
        server = self.server()
        browser.open(url=server.url + "/")
        browser.wait(js="!document.getElementById('sign-in').hidden")
        browser.fill(selector="#token", text="airlift_wrong")
        browser.press(key="Enter")
        browser.wait_for("#sign-in-error", "does not take this token")
        self.assertEqual(browser.eval(js="sessionStorage.length"), 0)
        browser.fill(selector="#token", text=server.token)
        browser.press(key="Enter")
        browser.wait(js=SHOWN)
        self.assertEqual(browser.text("main code"), [
            f"airlift publish build/app.bin --product lamp --server {server.url}",
            f"airlift device run FLASH.bin --manifest-url {server.url}/firmware/lamp/version.json --ca cert.pem"])
        self.assertEqual(browser.text("#share"), ["–"])
        browser.reload()
        browser.wait(js=SHOWN)  # the tab remembers
        self.assertEqual(browser.eval(js="localStorage.length + document.cookie.length"), 0)
        browser.click(selector="#sign-out")
        browser.wait(js="!document.getElementById('sign-in').hidden")
        self.assertEqual(browser.eval(js="sessionStorage.length"), 0)
        self.check_clean(server, ignore=("401",))


class Dashboard(Page):
    """One fleet for all: a device of 1.4.2 that updated by a patch, another that fetched the image."""

    old, new, newest = (make_image(v, size=30000, changes=5) for v in ("1.4.2", "1.4.3", "1.4.4"))

    def setUp(self):
        super().setUp()
        self.s = self.server()
        self.publish(self.s, self.old)
        self.wait_for_patches(self.s, 1)
        self.publish(self.s, self.new)
        self.wait_for_patches(self.s, 3)
        device = self.device(self.s, self.old)
        device.expect(r"1\.4\.3 verified.*by a patch")
        device.expect(r"1\.4\.3 confirmed")
        device.switch_off()

    def test_figures_are_the_servers_and_go_on(self):
        s = self.s
        browser.sign_in(s, clock=True)
        browser.wait(js=SHOWN)
        self.check_figures()

        # What happens is shown at the next refresh.
        self.publish(s, server_world.make_image("2.0.0", project=HOSTILE, size=2000), product="other")
        s.call("GET", "/firmware/lamp/1.4.3.bin")
        s.call("GET", "/firmware/lamp/version.json",
               headers={"Airlift-Failure": "hash", "Airlift-Device": HOSTILE + "2", "Airlift-Version": HOSTILE})
        browser.forward(ms=REFRESH_MS)
        browser.wait_for("#releases article:nth-child(2)", HOSTILE)
        browser.wait_for("#failures", "hash")
        browser.wait_for("#devices", HOSTILE + "2")
        self.wait_for_patches(s, 4)
        browser.forward(ms=REFRESH_MS)
        self.check_figures()

        # A search is asked for as it is typed.
        browser.fill(selector="#search", text="ONERROR")
        browser.forward(ms=300)
        browser.wait(js="document.querySelectorAll('#devices tbody tr').length == 1")
        browser.fill(selector="#search", text="nothing has that")
        browser.forward(ms=300)
        browser.wait_for("#devices", "No device has that in its id, product, version or failure.")
        browser.fill(selector="#search", text="")
        browser.forward(ms=300)
        browser.wait(js="document.querySelectorAll('#devices tbody tr').length == 2")

        # Nobody looks: nothing is asked.
        hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true}), " \
               "document.dispatchEvent(new Event('visibilitychange'))"
        browser.eval(js=hide % "true")
        before = len(browser.seen()["requests"])
        browser.forward(ms=10 * REFRESH_MS)
        self.assertEqual(browser.text("#state"), ["paused"])
        self.assertEqual(len(browser.seen()["requests"]), before)
        browser.eval(js=hide % "false")
        browser.wait_for("#state", "live")
        self.check_clean(s)

        # The server goes and comes back.
        s.stop()
        browser.forward(ms=REFRESH_MS)
        browser.wait_for("#alert", f"{s.url} is away: it does not answer. The figures below came")
        self.assertEqual(browser.text("#state"), ["no answer"])
        self.assertTrue(browser.eval(js=SHOWN))
        token = s.token
        s = self.server("--patches", "4", listen=f"127.0.0.1:{s.port}")
        s.token = token
        browser.forward(ms=20 * REFRESH_MS)
        browser.wait_for("#state", "live")
        self.assertEqual(browser.text("#alert"), [""])
        self.assertEqual(self.shown_bytes("saved"), self.stats(s)["saved_bytes"])
        self.check_clean(s, ignore=("ERR_CONNECTION_REFUSED",))

    def check_figures(self):
        stats = self.stats(self.s)
        browser.wait(js=f"document.getElementById('sent').title.replaceAll(/\\D/g, '') == "
                        f"'{stats['image_bytes'] + stats['patch_bytes']}'")
        self.assertGreater(stats["saved_bytes"], 0)
        self.assertEqual(self.shown_bytes("saved"), stats["saved_bytes"])
        share = stats["saved_bytes"] / (stats["saved_bytes"] + stats["image_bytes"] + stats["patch_bytes"])
        self.assertEqual(browser.text("#share"), ["%.1f %%" % (100 * share)])
        made = stats["patches"]
        browser.wait_for("#tiles dl:nth-child(4) .note", f"since the start {made['made']} made, {made['failed']} failed, "
                         f"{made['useless']} of no use, {made['missing']} to come")
        # By release, as the CLI's user would read them.
        row = self.rows("#releases article:first-child")[0]
        release, = [r for r in stats["releases"] if r["version"] == "1.4.3"]
        self.assertEqual(row[0].split(), ["1.4.3", "newest"])
        self.assertEqual(row[4:7], [self.rounded(release[k]) for k in ("image_bytes", "patch_bytes", "saved_bytes")])
        products = json.loads(self.s.call("GET", "/v1/products", token=self.s.token)[2])["products"]
        self.assertEqual([row[1] for row in self.rows("#releases article:first-child")],
                         [str(r["devices"]) for r in products[0]["releases"]])
        devices = json.loads(self.s.call("GET", "/v1/devices", token=self.s.token)[2])["devices"]
        told = self.rows("#devices")
        self.assertEqual([(row[0], row[1], row[2].split()[0]) for row in told],
                         [(d["id"], d["product"], d["version"].split()[0]) for d in devices])
        self.assertEqual([row[4].split("\n")[0] for row in told], [d.get("failure", "") for d in devices])
        self.assertEqual(browser.text("#patches"), [str(sum(len(p["patches"]) for p in products))])
        # By minute: bars, their words, and the table beside them have what was sent.
        sums = [f"{name} {self.rounded(stats[key])}" for name, key in
                (("images", "image_bytes"), ("patches", "patch_bytes"), ("saved", "saved_bytes"))]
        self.assertEqual(browser.eval(js="document.getElementById('chart').getAttribute('aria-label')"),
                         "Last hour: " + ", ".join(sums))
        self.assertEqual(browser.text("#chart-legend span"), sums)
        self.assertEqual(self.bar_parts(), [stats["image_bytes"] > 0, True])
        browser.eval(js="document.querySelector('details').open = true")
        rows = [[int(cell.replace(",", "")) for cell in row.split("\t")[1:]] for row in browser.text("#chart-table tbody tr")]
        self.assertEqual([sum(column) for column in zip(*rows)],
                         [stats[k] for k in ("image_bytes", "patch_bytes", "saved_bytes")])

    def bar_parts(self):
        """Are bars of images, and of what was saved, drawn?"""
        return browser.eval(js="""(() => {
            const canvas = document.querySelector("#chart canvas");
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
            const drawn = new Set();
            for (let i = 0; i < data.length; i += 4) drawn.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
            return ["images", "saved"].map((name) =>
                drawn.has(getComputedStyle(document.querySelector(`#chart-legend .${name}`)).backgroundColor));
        })()""")

    def rows(self, selector):
        """The cells' texts, row by row."""
        return browser.eval(js=f"[...document.querySelectorAll({json.dumps(selector + ' tbody tr')})].map("
                               "(row) => [...row.cells].map((cell) => cell.innerText))")

    @staticmethod
    def rounded(n):
        return f"{n} B" if n < 1000 else f"{n / 1000:.2f} KB" if n < 9995 else f"{n / 1000:.1f} KB"


class Looks(Page):
    def test_both_schemes_and_a_phone(self):
        s, colors = self.server("--patches", "0"), {}
        self.publish(s, make_image("1.4.2", size=2000))
        browser.sign_in(s)
        browser.wait(js=SHOWN)
        for scheme in ("light", "dark"):
            browser.scheme(scheme=scheme)
            colors[scheme] = [self.color("body", "backgroundColor"), self.color("body", "color")]
            for selector in ("body", ".note", "thead th", "#saved", ".tag.good", "#state", "summary"):
                self.assertGreaterEqual(self.contrast(selector), 4.5, (scheme, selector))
        self.assertNotEqual(colors["light"], colors["dark"])
        browser.resize(width=360)
        self.assertEqual(browser.eval(js="document.documentElement.scrollWidth"), 360)
        self.assertEqual(browser.eval(js="document.querySelector('#chart').getAttribute('aria-label').slice(0, 9)"), "Last hour")
        self.check_clean(s)

    def color(self, selector, which):
        return browser.eval(js=f"getComputedStyle(document.querySelector({json.dumps(selector)})).{which}")

    def contrast(self, selector):
        """Of text on what lies behind it, by WCAG."""
        def luminance(color):
            parts = [float(c) / 255 for c in re.findall(r"[\d.]+", color)[:3]]
            r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
            return 0.2126 * r + 0.7152 * g + 0.0722 * b

        back = browser.eval(js=f"""(() => {{
            for (let e = document.querySelector({json.dumps(selector)}); e; e = e.parentElement) {{
                const color = getComputedStyle(e).backgroundColor;
                if (color !== "rgba(0, 0, 0, 0)") return color;
            }}
        }})()""")
        a, b = sorted((luminance(self.color(selector, "color")), luminance(back)))
        return (b + 0.05) / (a + 0.05)


if __name__ == "__main__":
    STAGE = sys.argv.pop(1)
    agent.AIRLIFT = server_world.AIRLIFT = os.path.join(os.path.abspath(STAGE), "bin", "airlift")
    unittest.main(verbosity=2, warnings="ignore")
