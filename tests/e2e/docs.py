#!/usr/bin/env python3
"""The documents hold: their commands run, their C compiles, what they name exists.

    docs.py STAGE [TEST ...]

Commands are the blocks marked ```sh in README.md, docs/*.md and examples/*/README.md. Those of one
document are one bash script, run top to bottom in a fresh home directory, with the staged
installation as $PREFIX and as ~/airlift. The only change to the text is the server's port: a free
one for 8443. What can't run here (boards, the system's packages, make, whose targets run the
tests) is marked ```console or ```text, or indented.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from server_openapi import read_yaml
from shares import load_tests  # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STAGE = None  # set by main
PATIENCE_S = 400  # for a document's commands; only a failing test waits so long
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*/README.md"))]
LANGUAGES = {"sh", "console", "text", "c", "yaml", "json"}

# What a reader of these has: an app image of his own.
OWN_IMAGE = {"docs/device.md": "app.bin", "docs/security.md": "app.bin", "docs/operations.md": "build/app.bin"}

# What the README's C takes for granted.
C_BEFORE = "#include <stdbool.h>\nextern const char server_root_pem[];\nbool lamp_is_well(void *ctx);\n"


def name_of(document):
    return str(document.relative_to(ROOT))


def blocks(text):
    """(language, line number, text) of each fenced block."""
    found, language, start, lines = [], None, 0, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"```(.*)$", line)
        if fence and language is None:
            language, start, lines = fence[1], number, []
        elif fence:
            found.append((language, start, "\n".join(lines) + "\n"))
            language = None
        elif language is not None:
            lines.append(line)
    assert language is None, "a block that does not end"
    return found


def without_blocks(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, **kwargs):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, **kwargs)


def airlift(*words):
    return run(STAGE / "bin/airlift", *words)


# --- Commands -----------------------------------------------------------------


class CommandsTest(unittest.TestCase):
    """One test for each document with commands: added below."""

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="airlift-docs-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        (self.home / "airlift").symlink_to(STAGE)

    def environment(self, port):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("AIRLIFT_", "IDF_", "XDG_", "SDKCONFIG_", "CMAKE_"))}
        env.update(HOME=str(self.home), PREFIX=str(STAGE), PATH=f"{STAGE}/bin:{env['PATH']}",
                   XDG_DATA_HOME=str(self.home / "data"), XDG_CONFIG_HOME=str(self.home / "config"),
                   AIRLIFT_SERVER=f"https://127.0.0.1:{port}")
        return env

    def directory(self, document):
        """Where the reader is: in a copy of an example, or beside an image of his own."""
        if document.parent.parent.name == "examples":
            example = self.home / document.parent.name
            shutil.copytree(STAGE / "share/airlift/examples" / document.parent.name, example)
            return example
        image = OWN_IMAGE.get(name_of(document))
        if image:
            (self.home / image).parent.mkdir(exist_ok=True)
            made = airlift("image", "build", "--elf", shutil.which("true"), "--project", "app", "--version", "1.4.4",
                           "-o", self.home / image)
            self.assertEqual(made.returncode, 0, made.stdout)
        return self.home

    def run_document(self, document):
        port = free_port()
        script = "trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT\n"
        for language, line, text in blocks(document.read_text()):
            if language == "sh":
                script += f"echo '== {name_of(document)}:{line}'\n" + text.replace("8443", str(port))
        with open(self.home / "output", "w+") as output:
            bash = subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], cwd=self.directory(document),
                                    env=self.environment(port), stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT, start_new_session=True)
            try:
                status = bash.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                status = "timeout"
            finally:
                try:
                    os.killpg(bash.pid, signal.SIGKILL)  # what it left running, if anything
                except ProcessLookupError:
                    pass
                bash.wait()
            output.seek(0)
            self.assertEqual(status, 0, "\n" + output.read()[-4000:])


def add_commands_test(document):
    test = "test_" + re.sub(r"\W+", "_", name_of(document).removesuffix(".md")).lower()
    setattr(CommandsTest, test, lambda self: self.run_document(document))


for each in DOCUMENTS:
    if any(language == "sh" for language, _, _ in blocks(each.read_text())):
        add_commands_test(each)


# --- What documents name --------------------------------------------------------


def anchors(document):
    """Those that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(document.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(text):
    """Everything in a document that is code: blocks, indented lines, words in code marks."""
    prose = without_blocks(text)
    return "\n".join([block for _, _, block in blocks(text)] + re.findall(r"^    (.*)$", prose, re.M) +
                     [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", prose)])


def named_commands(text):
    """The words behind each "airlift" that starts a command, up to where the shell ends it."""
    text = text.replace("\\\n", " ")
    for inner in re.findall(r"\$\((airlift [^()]*)\)", text):  # a command inside a command is one of its own
        text = text.replace(f"$({inner})", "VALUE") + "\n" + inner
    for command in re.findall(r"(?:^ *|[(;&] ?|\d )airlift ([a-z][^`\n|;&#)]*)", text, re.M):
        yield command.split()


class NamesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        script = airlift("completion", "bash").stdout
        cls.rows = [(noun,) for noun in re.search(r'nouns="([^"]*)"', script)[1].split() if noun != "help"]
        for noun, verbs in re.findall(r'^ +(\w+)\) verbs="([^"]*)"', script, re.M):
            cls.rows.remove((noun,))
            cls.rows += [(noun, verb) for verb in verbs.split()]
        cls.options = {row: airlift(*row, "--complete").stdout.replace("=", "").split() for row in cls.rows}

    def check_command(self, words, where):
        nouns = [row for row in self.rows if row[0] == words[0]]
        self.assertTrue(nouns, f"{where}: airlift {words[0]}: no such command")
        if len(nouns[0]) == 2:
            if len(words) == 1:
                return
            self.assertIn((words[0], words[1]), self.rows, f"{where}: airlift {' '.join(words[:2])}: no such command")
            nouns = [(words[0], words[1])]
        for word in words:
            option = re.match(r"\[?(--[a-z][a-z0-9-]*)", word)
            if option:
                self.assertIn(option[1], self.options[nouns[0]] + ["--help"], f"{where}: airlift {' '.join(words)}")

    def test_commands_and_options_exist(self):
        n = 0
        for document in DOCUMENTS:
            for words in named_commands(code(document.read_text())):
                self.check_command(words, name_of(document))
                n += 1
        self.assertGreater(n, 20)

    def test_every_command_has_a_page_with_an_example_that_holds(self):
        for row in self.rows:
            page = airlift(*row, "--help")
            self.assertEqual(page.returncode, 0, row)
            self.assertIn("\nEXAMPLES\n", page.stdout, row)
            examples = page.stdout.split("\nEXAMPLES\n")[1].split("\nEXIT STATUS\n")[0]
            commands = list(named_commands(re.sub(r"^ +", "", examples.replace("\\\n", " "), flags=re.M)))
            self.assertIn(list(row), [words[:len(row)] for words in commands], row)
            for words in commands:
                self.check_command(words, f"airlift {' '.join(row)} --help")

    def test_links_lead_somewhere(self):
        n = 0
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(document.read_text())):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (document.parent / path).resolve() if path else document
                self.assertTrue(file.exists(), f"{name_of(document)}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(file), f"{name_of(document)}: {target}")
                n += 1
        self.assertGreater(n, 5)

    def test_paths_in_code_marks_exist(self):
        folders = "|".join(entry.name for entry in ROOT.iterdir() if entry.is_dir() and entry.name not in ("build", ".git"))
        for document in DOCUMENTS:
            for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", without_blocks(document.read_text())):
                self.assertTrue((ROOT / path).exists() or (document.parent / path).exists(),
                                f"{name_of(document)}: {path}")

    def test_sections_that_sources_refer_to_exist(self):
        folders = ("core", "host", "device", "idf", "agent", "server", "cli", "examples")
        sources = "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.[ch]"))
        references = set(re.findall(r'(docs/[a-z-]+\.md), "([A-Z][^"\n]+)"', sources))
        self.assertTrue(references)
        for document, section in references:
            headings = re.findall(r"^#+ (.*)$", (ROOT / document).read_text(), re.M)
            self.assertIn(section, headings, document)

    def test_blocks_say_what_they_are(self):
        for document in DOCUMENTS:
            for language, line, _ in blocks(document.read_text()):
                self.assertIn(language, LANGUAGES, f"{name_of(document)}:{line}")


# --- The rest --------------------------------------------------------------------


class ContentsTest(unittest.TestCase):
    def test_c_of_the_readme_compiles(self):
        sources = [text for language, _, text in blocks((ROOT / "README.md").read_text()) if language == "c"]
        self.assertTrue(sources)
        flags = run("pkg-config", "--cflags", "airlift-idf",
                    env=dict(os.environ, PKG_CONFIG_PATH=str(STAGE / "lib/pkgconfig"))).stdout.split()
        for source in sources:
            statements = re.findall(r"^\w+\(.*\);$", source, re.M)  # calls at the margin belong into a function
            for statement in statements:
                source = source.replace(statement, "")
            program = C_BEFORE + source + "void app_main(void);\nvoid app_main(void)\n{\n" + "\n".join(statements) + "\n}\n"
            made = run("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", *flags, "-x", "c", "-c", "-o", "/dev/null", "-",
                       input=program)
            self.assertEqual(made.returncode, 0, program + made.stdout)

    def test_openapi_parses(self):
        document = read_yaml((ROOT / "docs/openapi.yaml").read_text())
        self.assertTrue(document["openapi"].startswith("3."))
        self.assertTrue(document["paths"])

    def test_worked_image_is_what_its_bytes_say(self):
        # The rows shown, in their places; what they leave out is in the text above them.
        text = (ROOT / "docs/formats.md").read_text()
        dump = next(t for _, _, t in blocks(text) if "second segment" in t)
        image = bytearray(352)
        image[0x20 + 48:0x20 + 60] = b"airlift-demo"
        image[0x20 + 80:0x20 + 88], image[0x20 + 96:0x20 + 107] = b"12:34:56", b"Jan  1 2026"
        image[0x20 + 112:0x20 + 116], image[0x20 + 144:0x20 + 176] = b"v6.0", bytes(range(32))
        image[0x20 + 178:0x20 + 182] = bytes((199, 0, 16, 0))
        for off, row in re.findall(r"^([0-9a-f]{3})  ((?:[0-9a-f]{2} ?){16})", dump, re.M):
            image[int(off, 16):int(off, 16) + 16] = bytes.fromhex(row)
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(image)
            file.flush()
            verified = airlift("image", "verify", file.name, "--chip", "esp32")
            self.assertEqual(verified.returncode, 0, verified.stdout)


if __name__ == "__main__":
    STAGE = pathlib.Path(sys.argv[1]).resolve()
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2)
