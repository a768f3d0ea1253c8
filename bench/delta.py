#!/usr/bin/env python3
"""Patch sizes between real firmware releases, in one run with bsdiff, xdelta3 and zstd.

    delta.py STAGE

The pair that is kept in tests/data/firmware, or all pairs of the corpus in the directory AIRLIFT_FIRMWARE. What
HPatchLite (LZMA, 12 KiB) makes of the corpus is quoted, as it is no package of Debian's.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PAIRS = [  # old, new, bytes of the best tool with a decoder of 32 KiB or less (quoted)
    ("S1", "wled-esp32-0.13.0", "wled-esp32-0.13.1", 11405),
    ("S2", "wled-esp32c3-0.14.1", "wled-esp32c3-0.14.2", 78812),
    ("S3", "wled-esp32c3-0.14.2", "wled-esp32c3-0.14.3", 36624),
    ("S4", "wled-esp32c3-0.14.2", "wled-esp32c3-0.15.0-b1", 259206),
    ("S5", "fluidnc-esp32s3-wifi-4.0.0", "fluidnc-esp32s3-wifi-4.0.1", 63714),
    ("S6", "fluidnc-esp32-wifi-3.9.9", "fluidnc-esp32-wifi-4.0.0", 272857),
    ("S7", "fluidnc-esp32-noradio-3.9.8", "fluidnc-esp32-noradio-3.9.9", 46664),
    ("S8", "rtk-esp32-3.6", "rtk-esp32-3.7", 13939),
]


def size_of(command, out):
    if os.path.exists(out):
        os.unlink(out)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return os.path.getsize(out)


def timed(command):
    """(seconds, MiB at most) of a process."""
    result = subprocess.run(["/usr/bin/time", "-f", "%e %M", *command], capture_output=True, text=True, check=True)
    seconds, kib = result.stderr.strip().splitlines()[-1].split()
    return float(seconds), int(kib) / 1024


def cpu_seconds():
    """Of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def apply_speed(command, new):
    """MB/s of the new file that the program makes, hashing and starting included: the best of five."""
    times = []
    for _ in range(5):
        before = cpu_seconds()
        size_of(command, command[-1])
        times.append(cpu_seconds() - before)
    return os.path.getsize(new) / min(times) / 1e6


def main():
    airlift = os.path.join(os.path.abspath(sys.argv[1]), "bin", "airlift")
    corpus = os.environ.get("AIRLIFT_FIRMWARE") or os.path.join(HERE, "../tests/data/firmware")
    pairs = [p for p in PAIRS if all(os.path.exists(f"{corpus}/{name}.bin") for name in p[1:3])]
    print("patches, bytes (quoted: the best of others with a decoder of 32 KiB or less); %d of %d pairs are in %s"
          % (len(pairs), len(PAIRS), corpus))
    print("%-3s %8s %8s %6s  %8s %8s %8s %10s  %6s %6s %6s" % ("", "airlift", "quoted", "ratio", "bsdiff", "xdelta3",
                                                               "zstd", "esp_delta", "sec", "MiB", "MB/s"))
    ratios, whole, speeds, seconds_most, mib_most = {}, [], [], 0, 0
    with tempfile.TemporaryDirectory() as work:
        out = os.path.join(work, "out")
        for name, old, new, quoted in pairs:
            old, new = f"{corpus}/{old}.bin", f"{corpus}/{new}.bin"
            make = [airlift, "delta", "make", "--format", "airlift", old, new, "-o", out]
            seconds, mib = timed(make)
            seconds_most, mib_most = max(seconds, seconds_most), max(mib, mib_most)
            ours = os.path.getsize(out)
            patch = out + ".patch"
            os.rename(out, patch)
            speed = apply_speed([airlift, "delta", "apply", old, patch, "-o", out], new)
            ratios[name] = ours / quoted
            print("%-3s %8d %8d %6.3f  %8d %8d %8d %10d  %6.2f %6.0f %6.1f" % (
                name, ours, quoted, ours / quoted, size_of(["bsdiff", old, new, out], out),
                size_of(["xdelta3", "-9", "-S", "lzma", "-e", "-f", "-s", old, new, out], out),
                size_of(["zstd", "-22", "--ultra", "--long=24", "--patch-from", old, new, "-f", "-o", out], out),
                size_of([airlift, "delta", "make", "--format", "esp_delta_ota", old, new, "-o", out], out), seconds, mib,
                speed))
            packed = size_of([airlift, "delta", "make", "--format", "airlift", "--whole", new, "-o", patch], patch)
            whole.append(100 * packed / os.path.getsize(new))
            speeds.append(apply_speed([airlift, "delta", "apply", "--whole", patch, "-o", out], new))
    small = [ratios[n] for n in ("S1", "S2", "S3", "S5", "S7", "S8") if n in ratios]
    if small:
        print("median of the small steps: %.3f of the quoted tool (goal: at most 0.40)" % statistics.median(small))
    for name in ("S4", "S6"):
        if name in ratios:
            print("large step %s: %.3f of the quoted tool (goal: at most 0.80)" % (name, ratios[name]))
    print("making a patch: %.1f s and %.0f MiB at most (goal for 2 MiB: at most 10 s and 256 MiB)" % (seconds_most, mib_most))
    if whole:
        print("whole images: %.1f %% of the original (median; goal: at most 54), %.0f to %.0f MB/s"
              % (statistics.median(whole), min(speeds), max(speeds)))
        print("decoding: the last column; goal: at least 20 MB/s, the program's start and the SHA-256 of both files included")
    print("decoder's memory and code: unit.delta and scripts/check-rv32.sh print them")


if __name__ == "__main__":
    main()
