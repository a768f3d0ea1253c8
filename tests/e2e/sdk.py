#!/usr/bin/env python3
"""The SDK as its users meet it: ESP-IDF projects, pkg-config, CMake, app images.

    sdk.py STAGE [TEST ...]

Projects are written into directories with a space in their names, built with the staged
IDF_PATH, and run by hand (AIRLIFT_FLASH, AIRLIFT_RUNNING) or as a device.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

from shares import load_tests  # noqa: F401

STAGE = ""
PATIENCE_S = 120  # for anything that must happen; only a failing test waits so long

TOP = """
cmake_minimum_required(VERSION 3.16)
%s
include($ENV{IDF_PATH}/tools/cmake/project.cmake)
project(%s)
"""

# Ends at once, so that a test needs no device around it.
MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
%s
void app_main(void)
{
%s
    exit(0);
}
"""


def call(*command, cwd=None, env=None, ok=True):
    """Run to the end; returns stdout and stderr together."""
    result = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            timeout=PATIENCE_S, encoding="utf-8", errors="replace")
    if ok is not None and (result.returncode == 0) != ok:
        raise AssertionError("%s: exit code %d\n%s" % (" ".join(command), result.returncode, result.stdout))
    return result.stdout


def airlift(*words, **kwargs):
    return call(os.path.join(STAGE, "bin/airlift"), *words, **kwargs)


def described(image):
    """(version, project, secure version, ELF hash) in an app image."""
    with open(image, "rb") as f:
        head = f.read(288)
    text = [head[off:off + 32].split(b"\0")[0].decode() for off in (0x30, 0x50)]
    return text[0], text[1], struct.unpack_from("<I", head, 0x24)[0], head[0xB0:0xD0]


def flat(text):
    """Messages of CMake are wrapped and indented."""
    return " ".join(text.split())

# Slots that hold a program with sanitizers, too.
ROOMY = """
CONFIG_ESPTOOLPY_FLASHSIZE_32MB=y
CONFIG_PARTITION_TABLE_CUSTOM=y
CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="roomy.csv"
"""
ROOMY_CSV = """
nvs,     data, nvs,     ,  0x4000,
otadata, data, ota,     ,  0x2000,
factory, app,  factory, ,  8M,
ota_0,   app,  ota_0,   ,  8M,
ota_1,   app,  ota_1,   ,  8M,
"""


def instrumented():
    with open(os.path.join(STAGE, "share/airlift/idf/tools/cmake/sdk-flags.cmake"), encoding="utf-8") as f:
        return "-fsanitize" in f.read()


def make_room(project):
    """For a program with sanitizers, which no board's slots are made for."""
    with open(os.path.join(project, "roomy.csv"), "w", encoding="utf-8") as f:
        f.write(ROOMY_CSV)
    with open(os.path.join(project, "sdkconfig.defaults"), "a", encoding="utf-8") as f:
        f.write(ROOMY)


class Project:
    def __init__(self, where, name="app", top="", args=None, stage=None):
        self.dir = where
        self.name = name
        self.env = dict(os.environ, IDF_PATH=os.path.join(stage or STAGE, "share/airlift/idf"))
        for leftover in ("IDF_TARGET", "SDKCONFIG_DEFAULTS", "CMAKE_BUILD_TYPE"):
            self.env.pop(leftover, None)
        self.write("CMakeLists.txt", TOP % (top, args or name))

    def write(self, path, text):
        path = os.path.join(self.dir, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text).lstrip("\n"))

    def main(self, body, includes="", register=""):
        self.write("main/main.c", MAIN % ("\n".join("#include %s" % i for i in includes.split()), body))
        self.write("main/CMakeLists.txt", 'idf_component_register(SRCS "main.c" INCLUDE_DIRS "." %s)\n' % register)
        return self

    def configure(self, *options, ok=True):
        return call("cmake", "-G", "Ninja", "-B", "build", *options, cwd=self.dir, env=self.env, ok=ok)

    def ninja(self, *targets, ok=True):
        return call("ninja", "-C", "build", *targets, cwd=self.dir, env=self.env, ok=ok)

    def build(self, *options):
        return self.configure(*options) + self.ninja()

    def path(self, name):
        return os.path.join(self.dir, name)

    def bin(self):
        return self.path("build/%s.bin" % self.name)

    def run(self, running="factory"):
        env = dict(self.env, AIRLIFT_FLASH=self.path("build/flash.bin"), AIRLIFT_RUNNING=running)
        return call(self.path("build/%s.elf" % self.name), env=env)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()


class SdkTest(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="airlift sdk ")
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)

    def project(self, **kwargs):
        return Project(os.path.join(self.tmp, "my project"), **kwargs)


class Projects(SdkTest):
    def test_hello_ota_builds_and_runs_as_a_device(self):
        where = os.path.join(self.tmp, "hello ota")
        shutil.copytree(os.path.join(STAGE, "share/airlift/examples/hello_ota"), where)
        if instrumented():
            make_room(where)
        env = dict(os.environ, IDF_PATH=os.path.join(STAGE, "share/airlift/idf"))
        call("cmake", "-G", "Ninja", "-B", "build", cwd=where, env=env)
        call("ninja", "-C", "build", cwd=where, env=env)
        self.assertEqual(described(os.path.join(where, "build/hello_ota.bin"))[:2], ("1.0.0", "hello_ota"))
        flash = os.path.join(where, "build/flash.bin")
        for boot in (1, 2):
            self.assertIn("hello_ota 1.0.0, running from factory, boot %d" % boot, self.lines_of_device(flash, "up for"))

    def lines_of_device(self, flash, last):
        """Power on until a line with `last`, then off."""
        device = subprocess.Popen([os.path.join(STAGE, "bin/airlift"), "device", "run", flash, "--max-boots", "1"],
                                  encoding="utf-8", errors="replace", stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        guard = threading.Timer(PATIENCE_S, device.kill)
        guard.start()
        text = ""
        with device.stdout:
            for line in device.stdout:
                text += line
                if last in line:
                    device.send_signal(signal.SIGINT)
        device.wait()
        guard.cancel()
        return text

    def test_outputs_are_an_image_a_table_and_a_device(self):
        p = self.project().main('    printf("here\\n");')
        p.write("sdkconfig.defaults", "CONFIG_PARTITION_TABLE_TWO_OTA=y\n")
        output = p.build()
        self.assertIn("% free", output)
        report = json.loads(airlift("image", "verify", p.bin(), "--chip", "linux", "--json"))
        self.assertTrue(report["valid"], report)
        with open(p.path("build/partition_table/partition-table.bin"), "rb") as f:
            table = f.read()
        with open(p.path("build/flash.bin"), "rb") as f:
            flash = f.read()
        self.assertEqual(hashlib.sha256(table).hexdigest(),
                         "d1c0e9d02fa9d26cd2e1984e7b5dd20157204f501ddc83ce82229e5f3175ee8b")
        self.assertEqual(len(flash), 4 << 20)
        self.assertTrue(flash[0x8000:0x8C00] == table)
        with open(p.bin(), "rb") as f:
            image = f.read()
        self.assertTrue(flash[0x10000:0x10000 + len(image)] == image)
        with open(p.path("build/app.elf"), "rb") as f:
            self.assertEqual(described(p.bin())[3], hashlib.sha256(f.read()).digest())
        self.assertIn("here", p.run())
        self.assertIn("no work to do", p.ninja())

    def test_version_comes_from_the_first_source_that_has_one(self):
        p = self.project(top="include(version.cmake OPTIONAL)").main("")

        def version():
            output = p.build()
            return described(p.bin())[0], output

        self.assertEqual(version()[0], "1")  # a directory outside of git
        call("git", "init", "-q", cwd=p.dir)
        call("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "x",
             cwd=p.dir)
        call("git", "tag", "v0.9", cwd=p.dir)
        p.write(".gitignore", "*\n")
        self.assertEqual(version()[0], "v0.9")
        p.write("version.txt", "1.2.3\nsecond line\n")
        self.assertEqual(version()[0], "1.2.3")
        p.write("version.txt", "1.2.4\n")
        p.ninja()  # notices by itself
        self.assertEqual(described(p.bin())[0], "1.2.4")
        p.write("version.cmake", 'set(PROJECT_VER "2.0.0-rc.1")\n')
        self.assertEqual(version()[0], "2.0.0-rc.1")
        p.write("sdkconfig.defaults", 'CONFIG_APP_PROJECT_VER_FROM_CONFIG=y\nCONFIG_APP_PROJECT_VER="3.0.0"\n')
        self.assertEqual(version()[0], "3.0.0")
        os.unlink(p.path("sdkconfig.defaults"))
        p.write("version.cmake", 'set(PROJECT_VER "%s")\n' % ("v" * 40))
        got, output = version()
        self.assertEqual(got, "v" * 31)
        self.assertIn("40 characters", flat(output))

    def test_embedded_files_have_symbols(self):
        p = self.project()
        p.main(r'''
            extern const char text[] asm("_binary_note_txt_start");
            extern const char text_end[] asm("_binary_note_txt_end");
            extern const uint8_t data[] asm("_binary_1_blob_bin_start");
            extern const uint8_t data_end[] asm("_binary_1_blob_bin_end");
            extern const uint32_t note_txt_length;
            extern const char renamed[] asm("motto");
            printf("[%s] %d %d %d %u [%s]\n", text, (int)(text_end - text), (int)(data_end - data), data[1],
                   (unsigned)note_txt_length, renamed);
            ''', "<stdint.h>", 'EMBED_TXTFILES "note.txt" EMBED_FILES "../data files/1-blob.bin"')
        p.write("main/note.txt", "hi there")
        p.write("main/motto.txt", "motto")
        with open(p.path("main/CMakeLists.txt"), "a", encoding="utf-8") as f:
            f.write("target_add_binary_data(${COMPONENT_LIB} motto.txt TEXT RENAME_TO motto)\n")
        os.mkdir(p.path("data files"))
        with open(p.path("data files/1-blob.bin"), "wb") as f:
            f.write(bytes([7, 200, 0, 1, 2]))
        p.build()
        self.assertIn("[hi there] 9 5 200 9 [motto]", p.run())
        p.write("main/note.txt", "changed")
        p.ninja()
        self.assertIn("[changed] 8 5 200 8", p.run())

    def test_kconfig_values_reach_code_and_cmake(self):
        p = self.project()
        p.main('    printf("%s %d %d %s\\n", CONFIG_WORD, CONFIG_NUMBER, CONFIG_HIDDEN, CONFIG_IDF_TARGET);\n'
               '    printf("%d %d %d\\n", CONFIG_OTHER, CONFIG_FREERTOS_HZ, configTICK_RATE_HZ);',
               '"sdkconfig.h" "freertos/FreeRTOS.h"')
        p.write("main/Kconfig.projbuild", """
            menu "App"
                config WORD
                    string "word"
                    default "x"
                config NUMBER
                    int "number"
                    default 5
                config HIDDEN
                    int
                    default 77 if WORD = "a \\"b\\""
                    default 1
                orsource "./Kconfig.$IDF_TARGET"
                orsource "./Kconfig.nowhere"
                source "$IDF_PATH/../../../my/Kconfig*.none"
            endmenu
            """.replace('                source "$IDF_PATH/../../../my/Kconfig*.none"\n', ""))
        p.write("main/Kconfig.linux", "config OTHER\n    int \"other\"\n    default 9\n")
        p.write("sdkconfig.defaults", 'CONFIG_WORD="a \\"b\\""\nCONFIG_NUMBER=6\nCONFIG_NOT_KNOWN_HERE=y\n')
        p.write("sdkconfig.defaults.linux", "CONFIG_NUMBER=7\nCONFIG_FREERTOS_HZ=500\n")
        output = p.build()
        self.assertIn("CONFIG_NOT_KNOWN_HERE", output)
        self.assertEqual(p.run().split("\n")[-3:-1], ['a "b" 7 77 linux', "9 500 500"])

        p.write("sdkconfig.defaults.linux", "CONFIG_NUMBER=8\nCONFIG_FREERTOS_HZ=500\n")
        config = p.read("build/sdkconfig")
        p.write("build/sdkconfig", config.replace("CONFIG_OTHER=9", "CONFIG_OTHER=10"))
        p.ninja()  # a changed default and an edit both count
        self.assertEqual(p.run().split("\n")[-3:-1], ['a "b" 8 77 linux', "10 500 500"])

    def test_sdkconfig_of_a_board_is_read_and_left_alone(self):
        p = self.project().main('    printf("%d\\n", CONFIG_NUMBER);', '"sdkconfig.h"')
        p.write("main/Kconfig.projbuild", 'config NUMBER\n    int "number"\n    default 5\n')
        board = 'CONFIG_IDF_TARGET="esp32c3"\nCONFIG_IDF_TARGET_ESP32C3=y\nCONFIG_NUMBER=42\nCONFIG_XTAL_FREQ_40=y\n'
        p.write("sdkconfig", board)
        output = p.build()
        self.assertNotIn("XTAL", output)
        self.assertIn("42", p.run())
        self.assertEqual(p.read("sdkconfig"), board)

    def test_custom_partition_table_without_factory(self):
        p = self.project().main("")
        p.write("sdkconfig.defaults", """
            CONFIG_PARTITION_TABLE_CUSTOM=y
            CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="my parts.csv"
            CONFIG_PARTITION_TABLE_OFFSET=0x9000
            CONFIG_ESPTOOLPY_FLASHSIZE_8MB=y
            # CONFIG_PARTITION_TABLE_MD5 is not set
            """)
        p.write("my parts.csv", """
            nvs,     data, nvs,   0xa000,  0x4000,
            otadata, data, ota,   0xe000,  0x2000,
            app0,    app,  ota_0, 0x20000, 2M,
            app1,    app,  ota_1, ,        2M,
            """)
        p.build()
        with open(p.path("build/flash.bin"), "rb") as f:
            flash = f.read()
        with open(p.bin(), "rb") as f:
            image = f.read()
        self.assertEqual(len(flash), 8 << 20)
        self.assertEqual(flash[0x9000:0x9002], b"\xaa\x50")
        self.assertEqual(flash[0x9000:0x9C00].find(b"\xeb\xeb"), -1)  # no MD5 record
        self.assertTrue(flash[0x20000:0x20000 + len(image)] == image)
        boot = json.loads(airlift("boot", p.path("build/flash.bin"), "--dry-run", "--json"))
        self.assertEqual(boot["boot"], "app0")

        p.write("sdkconfig.defaults", 'CONFIG_PARTITION_TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME="gone.csv"\n')
        self.assertIn("gone.csv", p.configure(ok=False))

    def test_data_partitions_are_filled_by_the_build(self):
        p = self.project()
        p.main("""
    char text[32];
    size_t size = sizeof text;
    int32_t level = 0;
    nvs_handle_t nvs;
    const esp_partition_t *storage = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "storage");
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(nvs_open("app", NVS_READONLY, &nvs));
    ESP_ERROR_CHECK(nvs_get_i32(nvs, "level", &level));
    ESP_ERROR_CHECK(nvs_get_str(nvs, "cert", text, &size));
    printf("level %d, cert %s\\n", (int)level, text);
    ESP_ERROR_CHECK(esp_partition_read(storage, 0, text, 6));
    printf("storage %.6s\\n", text);""", '"nvs_flash.h" "esp_partition.h"')
        with open(p.path("main/CMakeLists.txt"), "a", encoding="utf-8") as f:
            f.write("nvs_create_partition_image(nvs ../settings.csv FLASH_IN_PROJECT DEPENDS ../cert.txt)\n"
                    "esptool_py_flash_to_partition(flash storage ${CMAKE_CURRENT_LIST_DIR}/../storage.txt)\n")
        p.write("settings.csv", "key,type,encoding,value\napp,namespace,,\nlevel,data,i32,-7\ncert,file,string,../cert.txt\n")
        p.write("cert.txt", "a certificate")
        p.write("storage.txt", "stored bytes")
        p.write("sdkconfig.defaults", ROOMY.replace("roomy.csv", "parts.csv"))
        p.write("parts.csv", "nvs,data,nvs,,0x4000\nfactory,app,factory,,8M\nstorage,data,0x99,,64K\n")
        p.build()
        text = airlift("device", "run", p.path("build/flash.bin"), "--max-boots", "1")
        self.assertIn("level -7, cert a certificate\n", text)
        self.assertIn("storage stored\n", text)
        self.assertEqual(os.path.getsize(p.path("build/nvs.bin")), 0x4000)
        p.write("cert.txt", "another one")
        p.ninja()
        self.assertIn("cert another one", airlift("device", "run", p.path("build/flash.bin"), "--max-boots", "1"))

        p.write("parts.csv", "nvs2,data,nvs,,0x4000\nfactory,app,factory,,8M\nstorage,data,0x99,,64K\n")
        self.assertIn("the partition table has no NVS partition 'nvs', but nvs2", flat(p.ninja(ok=False)))
        with open(p.path("main/CMakeLists.txt"), "a", encoding="utf-8") as f:
            f.write("spiffs_create_partition_image(storage ../web FLASH_IN_PROJECT)\n")
        self.assertIn("spiffs_create_partition_image() is not supported on the virtual device",
                      flat(p.configure(ok=False)))

    def test_app_that_does_not_fit_is_refused_with_numbers(self):
        p = self.project().main("", register='EMBED_FILES "ballast.bin"')
        p.write("main/main.c", "#include <stdio.h>\nextern const char ballast[] asm(\"_binary_ballast_bin_start\");\n"
                               'void app_main(void) { printf("%c", ballast[3]); }\n')
        with open(p.path("main/ballast.bin"), "wb") as f:
            f.write(b"x" * (1 << 20))
        p.configure()
        output = p.ninja(ok=False)
        size = os.path.getsize(p.bin())
        self.assertIn("app.bin is too big: %d bytes" % size, output)
        self.assertIn("'factory' holds 1048576", output)
        self.assertFalse(os.path.exists(p.path("build/flash.bin")))

    def test_secure_version_and_rollback_follow_the_configuration(self):
        p = self.project().main("")
        p.write("sdkconfig.defaults", """
            CONFIG_PARTITION_TABLE_TWO_OTA=y
            CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y
            CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK=y
            CONFIG_BOOTLOADER_APP_SECURE_VERSION=3
            """)
        p.build()
        self.assertEqual(described(p.bin())[2], 3)
        chip = json.loads(p.read("build/flash.bin.json"))
        self.assertEqual((chip["rollback"], chip["anti_rollback"]), (True, True))
        self.assertEqual(chip.get("secure_version", 0), 0)  # fresh from the factory: burnt by the first boot
        p.write("sdkconfig.defaults", "CONFIG_PARTITION_TABLE_TWO_OTA=y\n")
        p.build()
        self.assertEqual(described(p.bin())[2], 0)
        self.assertFalse(json.loads(p.read("build/flash.bin.json"))["rollback"])  # ESP-IDF's default


class Components(SdkTest):
    def test_own_components_and_extra_directories(self):
        p = self.project(top='set(EXTRA_COMPONENT_DIRS "../other place" ../single)')
        p.main('    printf("%d %d %d %s\\n", one(), two(), THREE, WHERE);', '"one.h" "two.h" "three.h"',
               "REQUIRES one two three PRIV_REQUIRES nvs_flash esp_http_client bt")
        with open(p.path("main/CMakeLists.txt"), "a", encoding="utf-8") as f:
            f.write('idf_component_get_property(dir one COMPONENT_DIR)\nget_filename_component(n "${dir}" NAME)\n'
                    'target_compile_definitions(${COMPONENT_LIB} PRIVATE WHERE="${n}")\n')
        p.write("components/one/CMakeLists.txt",
                'idf_component_register(SRC_DIRS . EXCLUDE_SRCS not.c INCLUDE_DIRS include PRIV_INCLUDE_DIRS secret '
                'PRIV_REQUIRES two)\nidf_build_get_property(dir PROJECT_DIR)\n'
                'if(NOT EXISTS "${dir}/CMakeLists.txt")\n    message(FATAL_ERROR "no PROJECT_DIR")\nendif()\n')
        p.write("components/one/one.c", '#include "one.h"\n#include "hidden.h"\n#include "two.h"\n'
                                        "int one(void) { return HIDDEN + two() - 2; }\n")
        p.write("components/one/not.c", "#error this file is excluded\n")
        p.write("components/one/include/one.h", "int one(void);\n")
        p.write("components/one/secret/hidden.h", "#define HIDDEN 1\n")
        p.write("../other place/two/CMakeLists.txt", "idf_component_register(SRCS two.c INCLUDE_DIRS .)\n")
        p.write("../other place/two/two.c", '#include "two.h"\nint two(void) { return 2; }\n')
        p.write("../other place/two/two.h", "int two(void);\n")
        p.write("../single/CMakeLists.txt", "idf_component_register(INCLUDE_DIRS . REQUIRES three)\n")
        p.write("../single/CMakeLists.txt", "idf_component_register(INCLUDE_DIRS .)\n")
        p.write("../single/three.h", "#define THREE 3\n")
        p.write("main/CMakeLists.txt", p.read("main/CMakeLists.txt").replace("one two three", "one two single"))
        p.build()
        self.assertIn("1 2 3 one", p.run())

    def test_path_dependency_of_a_manifest(self):
        p = self.project().main('    printf("%d %s\\n", near(), CONFIG_EXAMPLE_WIFI_SSID);', '"near.h" "sdkconfig.h"',
                                "PRIV_REQUIRES nvs_flash")
        p.write("main/idf_component.yml", """
            ## a comment
            dependencies:
              idf: ">=5.0"
              near:
                path: "../../not far"   # relative to the manifest
              protocol_examples_common:
                path: ${IDF_PATH}/examples/common_components/protocol_examples_common
              espressif/led_strip:
                version: "^2.0"
                rules:
                  - if: "target in [esp32, esp32c3]"
            """)
        p.write("../not far/CMakeLists.txt", "idf_component_register(SRCS near.c INCLUDE_DIRS .)\n")
        p.write("../not far/near.c", '#include "near.h"\nint near(void) { return 4; }\n')
        p.write("../not far/near.h", "int near(void);\n")
        p.build()
        self.assertIn("4 myssid", p.run())

    def test_missing_dependencies_are_named(self):
        p = self.project().main("")
        p.write("main/idf_component.yml", "dependencies:\n  lost:\n    path: ../lost\n")
        self.assertIn("no component in %s" % p.path("lost"), flat(p.configure(ok=False)))
        p.write("main/idf_component.yml", 'dependencies:\n  espressif/led_strip: "^2.5"\n')
        output = flat(p.configure(ok=False))
        self.assertIn("needs espressif/led_strip from the component registry", output)

    def test_unsupported_component_is_named(self):
        p = self.project().main("", register="REQUIRES nvs_flash flux_capacitor")
        output = flat(p.configure(ok=False))
        self.assertIn("Component main requires flux_capacitor, which is not supported on the virtual device", output)
        p.main("", register="REQUIRED_IDF_TARGETS esp32 esp32s3")
        output = flat(p.configure(ok=False))
        self.assertIn("not supported on the virtual device: it requires esp32, esp32s3", output)

    def test_unsupported_header_says_so(self):
        p = self.project().main("", "<driver/uart.h>", "REQUIRES driver")
        p.configure()
        self.assertIn("driver/uart.h is not supported on the virtual device", p.ninja(ok=False))

    def test_project_of_an_older_esp_idf(self):
        p = self.project(top="set(SUPPORTED_TARGETS esp32)\nset(IDF_TARGET esp32)")
        p.write("CMakeLists.txt", p.read("CMakeLists.txt").replace("3.16", "3.5"))
        p.main('    xTaskHandle me = xTaskGetCurrentTaskHandle();\n    xQueueHandle queue = xQueueCreate(1, 1);\n'
               '    printf("%.6s %d %s %d %s\\n", text, COUNT, pcTaskGetTaskName(me), queue != NULL,\n'
               '           esp_ota_get_app_description()->version);', '"freertos/FreeRTOS.h" "freertos/queue.h" "esp_ota_ops.h"')
        p.write("sdkconfig.defaults", "CONFIG_FREERTOS_ENABLE_BACKWARD_COMPATIBILITY=y\n")
        p.write("version.txt", "1.0")
        p.write("main/main.c", 'extern const char text[] asm("_binary_ca_pem_start");\n#include "count.h"\n' +
                p.read("main/main.c"))
        p.write("main/CMakeLists.txt", 'set(COMPONENT_SRCS "main.c")\nset(COMPONENT_ADD_INCLUDEDIRS "inc")\n'
                'set(COMPONENT_REQUIRES bt protocomm esp_wifi)\n'
                'set(COMPONENT_EMBED_TXTFILES ${project_dir}/certs/ca.pem)\nregister_component()\n'
                'component_compile_definitions(COUNT=6)\n')
        p.write("main/inc/count.h", "#ifndef COUNT\n#error\n#endif\n")
        p.write("certs/ca.pem", "issuer")
        p.build()
        self.assertIn("issuer 6 main 1 1.0", p.run())

    def test_minimal_build_leaves_out_what_main_does_not_need(self):
        p = self.project(top="")
        p.write("CMakeLists.txt", p.read("CMakeLists.txt").replace(
            "project(app)", "idf_build_set_property(MINIMAL_BUILD ON)\nproject(app)"))
        p.main("", register="REQUIRES nvs_flash")
        p.write("components/broken/CMakeLists.txt", "idf_component_register(SRCS broken.c REQUIRES flux_capacitor)\n")
        p.write("components/broken/broken.c", "#error not for here\n")
        p.build()

    def test_component_of_this_repository_builds_from_source(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        p = self.project().main('    printf("%d %u\\n", airlift_check_now(), AL_DELTA_RAM);', '"airlift.h" "airlift/delta.h"')
        p.write("main/idf_component.yml", "dependencies:\n  airlift:\n    path: %s\n" % os.path.abspath(root))
        p.write("roomy.csv", ROOMY_CSV)
        p.write("sdkconfig.defaults", ROOMY + "CONFIG_AIRLIFT_DELTA_12K=y\n")
        p.build()
        self.assertIn("libairlift.a", os.listdir(p.path("build/esp-idf/airlift")))
        self.assertIn("#define CONFIG_AIRLIFT_DELTA 1", p.read("build/config/sdkconfig.h"))
        self.assertRegex(p.run(), r"\b12288\b")
        p.write("sdkconfig.defaults", ROOMY + "# CONFIG_AIRLIFT_DELTA is not set\n")
        p.build()
        self.assertNotIn("CONFIG_AIRLIFT_DELTA", p.read("build/config/sdkconfig.h"))

    def test_main_in_place_of_app_main(self):
        p = self.project().main("")
        p.write("main/main.c", '#include <stdio.h>\n#include "esp_app_desc.h"\n'
                               'int main(void) { printf("own main, %s\\n", esp_app_get_description()->version); }\n')
        p.build("-DPROJECT_VER=8.1")
        self.assertIn("own main, 8.1", p.run())

    def test_whole_archive_keeps_what_nothing_calls(self):
        p = self.project().main("", register="REQUIRES early")
        p.write("components/early/CMakeLists.txt", "idf_component_register(SRCS early.c WHOLE_ARCHIVE)\n")
        p.write("components/early/early.c", '#include <stdio.h>\n'
                '__attribute__((constructor)) static void early(void) { printf("early\\n"); }\n')
        p.build()
        self.assertIn("early", p.run())

    @unittest.skipUnless(shutil.which("c++"), "no C++ compiler")
    def test_cxx_component(self):
        p = self.project().main('    printf("%d\\n", plus());', "", "REQUIRES plus")
        p.write("main/main.c", "int plus(void);\n" + p.read("main/main.c"))
        p.write("components/plus/CMakeLists.txt", "idf_component_register(SRCS plus.cpp)\n")
        p.write("components/plus/plus.cpp", '#include <vector>\n#include "esp_log.h"\n'
                'extern "C" int plus(void) { std::vector<int> v{4, 5}; return v[0] + v[1]; }\n')
        p.build()
        self.assertIn("9", p.run())


class SignedProjects(SdkTest):
    SHOW = """
    esp_image_sig_public_key_digests_t signers;
    esp_err_t err = esp_secure_boot_get_signature_blocks_for_running_app(true, &signers);
    printf("secure boot %d, %s, %u signers, first %02x%02x\\n", esp_secure_boot_enabled(), esp_err_to_name(err),
           signers.num_digests, signers.key_digests[0][0], signers.key_digests[0][1]);
    """

    def signed(self, *options):
        p = self.project().main(self.SHOW, '"esp_err.h" "esp_secure_boot.h"')
        p.write("roomy.csv", ROOMY_CSV)
        p.write("sdkconfig.defaults", ROOMY + "\n".join("CONFIG_" + option for option in options) + "\n")
        return p

    def key(self, p, name="secure_boot_signing_key.pem", kind="ecdsa256"):
        airlift("keys", "new", "--type", kind, "-o", p.path(name))
        return airlift("keys", "digest", p.path(name)).split()[0]

    def test_app_and_bootloader_are_signed_by_the_build(self):
        p = self.signed("SECURE_SIGNED_APPS_NO_SECURE_BOOT=y")
        digest = self.key(p)
        p.build()
        for image in (p.bin(), p.path("build/bootloader/bootloader.bin")):
            airlift("image", "verify", "--digest", digest, image)
        airlift("image", "verify", "--digest", digest, p.path("build/app-unsigned.bin"), ok=False)
        self.assertIn("secure boot 0, ESP_OK, 1 signers, first %s" % digest[:4], p.run())
        with open(p.path("build/flash.bin.json"), encoding="utf-8") as f:
            self.assertFalse(json.load(f)["secure_boot"])

    def test_secure_boot_is_burnt_and_verifies_the_app(self):
        p = self.signed("SECURE_BOOT=y", "SECURE_SIGNED_APPS_ECDSA_V2_SCHEME=y", 'SECURE_BOOT_SIGNING_KEY="keys/a.pem"')
        os.makedirs(p.path("keys"))
        digest = self.key(p, "keys/a.pem")
        p.build()
        flash = p.path("build/flash.bin")
        with open(flash + ".json", encoding="utf-8") as f:
            description = json.load(f)
        self.assertEqual((description["secure_boot"], description["key_digests"]), (True, [digest]))
        self.assertIn("secure boot 1, ESP_OK, 1 signers, first %s" % digest[:4], self.output_of_device(flash))
        with open(p.bin(), "rb") as f:
            app = f.read()
        with open(flash, "r+b") as f:
            data = f.read()
            f.seek(data.index(app[:4096]) + len(app) - 4096 + 200)  # in the signature block: the image stays valid
            f.write(b"\xa5\x5a")
        self.assertNotIn("signers", self.output_of_device(flash))

    def output_of_device(self, flash):
        return call(os.path.join(STAGE, "bin/airlift"), "device", "run", flash, "--max-boots", "1", ok=None)

    def test_unsigned_build_leaves_secure_boot_off(self):
        p = self.signed("SECURE_BOOT=y", "SECURE_BOOT_BUILD_SIGNED_BINARIES=n")
        self.assertIn("secure boot is left off in flash.bin", flat(p.build()))
        with open(p.path("build/flash.bin.json"), encoding="utf-8") as f:
            self.assertFalse(json.load(f)["secure_boot"])

    def test_key_that_is_missing_or_no_digest_is_told(self):
        p = self.signed("SECURE_BOOT=y", "SECURE_SIGNED_APPS_ECDSA_V2_SCHEME=y")
        self.assertIn("airlift keys new --type ecdsa256 -o %s" % p.path("secure_boot_signing_key.pem"),
                      flat(p.configure(ok=False)))
        p = Project(os.path.join(self.tmp, "other"))
        p.main("")
        p.write("sdkconfig.defaults", 'CONFIG_SECURE_SIGNED_APPS_NO_SECURE_BOOT=y\nCONFIG_AIRLIFT_TRUSTED_KEY_DIGESTS="00ff"\n')
        self.assertIn('CONFIG_AIRLIFT_TRUSTED_KEY_DIGESTS: "00ff" is not a key\'s digest', flat(p.configure(ok=False)))

    def test_trusted_digests_reach_the_program(self):
        digests = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(2)]
        p = self.signed("SECURE_SIGNED_APPS_NO_SECURE_BOOT=y", "SECURE_BOOT_BUILD_SIGNED_BINARIES=n",
                        'AIRLIFT_TRUSTED_KEY_DIGESTS="%s, %s"' % tuple(digests))
        p.main('printf("%u keys, last %02x%02x\\n", (unsigned)airlift_sdkconfig.n_trusted_key_digests,'
               " airlift_sdkconfig.trusted_key_digests[1][0], airlift_sdkconfig.trusted_key_digests[1][31]);",
               '"airlift_sdkconfig.h"')
        p.build()
        self.assertIn("2 keys, last %s%s" % (digests[1][:2], digests[1][-2:]), p.run())


class Installation(SdkTest):
    def flash(self):
        p = self.project().main("")
        p.write("sdkconfig.defaults", "CONFIG_PARTITION_TABLE_TWO_OTA=y\n")
        p.build("-DPROJECT_VER=5.6.7")
        return p.path("build/flash.bin")

    def pkg_config(self, stage, *words):
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(stage, "lib/pkgconfig"))
        return call("pkg-config", *words, env=env).split()

    def compile(self, stage, text, module="airlift-idf"):
        source = os.path.join(self.tmp, "t.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        program = os.path.join(self.tmp, "t")
        output = call("cc", "-Wall", "-Wextra", "-Werror", "-o", program, source,
                      *self.pkg_config(stage, "--cflags", "--libs", module))
        self.assertEqual(output, "")
        return program

    def test_pkg_config_links_firmware(self):
        flash = self.flash()
        env = dict(os.environ, AIRLIFT_FLASH=flash, AIRLIFT_RUNNING="factory")
        body = r'''
            #include <stdio.h>
            #include <stdlib.h>
            #include "esp_ota_ops.h"
            #include "nvs_flash.h"
            %s
            {
                const esp_partition_t *next = esp_ota_get_next_update_partition(NULL);
                printf("%%s -> %%s, nvs %%d, tick %%d\n", esp_app_get_description()->version, next ? next->label : "?",
                       nvs_flash_init(), CONFIG_FREERTOS_HZ);
                exit(0);
            }
            '''
        for head in ("void app_main(void)", "int main(void)"):
            program = self.compile(STAGE, '#include "sdkconfig.h"\n' + textwrap.dedent(body % head))
            self.assertIn("5.6.7 -> ota_0, nvs 0, tick 100", call(program, env=env))

    def test_pkg_config_links_core(self):
        # The program brings the hashes along; here it needs none.
        program = self.compile(STAGE, '#include "airlift/chip.h"\n#include <stdio.h>\n'
                               'int main(void) { puts(al_chip_by_id(5)->name); return 0; }\n', "airlift-core")
        self.assertEqual(call(program).strip(), "esp32c3")

    def test_cmake_package(self):
        where = os.path.join(self.tmp, "consumer")
        os.mkdir(where)
        with open(os.path.join(where, "CMakeLists.txt"), "w", encoding="utf-8") as f:
            f.write("cmake_minimum_required(VERSION 3.22)\nproject(c C)\nfind_package(airlift 0.1 REQUIRED)\n"
                    "add_executable(c c.c)\ntarget_link_libraries(c airlift::idf)\n")
        with open(os.path.join(where, "c.c"), "w", encoding="utf-8") as f:
            f.write('#include "esp_err.h"\n#include <stdio.h>\nint main(void) { puts(esp_err_to_name(0x101)); }\n')
        call("cmake", "-G", "Ninja", "-B", "build", "-DCMAKE_PREFIX_PATH=" + STAGE, cwd=where)
        call("ninja", "-C", "build", cwd=where)
        self.assertEqual(call(os.path.join(where, "build/c")).strip(), "ESP_ERR_NO_MEM")

    def test_installation_can_be_moved(self):
        moved = os.path.join(self.tmp, "moved to")
        shutil.copytree(STAGE, moved, symlinks=True)
        p = self.project(stage=moved).main('    printf("moved\\n");')
        p.build()
        self.assertIn("moved", p.run())
        self.assertNotIn(os.path.abspath(STAGE), p.read("build/build.ninja"))

    def test_completion_is_a_bash_script(self):
        script = os.path.join(STAGE, "share/bash-completion/completions/airlift")
        call("bash", "-n", script)
        self.assertGreater(os.path.getsize(script), 100)

    def test_installed_files_hold_no_path_of_the_build(self):
        build = os.path.dirname(os.path.abspath(STAGE))
        for base, _, names in os.walk(STAGE):
            for name in names:
                if name.endswith((".pc", ".cmake", ".py", "Kconfig")) and name != "sdk-flags.cmake":
                    with open(os.path.join(base, name), encoding="utf-8") as f:
                        self.assertNotIn(build, f.read(), name)


class Images(SdkTest):
    def image(self, *words, elf="/bin/true", ok=True, env=None):
        out = os.path.join(self.tmp, "out.bin")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(out)
        text = airlift("image", "build", "--elf", elf, "-o", out, *words, ok=ok, env=env)
        self.assertEqual(os.path.exists(out), ok)
        return out if ok else text

    def test_image_holds_the_program(self):
        out = self.image("--project", "p", "--version", "1.4.3", "--secure-version", "2")
        with open("/bin/true", "rb") as f:
            elf = f.read()
        with open(out, "rb") as f:
            image = f.read()
        self.assertTrue(image[0x120:0x120 + len(elf)] == elf)
        self.assertEqual(described(out), ("1.4.3", "p", 2, hashlib.sha256(elf).digest()))
        self.assertEqual(struct.unpack_from("<H", image, 12)[0], 0xFFFF)
        self.assertEqual(hashlib.sha256(image[:-32]).digest(), image[-32:])
        self.assertTrue(json.loads(airlift("image", "verify", out, "--chip", "linux", "--json"))["valid"])

    def test_same_input_gives_the_same_image(self):
        words = ("--project", "p", "--version", "1")
        with open(self.image(*words), "rb") as f:
            first = f.read()
        with open(self.image(*words), "rb") as f:
            self.assertTrue(f.read() == first)
        env = dict(os.environ, SOURCE_DATE_EPOCH="1767225600")
        with open(self.image(*words, env=env), "rb") as f:
            dated = f.read()
        self.assertEqual(dated[0x70:0x78], b"00:00:00")
        self.assertEqual(dated[0x80:0x8B], b"Jan  1 2026")
        env["SOURCE_DATE_EPOCH"] = "yesterday"
        self.assertIn("SOURCE_DATE_EPOCH", self.image(*words, env=env, ok=False))

    def test_what_makes_no_image_is_refused(self):
        words = ("--project", "p", "--version", "1")
        long = "x" * 32
        self.assertIn("32 characters", self.image("--project", "p", "--version", long, ok=False))
        self.assertIn("32 characters", self.image("--project", long, "--version", "1", ok=False))
        self.assertIn("not an ELF", self.image(*words, elf=__file__, ok=False))
        self.assertIn("No such file", self.image(*words, elf="/nonexistent", ok=False))
        big = os.path.join(self.tmp, "big")
        shutil.copy("/bin/true", big)
        os.truncate(big, (16 << 20) - 256)
        self.assertIn("16 MiB", self.image(*words, elf=big, ok=False))
        os.truncate(big, (16 << 20) - 260)
        self.image(*words, elf=big)
        self.assertIn("32-bit programs", self.image("--chip", "esp32c3", *words, ok=False))
        short = os.path.join(self.tmp, "short")
        with open("/bin/true", "rb") as f, open(short, "wb") as g:
            g.write(f.read(40))
        self.assertIn("not an ELF", self.image(*words, elf=short, ok=False))

    @unittest.skipUnless(shutil.which("riscv64-unknown-elf-gcc"), "no RISC-V compiler")
    def test_program_for_a_chip_is_laid_out_in_pages(self):
        elf = self.chip_program(0x3C000020)
        out = self.image("--chip", "esp32c3", "--version", "9.9.1", elf=elf)
        report = json.loads(airlift("image", "verify", out, "--chip", "esp32c3", "--at", "0x10000", "--json"))
        self.assertTrue(report["valid"], report)
        with open(elf, "rb") as f:
            self.assertEqual(described(out), ("9.9.1", "chipapp", 3, hashlib.sha256(f.read()).digest()))
        with open(out, "rb") as f:
            image = f.read()
        segments, pos = {}, 24
        for _ in range(image[1]):
            addr, size = struct.unpack_from("<II", image, pos)
            pos += 8
            if addr >= 0x3C000000 and not 0x3FC00000 <= addr < 0x42000000:
                self.assertEqual(pos % 0x10000, addr % 0x10000)
            for i in range(0, size, 4):
                segments[addr + i] = image[pos + i:pos + i + 4]
            pos += size
        self.assertEqual(segments[0x3C000020], b"\x32\x54\xcd\xab")  # description
        for i in range(5000):  # RAM, cut into pieces to fill the gaps
            self.assertEqual(segments[0x3FC90000 + 4 * i], struct.pack("<I", i + 1 if i < 4 else 0))
        self.assertIn(0x42010020, segments)

    @unittest.skipUnless(shutil.which("riscv64-unknown-elf-gcc"), "no RISC-V compiler")
    def test_program_for_a_chip_without_description_is_refused(self):
        self.assertIn("no app description", self.image("--chip", "esp32c3", elf=self.chip_program(0x3C000020, magic=1), ok=False))
        self.assertIn("32 bytes into a page", self.image("--chip", "esp32c3", elf=self.chip_program(0x3C000040), ok=False))

    def chip_program(self, drom, magic=0xABCD5432):
        script = os.path.join(self.tmp, "c3.ld")
        source = os.path.join(self.tmp, "c3.c")
        elf = os.path.join(self.tmp, "c3.elf")
        with open(script, "w", encoding="utf-8") as f:
            f.write("ENTRY(start)\nMEMORY {\n drom (r) : ORIGIN = 0x%x, LENGTH = 4M\n" % drom +
                    " irom (rx) : ORIGIN = 0x42010020, LENGTH = 4M\n iram (rwx) : ORIGIN = 0x4037C000, LENGTH = 256K\n"
                    " dram (rw) : ORIGIN = 0x3FC90000, LENGTH = 128K\n}\nSECTIONS {\n"
                    " .flash.appdesc : { KEEP(*(.rodata_desc)) } > drom\n .flash.rodata : { *(.rodata*) } > drom\n"
                    " .flash.text : { *(.text*) } > irom\n .iram0.text : { *(.iram*) } > iram\n"
                    " .dram0.data : { *(.data*) *(.sdata*) } > dram\n .dram0.bss : { *(.bss*) } > dram\n}\n")
        with open(source, "w", encoding="utf-8") as f:
            f.write('__attribute__((section(".rodata_desc"))) const struct { unsigned magic, sv, r[2]; char version[32],'
                    ' project[32], rest[160]; } esp_app_desc = {0x%xu, 3, {0, 0}, "9.9", "chipapp", ""};\n' % magic +
                    "const char big[70000] = {1, 2, 3};\nint data[5000] = {1, 2, 3, 4};\nint zero[100];\n"
                    '__attribute__((section(".iram"))) int ir(int x) { return data[x] + zero[x]; }\n'
                    "int start(void) { return ir(big[5]); }\n")
        call("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-nostdlib", "-Os", "-g", "-T", script, source,
             "-o", elf)
        return elf


if __name__ == "__main__":
    STAGE = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
