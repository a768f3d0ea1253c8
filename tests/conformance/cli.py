"""Boot and image vectors through `airlift boot` and `airlift image verify`.

    cli.py STAGE
"""
import json
import os
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "data", "vectors")
AIRLIFT = os.path.join(sys.argv[1], "bin", "airlift")


def rows(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def image_path(name):
    return os.path.join(VECTORS, "images", name + ".bin")


def starting_flash(row):
    flash = bytearray(b"\xff") * row["flash_size"]
    for w in row["writes"]:
        if "hex" in w:
            data = bytes.fromhex(w["hex"])
        elif "image" in w:
            with open(image_path(w["image"]), "rb") as f:
                data = f.read()
        else:
            data = bytes.fromhex(w["fill"]) * w["len"]
        data = data[: max(0, len(flash) - w["offset"])]
        flash[w["offset"] : w["offset"] + len(data)] = data
    return bytes(flash)


def run(*words):
    done = subprocess.run([AIRLIFT, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def check_boot(row, path):
    """Differences of one case, as text."""
    config, expect = row["config"], row["expect"]
    with open(path, "wb") as f:
        f.write(starting_flash(row))
    with open(path + ".json", "w", encoding="utf-8") as f:
        json.dump({"chip": "esp32c3", "chip_revision": "0.4", "efuse_block_revision": "1.3",
                   "rollback": config["rollback"], "anti_rollback": config["anti_rollback"],
                   "secure_version": config["efuse_secure_version"]}, f)
    before = zlib.crc32(open(path, "rb").read())
    dry = run("boot", path, "--dry-run", "--json")
    if zlib.crc32(open(path, "rb").read()) != before:
        yield "--dry-run wrote to the flash"
    code, out, err = run("boot", path, "--json")
    if dry != (code, out, err):
        yield "--dry-run says %s, the boot %s" % (dry[1], out)
    label = out["boot"] if out["boot"] is not None else "none"
    if label != expect["boot"]:
        yield "boots %s, expected %s" % (label, expect["boot"])
    elif label == "none" and out["reason"] != expect["reason"]:
        yield "reason %s, expected %s" % (out["reason"], expect["reason"])
    elif label != "none" and out["offset"] != expect["boot_offset"]:
        yield "offset %s, expected %s" % (out["offset"], expect["boot_offset"])
    if code != (1 if label == "none" else 0) or err.count("\n") != code:
        yield "exit code %d, stderr %r" % (code, err)
    if out["secure_version"] != expect.get("efuse_secure_version_after", out["secure_version"]):
        yield "secure version %s, expected %s" % (out["secure_version"], expect["efuse_secure_version_after"])
    stored = json.load(open(path + ".json", encoding="utf-8"))["secure_version"]
    if stored != out["secure_version"]:
        yield "the description holds secure version %s" % stored
    if zlib.crc32(open(path, "rb").read()) != expect["flash_crc32_after"]:
        yield "flash differs"


def check_image(row, _path):
    expect = row["expect"]
    code, out, err = run("image", "verify", image_path(row["image"]), "--chip", "esp32c3",
                         "--chip-revision", "0.4", "--efuse-block-revision", "1.3",
                         "--at", hex(row["flash_offset"]), "--partition-size", str(row["partition_size"]), "--json")
    want = None if expect["verify"] == "ESP_OK" else expect["verify"]
    if (out["valid"], out["error"], out["image_len"]) != (want is None, want, expect["image_len"]):
        yield "%s, expected %s, %d" % (out, expect["verify"], expect["image_len"])
    if code != (0 if want is None else 1) or err.count("\n") != code:
        yield "exit code %d, stderr %r" % (code, err)


def check_sizes():
    """What no vector has: a partition of no bytes holds no image."""
    code, out, _ = run("image", "verify", image_path("app_v1"), "--partition-size", "0", "--json")
    if (code, out["error"]) != (1, "ESP_ERR_IMAGE_INVALID"):
        yield "partition size 0: exit code %d, %s" % (code, out)


def main():
    wrong = list(check_sizes())
    for text in wrong:
        print(text)
    passed, failed = int(not wrong), int(bool(wrong))
    with tempfile.TemporaryDirectory() as tmp:
        for name, check in (("boot.jsonl", check_boot), ("images.jsonl", check_image)):
            for row in rows(name):
                wrong = list(check(row, os.path.join(tmp, "flash.bin")))
                for text in wrong:
                    print("%s: %s" % (row["id"], text))
                failed, passed = failed + bool(wrong), passed + (not wrong)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main())
