"""Runs unittest modules and ends with the summary line.

python3 -m tests.support.unittests FILE... [-k WORD]: each FILE is a path from the root of the tree. Every test says
what it is and how long it took; what a test prints (figures) stands below it.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import unittest
from pathlib import Path

from tests.support.tally import Tally

ROOT = Path(__file__).resolve().parent.parent.parent


class Result(unittest.TestResult):
    """Counts a test with failing sub-tests once."""

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally()
        self.began = 0.0
        self.verdict = ""

    def startTest(self, test) -> None:
        super().startTest(test)
        self.began = time.monotonic()
        self.verdict = ""
        print(f"  {test.id().removeprefix('loaded_')} ...", flush=True)

    def stopTest(self, test) -> None:
        super().stopTest(test)
        if self.verdict == "FAILED":
            self.tally.fail(test.id().removeprefix("loaded_"))
        elif not self.verdict:
            self.verdict = "ok"
            self.tally.passed += 1
        print(f"    {self.verdict} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def _failed(self, test, error) -> None:
        print(self._exc_info_to_string(error, test), flush=True)
        if isinstance(test, unittest.TestCase):
            self.verdict = "FAILED"
        else:  # setUpClass or a module that does not load: no test of it ran
            self.tally.fail(str(test))

    def addFailure(self, test, err) -> None:
        self._failed(test, err)

    def addError(self, test, err) -> None:
        self._failed(test, err)

    def addSubTest(self, test, subtest, err) -> None:
        if err is not None:
            print(f"    in {subtest}")
            self._failed(test, err)

    def addSkip(self, test, reason) -> None:
        self.tally.skipped += 1
        self.verdict = f"skipped: {reason}"
        if not isinstance(test, unittest.TestCase):
            print(f"  {test}: {self.verdict}", flush=True)

    def addUnexpectedSuccess(self, test) -> None:
        self.verdict = "FAILED"


def load(path: Path, words: list[str] | None) -> unittest.TestSuite:
    spec = importlib.util.spec_from_file_location("loaded_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    loader = unittest.TestLoader()
    if words:
        loader.testNamePatterns = [f"*{word}*" for word in words]
    return loader.loadTestsFromModule(module)


def run(paths: list[Path], words: list[str] | None = None) -> Tally:
    result = Result()
    for path in paths:
        try:
            load(path, words).run(result)
        except Exception as error:  # a module that does not load must not hide the others
            print(f"  {path}: {error!r}", flush=True)
            result.tally.fail(f"{path}: {error!r}")
    return result.tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-k", dest="words", action="append", help="only tests whose name contains this")
    arguments = parser.parse_args()
    tally = run([path.resolve() for path in arguments.files], arguments.words)
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(tally, flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
