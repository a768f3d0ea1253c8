"""A long script as several tests of ctest, so that they run beside each other.

A script says `from shares import load_tests`; ctest sets AIRLIFT_E2E_SHARE to "K/N", and every N-th of
the script's tests runs, beginning with the K-th. Without the variable, or with names of tests on the
command line, nothing changes.
"""

import os
import unittest


def each(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


def load_tests(loader, tests, pattern):
    number, _, of = os.environ.get("AIRLIFT_E2E_SHARE", "1/1").partition("/")
    return unittest.TestSuite(list(each(tests))[int(number) - 1::int(of)])
