#!/usr/bin/env python3
"""Kill whoever takes part in an update at random moments: never a bad boot, and the update completes on retry.

    chaos.py STAGE [--scenario NAME] [--runs N] [--seed S] [--jobs N]

A run is named by scenario and seed, and decides by them what is killed and when; a failure prints both, and
`--scenario NAME --seed S --runs 1` runs it again (the machine's own timing differs, so not to the flash operation:
tests/powercut is the exact proof). A scenario is a class in one of this directory's modules; README.md says how to
add one.
"""

import argparse
import concurrent.futures
import os
import shutil
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.path.insert(0, HERE)
import agent  # noqa: E402
from scenario import Scenario  # noqa: E402

def scenarios():
    import over_mqtt
    import over_s3
    import push
    found = {}
    for module in (push, over_mqtt, over_s3):
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, Scenario) and thing.name:
                found[thing.name] = thing
    return found


def one_run(kind, seed):
    """None, or what went wrong."""
    scenario = None
    try:
        scenario = kind(seed)
        scenario.run()
        return None
    except BaseException:  # noqa: B902 - whatever it is, it belongs to this run
        story = (scenario.story + (scenario.device.lines if scenario.device else [])) if scenario else []
        return "%s\n%s" % (traceback.format_exc(), "\n".join(story[-80:]))
    finally:
        if scenario:
            try:
                scenario.close()
            except AssertionError:
                pass  # told above, or the same again
            shutil.rmtree(scenario.dir, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage")
    parser.add_argument("--scenario", action="append")
    parser.add_argument("--runs", type=int, default=2, help="of each scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    agent.AIRLIFT = os.path.join(os.path.abspath(args.stage), "bin", "airlift")
    known = scenarios()
    for name in args.scenario or []:
        if name not in known:
            parser.error("no scenario %s: there are %s" % (name, ", ".join(sorted(known))))
    work = [(name, seed) for seed in range(args.seed, args.seed + args.runs) for name in args.scenario or sorted(known)]
    failed = 0
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = {pool.submit(one_run, known[name], seed): (name, seed) for name, seed in work}
        for job in concurrent.futures.as_completed(jobs):
            if job.result():
                failed += 1
                print("--- %s, seed %d:\n%s" % (*jobs[job], job.result()), flush=True)
    print("%d runs (%s), %d failed, %.0f s" % (len(work), ", ".join(args.scenario or sorted(known)), failed,
                                               time.monotonic() - begun))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
