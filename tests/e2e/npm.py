"""Node's packages for tests: installed once into the build tree, as a package-lock.json pins them."""

import fcntl
import os
import shutil
import subprocess


def read(path):
    with open(path) as f:
        return f.read()


def modules(source, home):
    """`npm ci` of source/package-lock.json in the directory `home`, unless that was done. Returns its node_modules."""
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, ".lock"), "w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        stamp = os.path.join(home, "node_modules", ".stamp")
        wanted = read(os.path.join(source, "package-lock.json"))
        if not os.path.exists(stamp) or read(stamp) != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(source, name), home)
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=home, check=True,
                           timeout=300)
            with open(stamp, "w") as f:
                f.write(wanted)
    return os.path.join(home, "node_modules")
