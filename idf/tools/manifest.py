#!/usr/bin/python3
"""Dependencies named by idf_component.yml files.

    manifest.py FILE...

prints `name|directory` for each dependency with a path, and `name|` for one that the component
registry would have to supply. Reads the part of YAML that such manifests are written in: nested
keys with plain or quoted values, {key: value} on one line, and lists of rules.
"""

import os
import re
import sys


def unquote(text):
    """A value without its quotes, or without the comment behind it."""
    text = text.strip()
    m = re.match(r"""(["'])(.*?)\1\s*(#.*)?$""", text)
    return m[2] if m else re.sub(r"\s+#.*$", "", text)


def split_key(line):
    """`key: value` -> (key, value), the value still quoted; None if it is not one."""
    m = re.match(r"""\s*(?:-\s+)?("[^"]*"|'[^']*'|[^:#"'\s][^:#]*?)\s*:(?:\s+(.*))?$""", line)
    return (unquote(m[1]), (m[2] or "").strip()) if m else None


def version_holds(comparisons):
    """`>=5.0,<6.0` for the version of ESP-IDF that this SDK stands for."""
    have = [int(n) for n in os.environ.get("IDF_VERSION", "5.5.0").split(".")]
    for comparison in comparisons.split(","):
        m = re.match(r"\s*(>=|<=|==|!=|>|<|~=|\^|~)?\s*v?(\d+(?:\.\d+)*)", unquote(comparison))
        if not m:
            continue
        want = [int(n) for n in m[2].split(".")]
        want += [0] * (3 - len(want))
        held = {
            ">=": have >= want,
            "<=": have <= want,
            ">": have > want,
            "<": have < want,
            "!=": have != want,
            "==": have == want,
        }.get(m[1], have >= want and have[0] == want[0])
        if not held:
            return False
    return True


def rule_holds(condition):
    """Rules about the target and ESP-IDF's version are decided; others count as true."""
    m = re.match(r"\s*idf_version\s*(.*)$", condition)
    if m:
        return version_holds(m[1])
    m = re.match(r"\s*target\s*(==|!=|not in|in)\s*(.*?)\s*$", condition)
    if not m:
        return True
    names = [unquote(n) for n in m[2].strip("[]").split(",")]
    return ("linux" in names) == (m[1] in ("==", "in"))


def dependencies(path):
    """Yields (name, {"path": ..., "rules": [...]}) of one manifest."""
    try:
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        sys.exit("%s: %s" % (path, e))
    inside = False
    level = None
    current = None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if "\t" in line[:indent]:
            sys.exit("%s:%d: a tab in the indentation" % (path, number))
        if indent == 0:
            inside = bool(re.match(r"dependencies\s*:", line))
            level = None
            continue
        if not inside:
            continue
        level = indent if level is None else level
        item = split_key(line)
        if indent == level:
            if not item:
                sys.exit("%s:%d: expected `name: version` or `name:`" % (path, number))
            if current:
                yield current
            current = (item[0], {"rules": []})
            m = re.match(r"\{(.*)\}\s*$", item[1])
            for part in m[1].split(",") if m else []:
                inner = split_key(part)
                if inner:
                    current[1][inner[0]] = unquote(inner[1])
        elif item and current:
            if item[0] == "if":
                current[1]["rules"].append(unquote(item[1]))
            elif item[0] in ("path", "override_path"):
                current[1]["path"] = unquote(item[1])
    if current:
        yield current


def main():
    for manifest in sys.argv[1:]:
        for name, entry in dependencies(manifest):
            if name == "idf" or not all(rule_holds(c) for c in entry["rules"]):
                continue
            path = entry.get("path", "")
            if path:
                path = os.path.expandvars(path)
                path = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(manifest)), path))
            print("%s|%s" % (name, path))


if __name__ == "__main__":
    main()
