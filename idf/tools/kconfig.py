#!/usr/bin/python3
"""From Kconfig files and sdkconfig.defaults to sdkconfig.h, sdkconfig.cmake and sdkconfig.c.

Kconfig itself is read by kconfiglib (Debian: python3-kconfiglib). This file adds what ESP-IDF does
around it: which files count in which order, renamed options, and the outputs.

Values, later ones win: sdkconfig.defaults[.linux] files in their order; the project's sdkconfig as
made for a board, without what names its chip; edits to the build's own sdkconfig. An edit is a
line that differs from what the last run wrote, so changed defaults take effect in an old build directory.

Prints the files that the result depends on, one a line; warnings go to stderr.
"""

import argparse
import glob
import os
import re
import ssl
import sys

try:
    import kconfiglib
except ImportError:
    sys.exit("kconfiglib is missing: apt-get install python3-kconfiglib")

SDKCONFIG_FIELDS = [  # field of struct airlift_sdkconfig, symbol, kind
    ("esp_https_ota_allow_http", "ESP_HTTPS_OTA_ALLOW_HTTP", bool),
    ("esp_https_ota_decrypt_cb", "ESP_HTTPS_OTA_DECRYPT_CB", bool),
    ("esp_https_ota_partial_download", "ESP_HTTPS_OTA_ENABLE_PARTIAL_DOWNLOAD", bool),
    ("esp_https_ota_verify_spi_mode", "ESP_HTTPS_OTA_VERIFY_SPI_MODE", bool),
    ("esp_https_ota_event_post_timeout_ms", "ESP_HTTPS_OTA_EVENT_POST_TIMEOUT", int),
    ("app_retrieve_len_elf_sha", "APP_RETRIEVE_LEN_ELF_SHA", int),
    ("freertos_hz", "FREERTOS_HZ", int),
    ("log_default_level", "LOG_DEFAULT_LEVEL", int),
    ("crt_bundle_without_system", "MBEDTLS_CERTIFICATE_BUNDLE_DEFAULT_NONE", bool),
    ("secure_signed_on_update_no_secure_boot", "SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT", bool),
    ("secure_signed_data_partition", "SECURE_SIGNED_DATA_PARTITION", bool),
]

# What would leave a product unprotected if it were ignored here.
UNSUPPORTED = ("SECURE_BOOT_V1_ENABLED", "SECURE_SIGNED_APPS_ECDSA_SCHEME", "SECURE_SIGNED_ON_BOOT_NO_SECURE_BOOT",
               "SECURE_BOOT_ECDSA_KEY_LEN_192_BITS", "SECURE_BOOT_ENABLE_AGGRESSIVE_KEY_REVOKE",
               "SECURE_FLASH_ENC_ENABLED", "NVS_ENCRYPTION")
MAX_TRUSTED_KEYS = 13  # beside the running app's three


# --- Files -------------------------------------------------------------------


def write_if_changed(path, text):
    """An unchanged header must not make everything compile again."""
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except OSError:
        pass
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


def read_lines(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def read_renames(paths):
    """{old: (new, inverted)} without the CONFIG_ prefix. Lines are `CONFIG_OLD [!]CONFIG_NEW`."""
    renames = {}
    for path in paths:
        for line in read_lines(path):
            m = re.match(r"\s*CONFIG_(\w+)\s+(!?)CONFIG_(\w+)\s*$", line)
            if m:
                renames[m[1]] = (m[3], bool(m[2]))
    return renames


def write_source_list(path, files):
    """A Kconfig file that sources the others; kconfiglib takes names as glob patterns."""
    lines = ['source "%s"' % glob.escape(f).replace("\\", "\\\\").replace('"', '\\"') for f in files]
    write_if_changed(path, "\n".join(lines) + "\n")


# --- Values ------------------------------------------------------------------


def assignment(line):
    """(symbol, value) of a line of an sdkconfig file; value None is `not set`. None for other lines."""
    m = re.match(r"\s*CONFIG_(\w+)\s*=\s*(.*?)\s*$", line)
    if m:
        return m[1], m[2]
    m = re.match(r"\s*# CONFIG_(\w+) is not set\s*$", line)
    return (m[1], None) if m else None


def translate(lines, renames, drop):
    out = []
    for line in lines:
        found = assignment(line)
        if not found or found[0] in drop or found[0].startswith(("SOC_", "IDF_TARGET_")):
            continue
        name, value = found
        if name in renames:
            name, inverted = renames[name]
            if inverted:
                value = "n" if value == "y" else "y"
        out.append("# CONFIG_%s is not set" % name if value is None else "CONFIG_%s=%s" % (name, value))
    return out


def load(kconf, source, lines, scratch):
    """Give `lines` to kconfiglib. Warns once about symbols nobody defines."""
    unknown = []
    kept = []
    for line in lines:
        name, value = assignment(line)
        sym = kconf.syms.get(name)
        if name in UNSUPPORTED and value == "y":
            sys.exit("%s: CONFIG_%s is not supported on the virtual device. Keep it in sdkconfig.defaults.CHIP, or "
                     "switch it off in sdkconfig.defaults.linux" % (source, name))
        if sym is not None and sym.nodes and not any(node.prompt for node in sym.nodes):
            continue  # follows from other options, whatever an old file says
        if sym is None or not sym.nodes:
            if value not in (None, "n"):
                unknown.append("CONFIG_" + name)
        else:
            kept.append(line)
    if unknown:
        shown = ", ".join(unknown[:12]) + (", and %d more" % (len(unknown) - 12) if len(unknown) > 12 else "")
        print("%s: unknown on the virtual device, ignored: %s" % (source, shown), file=sys.stderr)
    with open(scratch, "w", encoding="utf-8") as f:
        f.write("\n".join(kept) + "\n")
    kconf.load_config(scratch, replace=False)
    for warning in kconf.warnings:
        print("%s: %s" % (source, warning.replace(scratch, source)), file=sys.stderr)
    kconf.warnings.clear()
    os.unlink(scratch)


# --- Outputs -----------------------------------------------------------------


def written_symbols(kconf):
    """Symbols that have a value to write, each once, in the order of the files."""
    seen = set()
    for node in kconf.node_iter():
        sym = node.item
        if isinstance(sym, kconfiglib.Symbol) and sym not in seen and sym.config_string:
            seen.add(sym)
            yield sym


def c_string(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def c_value(sym):
    """How sdkconfig.h spells it; None for a bool that is n."""
    value = sym.str_value
    if sym.orig_type in (kconfiglib.BOOL, kconfiglib.TRISTATE):
        return "1" if value == "y" else None
    if sym.orig_type == kconfiglib.STRING:
        return c_string(value)
    if sym.orig_type == kconfiglib.HEX and not value.lower().startswith("0x"):
        return "0x" + value
    return value


def header(kconf, renames):
    lines = ["/* Generated from the project's Kconfig files and sdkconfig. */", "#pragma once", ""]
    defined = set()
    for sym in written_symbols(kconf):
        value = c_value(sym)
        if value is not None:
            defined.add(sym.name)
            lines.append("#define CONFIG_%s %s" % (sym.name, value))
    for old, (new, inverted) in sorted(renames.items()):
        if new in defined and not inverted and old not in kconf.syms:
            lines.append("#define CONFIG_%s CONFIG_%s" % (old, new))
    return "\n".join(lines) + "\n"


def cmake(kconf):
    lines = ["# Generated from the project's Kconfig files and sdkconfig."]
    names = []
    for sym in written_symbols(kconf):
        value = sym.str_value
        if sym.orig_type in (kconfiglib.BOOL, kconfiglib.TRISTATE):
            value = "y" if value == "y" else ""
        value = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        lines.append('set(CONFIG_%s "%s")' % (sym.name, value))
        names.append("CONFIG_" + sym.name)
    lines.append("set(CONFIGS_LIST %s)" % ";".join(names))
    return "\n".join(lines) + "\n"


def custom_bundle(kconf, project_dir):
    """Certificates that the project adds to the bundle, as PEM; the files they are in."""
    if kconf.syms["MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE"].str_value != "y":
        return "", []
    path = os.path.join(project_dir, kconf.syms["MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH"].str_value)
    files = sorted(glob.glob(os.path.join(glob.escape(path), "*"))) if os.path.isdir(path) else [path]
    pem = ""
    for file in files:
        try:
            with open(file, "rb") as f:
                data = f.read()
        except OSError as e:
            sys.exit("CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH: %s" % e)
        if data.startswith(b"\x30"):
            pem += ssl.DER_cert_to_PEM_cert(data)
        else:
            pem += data.decode("utf-8", "replace").rstrip() + "\n"
    return pem, files


def trusted_key_digests(kconf):
    """As lists of 32 numbers."""
    words = kconf.syms["AIRLIFT_TRUSTED_KEY_DIGESTS"].str_value.replace(",", " ").split()
    for word in words:
        if not re.fullmatch("[0-9A-Fa-f]{64}", word):
            sys.exit("CONFIG_AIRLIFT_TRUSTED_KEY_DIGESTS: \"%s\" is not a key's digest: 64 hexadecimal digits, as "
                     "`airlift keys digest` prints them" % word)
    if len(words) > MAX_TRUSTED_KEYS:
        sys.exit("CONFIG_AIRLIFT_TRUSTED_KEY_DIGESTS: %d digests; at most %d are looked at" % (len(words), MAX_TRUSTED_KEYS))
    return [list(bytes.fromhex(word)) for word in words]


def c_source(kconf, bundle):
    lines = [
        "/* Generated: the values that the SDK's own code acts on. */",
        '#include "airlift_sdkconfig.h"',
        "",
    ]
    trusted = trusted_key_digests(kconf)
    if trusted:
        lines.append("static const uint8_t trusted_key_digests[][32] = {")
        lines += ["    {%s}," % ", ".join("0x%02X" % byte for byte in digest) for digest in trusted]
        lines += ["};", ""]
    lines += [
        "const struct airlift_sdkconfig airlift_sdkconfig = {",
    ]
    for field, name, kind in SDKCONFIG_FIELDS:
        value = kconf.syms[name].str_value
        if kind is bool:
            value = "true" if value == "y" else "false"
        lines.append("    .%s = %s," % (field, value or "0"))
    if trusted:
        lines += ["    .trusted_key_digests = trusted_key_digests,", "    .n_trusted_key_digests = %d," % len(trusted)]
    if bundle:
        lines.append("    .crt_bundle_custom =")
        lines += ["        " + c_string(line)[:-1] + '\\n"' for line in bundle.splitlines()]
        lines[-1] += ","
    lines.append("};")
    return "\n".join(lines) + "\n"


# --- Main --------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True, help="the SDK's Kconfig")
    parser.add_argument("--idf-path", required=True)
    parser.add_argument("--idf-version", required=True)
    parser.add_argument("--project-dir", required=True)
    parser.add_argument("--sdkconfig", required=True, help="read for edits, and written")
    parser.add_argument("--board-sdkconfig", help="made by ESP-IDF for a chip; only read")
    parser.add_argument("--out", required=True, help="directory of the outputs")
    parser.add_argument("--defaults", action="append", default=[])
    parser.add_argument("--kconfig", action="append", default=[])
    parser.add_argument("--projbuild", action="append", default=[])
    parser.add_argument("--rename", action="append", default=[])
    args = parser.parse_args()

    os.makedirs(args.out, exist_ok=True)
    sources = os.path.join(args.out, "kconfigs.in")
    projbuild_sources = os.path.join(args.out, "kconfigs_projbuild.in")
    write_source_list(sources, args.kconfig)
    write_source_list(projbuild_sources, args.projbuild)
    os.environ.update(
        {
            "IDF_PATH": args.idf_path,
            "IDF_TARGET": "linux",
            "IDF_ENV_FPGA": "",
            "IDF_CI_BUILD": "",
            "IDF_INIT_VERSION": args.idf_version,
            "IDF_VERSION": args.idf_version,
            "PROJECT_DIR": args.project_dir,
            "COMPONENT_KCONFIGS_SOURCE_FILE": sources,
            "COMPONENT_KCONFIGS_PROJBUILD_SOURCE_FILE": projbuild_sources,
            "CONFIG_": "CONFIG_",
        }
    )

    try:
        kconf = kconfiglib.Kconfig(args.root, warn_to_stderr=False, suppress_traceback=False)
    except (kconfiglib.KconfigError, OSError) as e:
        sys.exit(str(e).strip())
    for warning in kconf.warnings:
        print(warning, file=sys.stderr)
    kconf.warnings.clear()
    kconf.warn_assign_override = False  # later files are there to override

    renames = read_renames(args.rename)
    base = os.path.join(args.out, "sdkconfig.base")
    scratch = os.path.join(args.out, "sdkconfig.scratch")
    drop = {"IDF_TARGET", "IDF_TARGET_ARCH", "IDF_FIRMWARE_CHIP_ID", "IDF_INIT_VERSION"}
    for path in args.defaults:
        load(kconf, path, translate(read_lines(path), renames, drop), scratch)
    if args.board_sdkconfig:
        # It lists every option of ESP-IDF: those unknown here are no surprise.
        lines = [
            line
            for line in translate(read_lines(args.board_sdkconfig), renames, drop)
            if assignment(line)[0] in kconf.syms
        ]
        load(kconf, args.board_sdkconfig, lines, scratch)

    was = set(read_lines(base))
    edits = [line for line in read_lines(args.sdkconfig) if line not in was] if was else []
    if not was:
        edits = read_lines(args.sdkconfig)  # given by the user before the first run
    kconf.write_config(base, header="# Generated; edit %s instead.\n" % os.path.basename(args.sdkconfig), save_old=False)
    if edits:
        load(kconf, args.sdkconfig, translate(edits, renames, drop), scratch)

    # kconfiglib leaves files alone that would not change.
    kconf.write_config(args.sdkconfig, header="# Configuration of this build; edits are kept.\n", save_old=False)
    write_if_changed(os.path.join(args.out, "sdkconfig.h"), header(kconf, renames))
    write_if_changed(os.path.join(args.out, "sdkconfig.cmake"), cmake(kconf))
    bundle, bundle_files = custom_bundle(kconf, args.project_dir)
    write_if_changed(os.path.join(args.out, "sdkconfig.c"), c_source(kconf, bundle))

    for path in kconf.kconfig_filenames:
        print(os.path.abspath(os.path.join(kconf.srctree, path)))
    for path in bundle_files + args.defaults + args.rename + ([args.board_sdkconfig] if args.board_sdkconfig else []):
        print(path)


if __name__ == "__main__":
    main()
