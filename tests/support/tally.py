"""Counts of tests and the one line that they end with."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)  # what failed, for people

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def fail(self, what: str) -> None:
        self.failed += 1
        self.failures.append(what)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def of_gtest(report: Path) -> Tally:
    """The cases of one program's GTEST_OUTPUT=json report. Raises ValueError for a report that is none."""
    tally = Tally()
    for suite in json.loads(report.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            if case.get("failures"):
                tally.fail(f"{report.stem}: {suite['name']}.{case['name']}")
            elif case["result"] == "SKIPPED" or case["status"] == "NOTRUN":
                tally.skipped += 1
            else:
                tally.passed += 1
    return tally


def of_output(text: str) -> Tally | None:
    """The last summary line of a program that prints one."""
    found = SUMMARY.findall(text)
    return Tally(*(int(number) for number in found[-1])) if found else None
